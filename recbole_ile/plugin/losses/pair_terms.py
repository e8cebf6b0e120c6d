"""What mitigations make of the loss of pairs, said in numbers of items, so that no graph is needed to train on it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol, runtime_checkable

import torch

_COMPUTE_THE_LOSS = ("calculate_loss", "forward", "get_user_embedding", "get_item_embedding")


class PairTerms(NamedTuple):
    """What is made of BPR's loss of a batch of pairs.

    Attributes:
        shifts: ``[I]`` float, what an item's score gains; ``None`` for nothing.
        weights: ``[I]`` float, what an observed item's loss is multiplied by; ``None`` for 1.
        normalize: whether the losses are divided by the sum of a batch's weights, not by the number of its pairs.
        penalty: what the disparity of the item groups' mean losses is multiplied by.
        distance: the disparity, a name in ``DISTANCES``; ``None`` for no such term.
        tell: tells the model the loss and the term of its last batch; ``None`` without a term.
        correlation: what the squared correlation of chances and popularity counts, the rest of 1 being the loss.
        popularity: ``[I]`` float, an item's popularity in it; ``None`` where it counts nothing.
        shares: ``[G]`` float64, what the mean loss of each item group counts, changed in place by an epoch;
            ``None`` where the mean over all pairs counts.
        step: how fast the shares follow the losses.
    """

    shifts: torch.Tensor | None = None
    weights: torch.Tensor | None = None
    normalize: bool = False
    penalty: float = 0.0
    distance: str | None = None
    tell: Callable[[torch.Tensor, torch.Tensor], None] | None = None
    correlation: float = 0.0
    popularity: torch.Tensor | None = None
    shares: torch.Tensor | None = None
    step: float = 0.0


@runtime_checkable
class TellsPairTerms(Protocol):
    """A model whose loss is BPR's of dot products of two tables, and what mitigations make of it."""

    user_embedding: torch.nn.Embedding
    item_embedding: torch.nn.Embedding
    loss: torch.nn.Module
    scores_pairs: bool
    """Whether the loss is BPR's own; the mitigations of any model have ``pair_terms``, and call that of the model."""

    def pair_terms(self) -> PairTerms:
        """Return what is made of the loss now; a mitigation adds to what ``super`` returns."""


def find_pair_terms(model: object) -> PairTerms | None:
    """Return what is made of a model's loss of pairs, ``None`` where that cannot be said.

    It cannot if a class of the model computes the loss in a way of its own and does not say how.
    """
    if not isinstance(model, TellsPairTerms) or not model.scores_pairs:
        return None
    kinds = type(model).__mro__
    tell = [number for number, kind in enumerate(kinds) if "pair_terms" in vars(kind)]
    for kind in kinds[: tell[-1]]:
        if "pair_terms" not in vars(kind) and any(name in vars(kind) for name in _COMPUTE_THE_LOSS):
            return None
    return model.pair_terms()
