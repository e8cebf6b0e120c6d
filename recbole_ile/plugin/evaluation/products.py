"""See the two tables of vectors whose dot products a model's scores are, whatever the model calls them."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch.overrides import TorchFunctionMode

from recbole_ile.plugin.evaluation.predictions import all_scores

ROUNDING = 1e-5
"""The share of the largest score by which scores may differ that are the same but for rounding."""


class SeenVectors(NamedTuple):
    """The vectors of ``B`` users and ``n + 1`` items, with the scores.

    ``scores`` is ``[B, n + 1]``, ``users`` ``[B, d]``, ``items`` ``[n + 1, d]``, ``bias`` ``[n + 1]``. The scores are
    ``users @ items.T + bias``, and a number of each user's that ranks nothing.
    """

    scores: torch.Tensor
    users: torch.Tensor
    items: torch.Tensor
    bias: torch.Tensor


class _Products(TorchFunctionMode):
    """While active, keeps the operands of the last product of matrices that has a given number of columns."""

    def __init__(self, columns: int) -> None:
        super().__init__()
        self._columns = columns
        self.operands: tuple[torch.Tensor, torch.Tensor] | None = None

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Call the function, and keep its operands if it multiplies."""
        result = func(*args, **(kwargs or {}))
        if func in _PRODUCTS and result.ndim == 2 and result.shape[1] == self._columns:
            left, right = args[:2]
            self.operands = left, right if func is F.linear else right.T
        return result


@torch.no_grad()
def seen_vectors(model: Any, interaction: Any, items: Any, n_items: int) -> SeenVectors | None:
    """Score users, and return the vectors that their scores are products of; ``None`` if they are no such products.

    Args:
        model: of RecBole, in evaluation mode.
        interaction: ``B`` users, or sequences.
        items: features of all items.
        n_items: ``n + 1``.
    """
    watch = _Products(n_items)
    with watch:
        scores = all_scores(model, interaction, items, n_items)
    if watch.operands is None or len(watch.operands[0]) != len(scores):
        return None
    users, vectors = watch.operands
    rest = scores.double() - users.double() @ vectors.double().T
    rest -= rest.mean(dim=1, keepdim=True)
    bias, limit = rest.mean(dim=0), ROUNDING * float(scores.abs().max())
    if not bool(((rest - bias).abs() <= limit).all()):
        return None
    return SeenVectors(scores, users, vectors, torch.where(bias.abs() <= limit, 0.0, bias))


_PRODUCTS = frozenset([torch.matmul, torch.mm, torch.Tensor.matmul, torch.Tensor.mm, torch.Tensor.__matmul__, F.linear])
