"""The mean loss of each item group, per batch for the penalty and per epoch for the report."""

from __future__ import annotations

from typing import Any

import torch

from recbole_ile.functional.equalization import group_sums
from recbole_ile.plugin.models.recording import record_loss, stop_recording
from recbole_ile.plugin.popularity import TrainingPopularity
from recbole_ile.plugin.process_group import global_sums


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
        self._batches: list[tuple[torch.Tensor, torch.Tensor]] = []

    def start_epoch(self) -> None:
        """Forget the sums of the batches so far."""
        self._batches.clear()

    def observe(self, interaction: Any) -> tuple[torch.Tensor, torch.Tensor]:
        """Take the losses of the batch that the model has just seen.

        Args:
            interaction: the batch, with ``[B]`` positive items; of several processes, the slice of this one.

        Returns:
            ``[G]`` sums, differentiable in the losses, and ``[G]`` counts.

        Raises:
            RuntimeError: if the model computed its loss not once, or not for each interaction.
        """
        if not self.complete(interaction):
            shapes = [tuple(value.shape) for value in self.recorded]
            raise RuntimeError(f"expected one loss of each of {len(interaction)} interactions, the model gave {shapes}")
        losses = self.recorded.pop()
        if self._groups.device != losses.device:
            self._groups = self._groups.to(losses.device)
        groups = self._groups.index_select(0, interaction[self.item_field])
        sums, counts = group_sums(losses, groups, len(self.names))
        self._batches.append((sums.detach(), counts))
        return sums, counts

    def observe_means(self, interaction: Any) -> tuple[torch.Tensor, torch.Tensor]:
        """Take the losses of the batch, and return the means of the global batch of all processes.

        Returns:
            ``[G]`` means, differentiable in the own losses as ``global_sums`` says, and ``[G]`` bool,
            whether the group is present.

        Raises:
            RuntimeError: as ``observe``.
        """
        sums, counts = global_sums(*self.observe(interaction))
        return sums / counts.clamp_min(1), counts > 0

    def complete(self, interaction: Any) -> bool:
        """Tell whether the model computed its loss once, for each of the ``[B]`` interactions of the batch."""
        return len(self.recorded) == 1 and self.recorded[0].shape == (len(interaction),)

    def epoch_means(self) -> list[float | None]:
        """Return each group's mean loss over the interactions of the epoch so far, ``None`` if it has none.

        The interactions are those of all processes, which therefore have to ask together.
        """
        nothing = torch.zeros(len(self.names), device=self._groups.device)
        batches = self._batches or [(nothing, nothing)]
        sums, counts = global_sums(*(torch.stack(parts).double().sum(dim=0) for parts in zip(*batches, strict=True)))
        pairs = zip(sums.tolist(), counts.tolist(), strict=True)
        return [total / count if count else None for total, count in pairs]


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
            with torch.no_grad():
                losses.observe(interaction)
        else:
            stop_recording(model)
            model.group_losses, model.calculate_loss = None, calculate_loss
        return loss

    model.calculate_loss = observed
    return losses
