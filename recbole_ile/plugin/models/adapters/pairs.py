"""General models that train on pairs with a loss of their own: SGL, SimpleX and LINE."""

from __future__ import annotations

from typing import Any

import recbole.model.general_recommender as recbole_models
import torch

from recbole_ile.plugin.losses.interaction_losses import InteractionLosses, LossesNotSeenError, one_each
from recbole_ile.plugin.models.adapters.seeing import SeesReductions


class SGL(SeesReductions, recbole_models.SGL):
    """The BPR loss, a sum, is the main one; the contrastive loss is auxiliary."""

    def calc_bpr_loss(self, *arguments: Any, **keywords: Any) -> Any:
        """Return the BPR loss with its regularisation."""
        with self.watch_reductions:
            return super().calc_bpr_loss(*arguments, **keywords)

    def interaction_losses(self, interaction: Any) -> InteractionLosses | None:
        """Return the BPR loss of each interaction."""
        kept = self.first_kept()
        return one_each(kept.values, kept.scale, interaction, self.fields)


class SimpleX(SeesReductions, recbole_models.SimpleX):
    """A batch repeats each interaction for each of its negatives; the loss has it once, with all of them."""

    def forward(self, *arguments: Any, **keywords: Any) -> Any:
        """Return the cosine contrastive loss with its regularisation."""
        with self.watch_reductions:
            return super().forward(*arguments, **keywords)

    def interaction_losses(self, interaction: Any) -> InteractionLosses | None:
        """Return the loss of each interaction."""
        kept = self.first_kept()
        values = kept.values.reshape(-1)
        return InteractionLosses(values, interaction[self.fields.item][: len(values)], None, kept.scale)


class LINE(SeesReductions, recbole_models.LINE):
    """An interaction's loss is that of its own score and of the sampled one, and both again of the context.

    Attributes:
        item_shifts: ``[I]`` what the score of each item gains in training, if anything.
    """

    item_shifts: torch.Tensor | None = None

    def forward(self, h: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        """Return the ``[B]`` scores of users and items."""
        return self._shifted(super().forward(h, t), t)

    def context_forward(self, h: torch.Tensor, t: torch.Tensor, field: str) -> torch.Tensor:
        """Return the ``[B]`` scores of one and the context of the other, ``uu`` users and items, ``ii`` the reverse."""
        return self._shifted(super().context_forward(h, t, field), t if field == "uu" else h)

    def _shifted(self, scores: torch.Tensor, items: torch.Tensor) -> torch.Tensor:
        return scores if self.item_shifts is None else scores + self.item_shifts[items]

    def calculate_loss(self, interaction: Any) -> Any:
        """Return the model's loss."""
        with self.watch_reductions:
            return super().calculate_loss(interaction)

    def interaction_losses(self, interaction: Any) -> InteractionLosses | None:
        """Return the sum of the losses of each interaction."""
        kept = self.watch_reductions.take()
        if len(kept) not in (2, 4):
            raise LossesNotSeenError(f"the model reduced {len(kept)} losses")
        factors = [1.0, 1.0] + [getattr(self, "second_order_loss_weight", 0.0)] * 2
        values = sum(factor * each.values for factor, each in zip(factors, kept, strict=False))
        return one_each(values, kept[0].scale, interaction, self.fields)
