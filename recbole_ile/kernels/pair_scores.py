"""Scores of a positive and a negative item for each user, with gradients that are added up in place.

A batch makes two dense gradients, where three look-ups in embeddings make three and add two of them up.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.autograd.function import once_differentiable

from recbole_ile.kernels import pair_kernels


def supports_fused_pairs(*weights: torch.Tensor) -> bool:
    """Tell whether ``pair_scores`` takes these embeddings: dense floats in main memory, where adding has an order.

    >>> supports_fused_pairs(torch.ones(2, 3)), supports_fused_pairs(torch.ones(2, 3).half())
    (True, False)
    """
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

    >>> rows = torch.tensor([[0], [0], [1]])
    >>> of_positive, of_negative = pair_scores(torch.tensor([[1.0, 2.0]]), torch.eye(2), *rows)
    >>> of_positive.tolist(), of_negative.tolist()
    ([1.0], [2.0])
    """
    return _PairScores.apply(user_weights, item_weights, users, positives, negatives)


class _PairScores(torch.autograd.Function):
    @staticmethod
    def forward(
        context: Any, user_weights: torch.Tensor, item_weights: torch.Tensor, *indices: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        scores = (user_weights.new_empty(len(indices[0])), user_weights.new_empty(len(indices[0])))
        if not pair_kernels.scores(*_arrays(user_weights, item_weights, *indices, *scores)):
            raise IndexError("index out of range: a user or an item of the batch has no embedding")
        context.save_for_backward(user_weights, item_weights, *indices)
        return scores

    @staticmethod
    @once_differentiable
    def backward(context: Any, *by_scores: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        saved = context.saved_tensors
        gradients = (torch.zeros_like(saved[0]), torch.zeros_like(saved[1]))
        pair_kernels.add_gradients(*_arrays(*saved, *(by.contiguous() for by in by_scores), *gradients))
        return *gradients, None, None, None


def _arrays(*tensors: torch.Tensor) -> list[Any]:
    return [tensor.detach().numpy() for tensor in tensors]
