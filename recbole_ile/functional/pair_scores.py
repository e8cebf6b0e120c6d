"""Scores of a positive and a negative item for each user, with their gradients, in one compiled pass each."""

from __future__ import annotations

import functools
import importlib.util
from typing import Any

import torch
from torch.autograd.function import once_differentiable


@functools.cache
def compiled() -> bool:
    """Tell whether numba, which compiles the loops, is installed."""
    return importlib.util.find_spec("numba") is not None


def covers(*weights: torch.Tensor) -> bool:
    """Tell whether ``pair_scores`` can be used for these embeddings: dense floats in main memory, and numba."""
    kinds = (torch.float32, torch.float64)
    plain = all(weight.device.type == "cpu" and weight.dtype in kinds and weight.is_contiguous() for weight in weights)
    return plain and compiled()


def pair_scores(
    user_weights: torch.Tensor,
    item_weights: torch.Tensor,
    users: torch.Tensor,
    positives: torch.Tensor,
    negatives: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the dot products of users' embeddings with those of a positive and of a negative item.

    Args:
        user_weights: ``[U, d]`` embeddings of users.
        item_weights: ``[I, d]`` embeddings of items.
        users: ``[B]`` int64 rows of ``user_weights``.
        positives: ``[B]`` int64 rows of ``item_weights``.
        negatives: ``[B]`` int64 rows of ``item_weights``.

    Returns:
        Two ``[B]`` scores, differentiable once in both embeddings.

    Raises:
        IndexError: if a row does not exist.
    """
    return _PairScores.apply(user_weights, item_weights, users, positives, negatives)


class _PairScores(torch.autograd.Function):
    @staticmethod
    def forward(
        context: Any, user_weights: torch.Tensor, item_weights: torch.Tensor, *indices: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        from recbole_ile.functional import pair_kernels

        scores = (user_weights.new_empty(len(indices[0])), user_weights.new_empty(len(indices[0])))
        if not pair_kernels.scores(*_arrays(user_weights, item_weights, *indices, *scores)):
            raise IndexError("a user or an item of the batch has no embedding")
        context.save_for_backward(user_weights, item_weights, *indices)
        return scores

    @staticmethod
    @once_differentiable
    def backward(context: Any, *by_scores: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        from recbole_ile.functional import pair_kernels

        saved = context.saved_tensors
        gradients = (torch.zeros_like(saved[0]), torch.zeros_like(saved[1]))
        pair_kernels.add_gradients(*_arrays(*saved, *(by.contiguous() for by in by_scores), *gradients))
        return *gradients, None, None, None


def _arrays(*tensors: torch.Tensor) -> list[Any]:
    return [tensor.detach().numpy() for tensor in tensors]
