"""Knowledge-aware models whose losses of interactions and of the graph go through one module: CFKG, KGNNLS, MKR."""

from __future__ import annotations

from typing import Any

import recbole.model.knowledge_aware_recommender as recbole_models
import torch

from recbole_ile.plugin.losses.interaction_losses import InteractionLosses, one_each
from recbole_ile.plugin.models.adapters.seeing import SeesReductions


class CFKG(SeesReductions, recbole_models.CFKG):
    """A batch's triplets of the graph are further entries of its one mean."""

    def calculate_loss(self, interaction: Any) -> Any:
        """Return the model's loss."""
        with self.watch_reductions:
            return super().calculate_loss(interaction)

    def interaction_losses(self, interaction: Any) -> InteractionLosses | None:
        """Return the loss of each interaction, and of each triplet with count 0."""
        kept, items = self.first_kept(), interaction[self.fields.item]
        triplets = len(kept.values) - len(items)
        counts = torch.cat([kept.values.new_ones(len(items)), kept.values.new_zeros(triplets)])
        return InteractionLosses(kept.values, torch.cat([items, items.new_zeros(triplets)]), counts, kept.scale)


class KGNNLS(SeesReductions, recbole_models.KGNNLS):
    """Of its two calls of one loss, the first is that of the interactions, the second smooths labels."""

    def calculate_loss(self, interaction: Any) -> Any:
        """Return the model's loss."""
        with self.watch_reductions:
            return super().calculate_loss(interaction)

    def interaction_losses(self, interaction: Any) -> InteractionLosses | None:
        """Return the loss of each interaction and of its negative."""
        kept = self.first_kept()
        return one_each(kept.values, kept.scale, interaction, self.fields)


class MKR(recbole_models.MKR):
    """The loss of interactions is ``calculate_loss``, as in all other models."""

    def calculate_rs_loss(self, interaction: Any) -> Any:
        """Return the loss of interactions, with what a mitigation adds; the trainer asks for it by this name."""
        return self.calculate_loss(interaction)

    def calculate_loss(self, interaction: Any) -> Any:
        """Return RecBole's loss of interactions."""
        return super().calculate_rs_loss(interaction)
