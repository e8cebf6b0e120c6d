"""Item Loss Equalization as a mixin of a RecBole model."""

from __future__ import annotations

from typing import Any

import torch

from recbole_ile.functional.equalization import disparity
from recbole_ile.plugin.losses.loss_parts import LossParts
from recbole_ile.plugin.losses.pair_terms import PairTerms
from recbole_ile.plugin.mitigations.in_training import NeedsInteractionLosses, first_part


class ItemLossEqualization(NeedsInteractionLosses):
    """Adds ``ile_lambda * D`` to a model's loss, D the disparity of the mean losses of the item groups.

    Stands before the model in the bases of the composed class. Source: Prent & Mansoury, arXiv 2410.04830,
    equation 2.

    Attributes:
        last_loss_parts: of the last batch, ``None`` before the first.
        ile_lambda: the weight now, which a fairness target changes between epochs.
    """

    last_loss_parts: LossParts | None = None

    def __init__(self, config: Any, dataset: Any) -> None:
        super().__init__(config, dataset)
        self.ile_lambda = float(config["ile_lambda"])
        self.ile_distance = config["ile_distance"]

    @property
    def observes_losses(self) -> bool:
        """Whether the batch's group means are computed for the loss, and need not be again for the report."""
        return self.ile_lambda > 0.0

    def calculate_loss(self, interaction: Any, *arguments: Any, **keywords: Any) -> Any:
        """Return the model's own loss, the ILE term as a part of its own, and the model's further parts.

        A model whose trainer adds up one number returns the sum.
        """
        loss = super().calculate_loss(interaction, *arguments, **keywords)
        if self.batch_losses is None:
            return loss
        own, further = first_part(loss)
        if self.ile_lambda == 0.0:
            term = torch.zeros_like(own)
        else:
            means, present = self.group_losses.observe_means(self.batch_losses)
            term = self.ile_lambda * disparity(means, present, self.ile_distance)
        self._tell(own.detach(), term.detach())
        return (own, term, *further) if self.loss_in_parts else own + term

    def pair_terms(self) -> PairTerms:
        """Return the terms of the model, with the disparity."""
        terms = super().pair_terms()
        return terms._replace(penalty=self.ile_lambda, distance=self.ile_distance, tell=self._tell)

    def _tell(self, own: torch.Tensor, term: torch.Tensor) -> None:
        settings = {"ile_lambda": self.ile_lambda, "ile_distance": self.ile_distance}
        self.last_loss_parts = LossParts(own, term, "ILE", "ile_lambda", settings)
