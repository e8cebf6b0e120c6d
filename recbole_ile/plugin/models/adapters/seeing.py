"""What the adapters share: a watch over the part of a model that computes its loss."""

from __future__ import annotations

from typing import Any

from recbole_ile.plugin.catalogue.composed import Composed
from recbole_ile.plugin.losses.interaction_losses import Fields, InteractionLosses, LossesNotSeenError, by_item
from recbole_ile.plugin.losses.reductions import Kept, LogLikelihoods, Reductions


class SeesReductions(Composed):
    """Mixin before a model whose losses are reduced inline; ``watch_reductions`` surrounds the place."""

    def __init__(self, config: Any, dataset: Any) -> None:
        super().__init__(config, dataset)
        self.watch_reductions = Reductions()
        self.fields = Fields.of(config, self)

    def start_batch(self) -> None:
        """Forget what was seen of the batches before."""
        self.watch_reductions.take()

    def first_kept(self) -> Kept:
        """Return what the first reduction reduced.

        Raises:
            LossesNotSeenError: if there was none.
        """
        kept = self.watch_reductions.take()
        if not kept:
            raise LossesNotSeenError("the model reduced no losses")
        return kept[0]


class SeesLogLikelihoods(Composed):
    """Mixin before an autoencoder: cross entropy of all items with each user's row of the interaction matrix.

    The main loss is the sum over a user's items of ``-log_softmax``, averaged over the users of the batch.
    """

    def __init__(self, config: Any, dataset: Any) -> None:
        super().__init__(config, dataset)
        self.watch_likelihoods = LogLikelihoods()

    def start_batch(self) -> None:
        """Forget what was seen of the batches before."""
        self.watch_likelihoods.take()

    def calculate_loss(self, interaction: Any, *arguments: Any, **keywords: Any) -> Any:
        """Return the model's loss."""
        with self.watch_likelihoods:
            return super().calculate_loss(interaction, *arguments, **keywords)

    def interaction_losses(self, interaction: Any) -> InteractionLosses | None:
        """Return the losses by item.

        Raises:
            LossesNotSeenError: if the model computed them not once.
        """
        kept = self.watch_likelihoods.take()
        if len(kept) != 1:
            raise LossesNotSeenError(f"the model computed {len(kept)} cross entropies")
        ((likelihoods, interactions),) = kept
        return by_item(-likelihoods.sum(dim=0), interactions.sum(dim=0), None, 1.0 / len(interactions))
