"""The losses of a batch's interactions, taken apart."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch


class LossesNotSeenError(RuntimeError):
    """A model did not compute one loss of each interaction where they were looked for."""


class InteractionLosses(NamedTuple):
    """The losses that a model added up in a batch, ``E`` entries.

    Attributes:
        values: ``[E]`` losses, differentiable; an entry is an interaction, a sampled negative or all
            interactions of an item in the batch.
        items: ``[E]`` int64 item ids.
        counts: ``[E]`` float observed interactions in each entry, 0 for a negative; ``None`` is 1 everywhere.
        scale: the model's main loss is ``scale * values.sum()``.
    """

    values: torch.Tensor
    items: torch.Tensor
    counts: torch.Tensor | None
    scale: float | torch.Tensor

    def observed(self) -> torch.Tensor:
        """Return the ``[E]`` losses with 0 in place of those of negatives."""
        return self.values if self.counts is None else self.values * (self.counts > 0)

    def number(self) -> torch.Tensor:
        """Return how many observed interactions there are, a float of the dtype of the losses."""
        return self.values.new_tensor(len(self.items)) if self.counts is None else self.counts.sum()

    def detached(self) -> InteractionLosses:
        """Return the same without its graph."""
        return self._replace(values=self.values.detach())


class Fields(NamedTuple):
    """The columns of a batch that say which entries are observed interactions of which item."""

    item: str
    label: str | None

    @classmethod
    def of(cls, config: Any, model: Any) -> Fields:
        """Return the columns of a model's batches; only models trained on single items have labels."""
        from recbole.utils import InputType

        pairs = getattr(model, "input_type", None) or config["MODEL_INPUT_TYPE"]
        return cls(config["ITEM_ID_FIELD"], None if pairs is InputType.PAIRWISE else config["LABEL_FIELD"])


def one_each(values: torch.Tensor, scale: float, interaction: Any, fields: Fields) -> InteractionLosses:
    """Assign the losses of a batch to its ``B`` interactions.

    Args:
        values: ``B`` losses in any shape, or ``2 B``, the latter half those of negatives.
        scale: what one of them counts in the model's loss.
        interaction: the batch.
        fields: its columns.

    Raises:
        LossesNotSeenError: for any other number of losses.
    """
    losses, items = values.reshape(-1), interaction[fields.item]
    n = len(items)
    if len(losses) == n:
        labelled = fields.label is not None and fields.label in interaction.interaction
        counts = (interaction[fields.label] > 0).to(losses.dtype).reshape(-1) if labelled else None
        return InteractionLosses(losses, items, counts, scale)
    if len(losses) == 2 * n:
        ones = torch.ones_like(losses[:n])
        return InteractionLosses(losses, torch.cat([items, items]), torch.cat([ones, torch.zeros_like(ones)]), scale)
    raise LossesNotSeenError(f"expected one loss of each of {n} interactions, the model gave {tuple(values.shape)}")


def by_item(
    observed: torch.Tensor, counts: torch.Tensor, others: torch.Tensor | None, scale: float
) -> InteractionLosses:
    """Return the losses of matrices of users and items, added up over users.

    Args:
        observed: ``[n]`` loss of each item's observed interactions, with padding.
        counts: ``[n]`` their number.
        others: ``[n]`` loss of the item with all users that have no interaction with it, if it is part of the loss.
        scale: what they count in the model's loss.
    """
    items, counts = torch.arange(len(observed), device=observed.device), counts.to(observed.dtype)
    if others is None:
        return InteractionLosses(observed, items, counts, scale)
    values, nothing = torch.cat([observed, others]), torch.zeros_like(counts)
    return InteractionLosses(values, torch.cat([items, items]), torch.cat([counts, nothing]), scale)
