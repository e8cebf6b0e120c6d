"""The mean loss of each item group, per batch for the penalty and per epoch for the report."""

from __future__ import annotations

from typing import Any

import torch

from recbole_ile.functional.equalization import group_sums
from recbole_ile.plugin.models.recording import record_loss, stop_recording
from recbole_ile.plugin.popularity import TrainingPopularity
from recbole_ile.plugin.process_group import global_sums

NOTED = 64
"""Batches whose losses are added up together: one by one, adding would take longer than the rest of it."""


class GroupLosses:
    """Reads the recorded losses of a model after each ``calculate_loss`` and adds them up by item group.

    Args:
        recorded: the list that ``record_loss`` returned.
        popularity: the item groups, from training interactions.
        item_field: the name of the item column of a batch.
    """

    def __init__(self, recorded: list[torch.Tensor], popularity: TrainingPopularity, item_field: str) -> None:
        self.recorded = recorded
        self.names = popularity.group_names
        self.item_field = item_field
        self._groups = torch.from_numpy(popularity.groups_by_id)
        self._sums: list[tuple[torch.Tensor, torch.Tensor]] = []
        self._noted: list[tuple[torch.Tensor, torch.Tensor]] = []

    def start_epoch(self) -> None:
        """Forget the losses of the batches so far."""
        self._sums.clear()
        self._noted.clear()

    def note(self, interaction: Any) -> None:
        """Take the losses of the batch that the model has just seen, for the report alone.

        Args:
            interaction: the batch, with ``[B]`` positive items; of several processes, the slice of this one.

        Raises:
            RuntimeError: if the model computed its loss not once, or not for each interaction.
        """
        self._noted.append((self._taken(interaction).detach(), interaction[self.item_field]))
        if len(self._noted) == NOTED:
            self._add_up_noted()

    def observe_means(self, interaction: Any) -> tuple[torch.Tensor, torch.Tensor]:
        """Take the losses of the batch as ``note`` does, and return the means of the global batch of all processes.

        Returns:
            ``[G]`` means, differentiable in the own losses as ``global_sums`` says, and ``[G]`` bool,
            whether the group is present.

        Raises:
            RuntimeError: as ``note``.
        """
        own, own_counts = self._add_up(self._taken(interaction), interaction[self.item_field])
        sums, counts = global_sums(own, own_counts)
        return sums / counts.clamp_min(1), counts > 0

    def complete(self, interaction: Any) -> bool:
        """Tell whether the model computed its loss once, for each of the ``[B]`` interactions of the batch."""
        return len(self.recorded) == 1 and self.recorded[0].shape == (len(interaction),)

    def epoch_means(self) -> list[float | None]:
        """Return each group's mean loss over the interactions of the epoch so far, ``None`` if it has none.

        The interactions are those of all processes, which therefore have to ask together.
        """
        if self._noted:
            self._add_up_noted()
        nothing = torch.zeros(len(self.names), device=self._groups.device)
        parts = self._sums or [(nothing, nothing)]
        sums, counts = global_sums(*(torch.stack(part).double().sum(dim=0) for part in zip(*parts, strict=True)))
        pairs = zip(sums.tolist(), counts.tolist(), strict=True)
        return [total / count if count else None for total, count in pairs]

    def _taken(self, interaction: Any) -> torch.Tensor:
        if not self.complete(interaction):
            shapes = [tuple(value.shape) for value in self.recorded]
            raise RuntimeError(f"expected one loss of each of {len(interaction)} interactions, the model gave {shapes}")
        return self.recorded.pop()

    def _add_up_noted(self) -> None:
        losses, items = (torch.cat(parts) for parts in zip(*self._noted, strict=True))
        self._add_up(losses, items)
        self._noted.clear()

    def _add_up(self, losses: torch.Tensor, items: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the ``[G]`` sums of ``[B]`` losses and the ``[G]`` counts, and keep them for the report."""
        if self._groups.device != losses.device:
            self._groups = self._groups.to(losses.device)
        sums, counts = group_sums(losses, self._groups.index_select(0, items), len(self.names))
        self._sums.append((sums.detach(), counts))
        return sums, counts


def observe_model(model: Any, popularity: TrainingPopularity, item_field: str) -> GroupLosses | None:
    """Add up the group losses of a model without a mitigation, which trains as it always did.

    Observation ends with the first batch whose losses cannot be told apart by interaction.

    Returns:
        The sums, or ``None`` for a model whose losses per interaction cannot be seen.
    """
    recorded = record_loss(model)
    if recorded is None:
        return None
    losses = GroupLosses(recorded, popularity, item_field)
    calculate_loss = model.calculate_loss

    def observed(interaction: Any, *arguments: Any, **keywords: Any) -> Any:
        recorded.clear()
        loss = calculate_loss(interaction, *arguments, **keywords)
        if losses.complete(interaction):
            losses.note(interaction)
        else:
            stop_recording(model)
            model.group_losses, model.calculate_loss = None, calculate_loss
        return loss

    model.calculate_loss = observed
    return losses
