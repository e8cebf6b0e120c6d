"""Item Loss Equalization as a mixin of a RecBole model."""

from __future__ import annotations

from typing import Any

import torch

from recbole_ile.errors import InputError
from recbole_ile.functional.equalization import disparity
from recbole_ile.plugin.models.group_losses import GroupLosses
from recbole_ile.plugin.models.recording import record_loss
from recbole_ile.plugin.popularity import TrainingPopularity


class ItemLossEqualization:
    """Adds ``ile_lambda * D`` to a model's loss, D the disparity of the mean losses of the item groups.

    Stands before the model in the bases of the composed class. Source: Prent & Mansoury, arXiv 2410.04830,
    equation 2.
    """

    def __init__(self, config: Any, dataset: Any) -> None:
        super().__init__(config, dataset)  # type: ignore[call-arg]
        recorded = record_loss(self)  # type: ignore[arg-type]
        if recorded is None:
            raise InputError(f"{config['model']}: ILE needs a model with one pairwise BPRLoss, such as BPR or LightGCN")
        self.ile_lambda = float(config["ile_lambda"])
        self.ile_distance = config["ile_distance"]
        popularity = TrainingPopularity.of(config, dataset)
        self.group_losses = GroupLosses(recorded, popularity, config["ITEM_ID_FIELD"])

    @classmethod
    def check_base(cls, name: str, base: type[Any]) -> None:
        """Refuse a base model that has no gradient training to inject the loss into.

        Raises:
            InputError: names the model and why.
        """
        from recbole.utils import InputType

        if getattr(base, "input_type", None) is not InputType.PAIRWISE:
            raise InputError(f"{name}: ILE needs a model trained on pairs, such as BPR or LightGCN")

    def calculate_loss(self, interaction: Any) -> tuple[torch.Tensor, ...]:
        """Return the model's own loss, the ILE term as a part of its own, and the model's further parts."""
        self.group_losses.recorded.clear()
        loss = super().calculate_loss(interaction)  # type: ignore[misc]
        own, *further = loss if isinstance(loss, tuple) else (loss,)
        if self.ile_lambda == 0.0:
            self.group_losses.note(interaction)
            return own, torch.zeros_like(own), *further
        means, present = self.group_losses.observe_means(interaction)
        return own, self.ile_lambda * disparity(means, present, self.ile_distance), *further
