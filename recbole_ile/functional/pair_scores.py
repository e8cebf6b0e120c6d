"""Scores of a positive and a negative item for each user, with gradients that are added up in place.

Where numba is installed the loops are compiled, elsewhere they are torch's. Either way a batch makes two dense
gradients, where three look-ups in embeddings make three and add two of them up.
"""

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
    """Tell whether ``pair_scores`` takes these embeddings: dense floats in main memory, where adding has an order."""
    kinds = (torch.float32, torch.float64)
    return all(weight.device.type == "cpu" and weight.dtype in kinds and weight.is_contiguous() for weight in weights)


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
    function = _Compiled if compiled() else _Plain
    return function.apply(user_weights, item_weights, users, positives, negatives)


class _Plain(torch.autograd.Function):
    @staticmethod
    def forward(
        context: Any,
        user_weights: torch.Tensor,
        item_weights: torch.Tensor,
        users: torch.Tensor,
        positives: torch.Tensor,
        negatives: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        chosen, positive, negative = (
            weights.index_select(0, rows)
            for weights, rows in ((user_weights, users), (item_weights, positives), (item_weights, negatives))
        )
        context.save_for_backward(users, positives, negatives, chosen, positive, negative)
        context.sizes = (len(user_weights), len(item_weights))
        return (chosen * positive).sum(dim=1), (chosen * negative).sum(dim=1)

    @staticmethod
    @once_differentiable
    def backward(context: Any, by_positive: torch.Tensor, by_negative: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        users, positives, negatives, chosen, positive, negative = context.saved_tensors
        by_positive, by_negative = by_positive.unsqueeze(1), by_negative.unsqueeze(1)
        user_gradient, item_gradient = (chosen.new_zeros(size, chosen.shape[1]) for size in context.sizes)
        user_gradient.index_add_(0, users, torch.addcmul(positive * by_positive, negative, by_negative))
        item_gradient.index_add_(0, positives, chosen * by_positive)
        item_gradient.index_add_(0, negatives, chosen * by_negative)
        return user_gradient, item_gradient, None, None, None


class _Compiled(torch.autograd.Function):
    @staticmethod
    def forward(
        context: Any, user_weights: torch.Tensor, item_weights: torch.Tensor, *indices: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        from recbole_ile.functional import pair_kernels

        scores = (user_weights.new_empty(len(indices[0])), user_weights.new_empty(len(indices[0])))
        if not pair_kernels.scores(*_arrays(user_weights, item_weights, *indices, *scores)):
            raise IndexError("index out of range: a user or an item of the batch has no embedding")
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
