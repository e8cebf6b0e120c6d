"""What all mitigations in training share: the losses of single interactions of the model they stand before."""

from __future__ import annotations

from typing import Any

import torch

from recbole_ile.errors import InputError
from recbole_ile.plugin.catalogue.composed import Composed
from recbole_ile.plugin.data.popularity import TrainingPopularity
from recbole_ile.plugin.losses.group_losses import GroupLosses
from recbole_ile.plugin.losses.interaction_losses import InteractionLosses
from recbole_ile.plugin.losses.observers import find_loss_observer
from recbole_ile.plugin.losses.pair_terms import PairTerms


class NeedsInteractionLosses(Composed):
    """Mixin before a model of RecBole: takes the loss of each batch apart.

    A mitigation derives from it, and finds after ``super().calculate_loss`` the losses of the batch in
    ``batch_losses``, ``None`` in a phase of training that has no losses of interactions.
    """

    batch_losses: InteractionLosses | None

    def __init__(self, config: Any, dataset: Any) -> None:
        super().__init__(config, dataset)
        base = self.base_name
        observer = find_loss_observer(self, base, config)
        if observer is None:
            raise InputError(f"{config['model']}: {base} shows no loss of single interactions")
        self.loss_observer = observer
        self.popularity = TrainingPopularity.of(config, dataset)
        self.group_losses = GroupLosses(self.popularity)

    def calculate_loss(self, interaction: Any, *arguments: Any, **keywords: Any) -> Any:
        """Return the model's own loss, and keep the losses that it consists of."""
        self.loss_observer.start(self)
        loss = super().calculate_loss(interaction, *arguments, **keywords)
        self.batch_losses = self.loss_observer.interaction_losses(self, interaction)
        if self.batch_losses is not None and not self.observes_losses:
            self.group_losses.note(self.batch_losses)
        return loss

    def pair_terms(self) -> PairTerms:
        """Return what the model and the mitigations before it make of the loss of pairs."""
        return super().pair_terms()

    @property
    def observes_losses(self) -> bool:
        """Whether a mitigation adds up the losses by group itself, in each batch."""
        return False


def first_part(loss: torch.Tensor | tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
    """Split what a model's ``calculate_loss`` returns into its main loss and its further parts."""
    own, *further = loss if isinstance(loss, tuple) else (loss,)
    return own, tuple(further)
