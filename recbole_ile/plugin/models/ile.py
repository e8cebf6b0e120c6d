"""Item Loss Equalization as a mixin of a RecBole model."""

from __future__ import annotations

from typing import Any

import torch

from recbole_ile.functional.equalization import disparity
from recbole_ile.plugin.models.capturing import CapturedLosses, first_part


class ItemLossEqualization(CapturedLosses):
    """Adds ``ile_lambda * D`` to a model's loss, D the disparity of the mean losses of the item groups.

    Stands before the model in the bases of the composed class. Source: Prent & Mansoury, arXiv 2410.04830,
    equation 2.
    """

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
        if self.captured_losses is None:
            return loss
        own, further = first_part(loss)
        if self.ile_lambda == 0.0:
            term = torch.zeros_like(own)
        else:
            means, present = self.group_losses.observe_means(self.captured_losses)
            term = self.ile_lambda * disparity(means, present, self.ile_distance)
        return (own, term, *further) if self.loss_in_parts else own + term  # type: ignore[attr-defined]
