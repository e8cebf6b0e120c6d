"""Item Loss Equalization as a mixin of a RecBole model."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch

from recbole_ile.functional.equalization import disparity
from recbole_ile.functional.fairness_target import ascended, shrinks
from recbole_ile.plugin.models.capturing import CapturedLosses, first_part


class LossParts(NamedTuple):
    """The two parts of a batch's loss, each a number, and what the second one came from."""

    own: torch.Tensor
    term: torch.Tensor
    ile_lambda: float
    ile_distance: str

    def __str__(self) -> str:
        return (
            f"base loss {self.own.item():g}, ILE term {self.term.item():g} (ile_lambda={self.ile_lambda:g}, "
            f"ile_distance={self.ile_distance})"
        )


class ItemLossEqualization(CapturedLosses):
    """Adds ``ile_lambda * D`` to a model's loss, D the disparity of the mean losses of the item groups.

    Stands before the model in the bases of the composed class. Source: Prent & Mansoury, arXiv 2410.04830,
    equation 2.

    Attributes:
        last_loss_parts: of the last batch, ``None`` before the first.
        ile_lambda: the weight now.
        target_weight: the weight to which a fairness target has led, without what is added while it is missed.
    """

    last_loss_parts: LossParts | None = None

    def __init__(self, config: Any, dataset: Any) -> None:
        super().__init__(config, dataset)
        given = float(config["ile_lambda"])
        self.ile_distance = config["ile_distance"]
        self._validations, self._stalled, self._best, self._violated = 0, 0, -math.inf, 0.0
        self._rate, self._push = float(config["ile_target_rate"]), float(config["ile_target_push"])
        self._wait, reach = int(config["ile_target_wait"]), float(config["ile_target_range"])
        self._range = (given / reach, given * reach)
        # A model that has once been made fairer than wanted does not get its accuracy back.
        self.ile_lambda = self.target_weight = self._range[0] if config["ile_target"] else given

    @property
    def can_be_raised(self) -> bool:
        """Whether the weight is below its highest value."""
        return self.target_weight < self._range[1]

    def has_learned(self, accuracy: float) -> bool:
        """Tell whether accuracy has once stopped rising, for as many validations as lie between two steps.

        Args:
            accuracy: of the last validation, more being better.
        """
        if self._stalled < self._wait:
            self._stalled = 0 if accuracy > self._best else self._stalled + 1
            self._best = max(self._best, accuracy)
        return self._stalled >= self._wait

    def steer(self, violated: float) -> None:
        """Adapt the weight to how far the last validation was from a fairness target.

        Args:
            violated: what ``fairness_target.violation`` returns.
        """
        self._validations += 1
        if self._validations % self._wait == 0:
            if not shrinks(self._violated, violated):
                self.target_weight = ascended(self.target_weight, violated, self._rate, *self._range)
            self._violated = violated
        self.ile_lambda = ascended(self.target_weight, violated, self._push, *self._range)

    @property
    def observes_losses(self) -> bool:
        """Whether the batch's group means are computed for the loss, and need not be again for the report."""
        return self.ile_lambda > 0.0

    def calculate_loss(self, interaction: Any, *arguments: Any, **keywords: Any) -> Any:
        """Return the model's own loss, the ILE term as a part of its own, and the model's further parts.

        A model whose trainer adds up one number returns the sum.
        """
        loss = super().calculate_loss(interaction, *arguments, **keywords)
        if self.captured_losses is None:
            return loss
        own, further = first_part(loss)
        if self.ile_lambda == 0.0:
            term = torch.zeros_like(own)
        else:
            means, present = self.group_losses.observe_means(self.captured_losses)
            term = self.ile_lambda * disparity(means, present, self.ile_distance)
        self.last_loss_parts = LossParts(own.detach(), term.detach(), self.ile_lambda, self.ile_distance)
        return (own, term, *further) if self.loss_in_parts else own + term  # type: ignore[attr-defined]
