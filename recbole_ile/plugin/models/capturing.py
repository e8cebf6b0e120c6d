"""What all mitigations in training share: the losses of single interactions of the model they stand before."""

from __future__ import annotations

from typing import Any

import torch

from recbole_ile.errors import InputError
from recbole_ile.plugin.models.captured import Captured
from recbole_ile.plugin.models.group_losses import GroupLosses
from recbole_ile.plugin.models.sources import find_source
from recbole_ile.plugin.popularity import TrainingPopularity


class CapturedLosses:
    """Mixin before a model of RecBole: takes the loss of each batch apart.

    A mitigation derives from it, and finds after ``super().calculate_loss`` the losses of the batch in
    ``captured_losses``, ``None`` in a phase of training that has no losses of interactions.
    """

    captured_losses: Captured | None

    def __init__(self, config: Any, dataset: Any) -> None:
        super().__init__(config, dataset)  # type: ignore[call-arg]
        base = self.base_name  # type: ignore[attr-defined]
        source = find_source(self, base, config)  # type: ignore[arg-type]
        if source is None:
            raise InputError(f"{config['model']}: {base} shows no loss of single interactions")
        self.loss_source = source
        self.popularity = TrainingPopularity.of(config, dataset)
        self.group_losses = GroupLosses(self.popularity)

    def calculate_loss(self, interaction: Any, *arguments: Any, **keywords: Any) -> Any:
        """Return the model's own loss, and keep the losses that it consists of."""
        self.loss_source.start(self)
        loss = super().calculate_loss(interaction, *arguments, **keywords)  # type: ignore[misc]
        self.captured_losses = self.loss_source.captured(self, interaction)
        if self.captured_losses is not None and not self.observes_losses:
            self.group_losses.note(self.captured_losses)
        return loss

    @property
    def observes_losses(self) -> bool:
        """Whether a mitigation adds up the losses by group itself, in each batch."""
        return False


def first_part(loss: torch.Tensor | tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
    """Split what a model's ``calculate_loss`` returns into its main loss and its further parts."""
    own, *further = loss if isinstance(loss, tuple) else (loss,)
    return own, tuple(further)
