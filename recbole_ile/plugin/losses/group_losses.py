"""The mean loss of each item group, per batch for the penalty and per epoch for the report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import torch

from recbole_ile.functional.equalization import group_sums
from recbole_ile.plugin.data.popularity import TrainingPopularity
from recbole_ile.plugin.losses.interaction_losses import InteractionLosses, LossesNotSeenError
from recbole_ile.plugin.losses.observers import find_loss_observer
from recbole_ile.plugin.processes.group import global_sums

NOTED = 64
"""Batches whose losses are added up together: one by one, adding would take longer than the rest of it."""


class GroupLosses:
    """Adds up the losses of interactions by item group.

    Args:
        popularity: the item groups, from training interactions.

    Attributes:
        observed_loss: what stands before a model's loss to note it, ``None`` where a mitigation does.
    """

    def __init__(self, popularity: TrainingPopularity) -> None:
        self.names = popularity.group_names
        self._groups = torch.from_numpy(popularity.groups_by_id)
        self._sums: list[tuple[torch.Tensor, torch.Tensor]] = []
        self._noted: list[InteractionLosses] = []
        self.observed_loss: Any = None

    def start_epoch(self) -> None:
        """Forget the losses of the batches so far."""
        self._sums.clear()
        self._noted.clear()

    def note(self, batch_losses: InteractionLosses) -> None:
        """Take the losses of a batch, of several processes those of this one, for the report alone."""
        self._noted.append(batch_losses.detached())
        if len(self._noted) == NOTED:
            self._add_up_noted()

    @property
    def groups(self) -> torch.Tensor:
        """The ``[I]`` int64 group of each item, padding first."""
        return self._groups

    def add(self, sums: torch.Tensor, counts: torch.Tensor) -> None:
        """Take ``[G]`` sums of observed losses, added up elsewhere, and their ``[G]`` counts."""
        self._sums.append((sums, counts))

    def observe_means(self, batch_losses: InteractionLosses) -> tuple[torch.Tensor, torch.Tensor]:
        """Take the losses of a batch as ``note`` does, and return the means of the global batch of all processes.

        Returns:
            ``[G]`` means, differentiable in the own losses as ``global_sums`` says, and ``[G]`` bool,
            whether the group is present.
        """
        return _means(*self._add_up(batch_losses))

    def batch_means(self, batch_losses: InteractionLosses) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the means that ``observe_means`` returns, and keep nothing for the report."""
        return _means(*self._sums_of(batch_losses))

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

    def _add_up_noted(self) -> None:
        values, items, counts, _ = zip(*self._noted, strict=True)
        # In single precision, adding so many losses one after the other would be wrong in the fourth digit.
        self._add_up(InteractionLosses(torch.cat(values).double(), torch.cat(items), _cat(counts), 1.0))
        self._noted.clear()

    def _add_up(self, batch_losses: InteractionLosses) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the ``[G]`` sums of the observed losses and their ``[G]`` counts, and keep them for the report."""
        sums, counts = self._sums_of(batch_losses)
        self._sums.append((sums.detach(), counts))
        return sums, counts

    def _sums_of(self, batch_losses: InteractionLosses) -> tuple[torch.Tensor, torch.Tensor]:
        if self._groups.device != batch_losses.values.device:
            self._groups = self._groups.to(batch_losses.values.device)
        groups = self._groups.index_select(0, batch_losses.items)
        return group_sums(batch_losses.observed(), groups, len(self.names), batch_losses.counts)


@runtime_checkable
class KeepsGroupLosses(Protocol):
    """A model that adds up its losses by item group itself."""

    group_losses: GroupLosses | None


def observe_model(model: Any, base: str, popularity: TrainingPopularity, config: Any) -> GroupLosses | None:
    """Add up the group losses of a model without a mitigation, which trains as it always did.

    Observation ends with the first batch whose losses cannot be told apart by interaction.

    Args:
        model: a model of RecBole.
        base: its name.
        popularity: the item groups.
        config: the configuration of the model.

    Returns:
        The sums, or ``None`` for a model whose losses per interaction cannot be seen.
    """
    observer = find_loss_observer(model, base, config)
    if observer is None:
        return None
    losses = GroupLosses(popularity)
    calculate_loss = model.calculate_loss

    def observed(interaction: Any, *arguments: Any, **keywords: Any) -> Any:
        observer.start(model)
        loss = calculate_loss(interaction, *arguments, **keywords)
        try:
            batch_losses = observer.interaction_losses(model, interaction)
        except LossesNotSeenError:
            observer.stop()
            model.group_losses, model.calculate_loss = None, calculate_loss
            return loss
        if batch_losses is not None:
            losses.note(batch_losses)
        return loss

    model.calculate_loss = losses.observed_loss = observed
    return losses


def _means(sums: torch.Tensor, counts: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    sums, counts = global_sums(sums, counts)
    return sums / counts.clamp_min(1), counts > 0


def _cat(parts: Sequence[torch.Tensor | None]) -> torch.Tensor | None:
    present = [part for part in parts if part is not None]
    return torch.cat(present) if present else None
