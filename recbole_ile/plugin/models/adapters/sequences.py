"""Sequential models that compute their loss inline: BERT4Rec, RepeatNet and S3Rec's fine-tuning."""

from __future__ import annotations

from typing import Any

import recbole.model.sequential_recommender as recbole_models

from recbole_ile.plugin.losses.interaction_losses import InteractionLosses, one_each
from recbole_ile.plugin.models.adapters.seeing import SeesReductions


class BERT4Rec(SeesReductions, recbole_models.BERT4Rec):
    """An observed interaction is a masked position of a sequence."""

    def calculate_loss(self, interaction: Any) -> Any:
        """Return the model's loss."""
        with self.watch_reductions:
            return super().calculate_loss(interaction)

    def interaction_losses(self, interaction: Any) -> InteractionLosses | None:
        """Return the loss of each masked position; those that fill up short sequences have count 0."""
        values = self.first_kept().values.reshape(-1)
        masked = (interaction[self.MASK_INDEX] > 0).to(values.dtype).reshape(-1)
        return InteractionLosses(values, interaction[self.POS_ITEMS].reshape(-1), masked, 1.0 / masked.sum())


class RepeatNet(SeesReductions, recbole_models.RepeatNet):
    """The likelihood of the target is the main loss; that of repeating or exploring is auxiliary."""

    def calculate_loss(self, interaction: Any) -> Any:
        """Return the model's loss."""
        with self.watch_reductions:
            return super().calculate_loss(interaction)

    def interaction_losses(self, interaction: Any) -> InteractionLosses | None:
        """Return the loss of each target item."""
        kept = self.first_kept()
        return one_each(kept.values, kept.scale, interaction, self.fields)


class S3Rec(SeesReductions, recbole_models.S3Rec):
    """Pre-training has no losses of single interactions."""

    def calculate_loss(self, interaction: Any) -> Any:
        """Return the loss of the stage."""
        if self.train_stage == "pretrain":
            return super().calculate_loss(interaction)
        with self.watch_reductions:
            return super().calculate_loss(interaction)

    def interaction_losses(self, interaction: Any) -> InteractionLosses | None:
        """Return the loss of each target item in fine-tuning."""
        if self.train_stage == "pretrain":
            return None
        kept = self.first_kept()
        return one_each(kept.values, kept.scale, interaction, self.fields)
