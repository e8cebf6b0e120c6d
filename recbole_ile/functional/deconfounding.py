"""Popularity-bias deconfounding: scores that are multiplied by a power of their items' popularity."""

from __future__ import annotations

import numpy as np
import torch

from recbole_ile.functional.arrays import Array, same_kind_as, to_numpy


def relative_popularity(counts: Array) -> Array:
    """Return ``m = π / max π``, π an item's share of the training interactions, at least the smallest positive.

    Args:
        counts: ``[n]`` training interactions of each item, non-negative.

    Returns:
        ``[n]`` floats in ``(0, 1]``; all 1 without interactions; float32 for torch, float64 for NumPy.

    Source: Zhang et al., Causal intervention for leveraging popularity bias in recommendation, SIGIR 2021,
    arXiv 2105.06067, section 4.

    >>> relative_popularity(np.array([4, 1, 0])).tolist()
    [1.0, 0.25, 0.25]
    """
    popularity = to_numpy(counts).astype(np.float64)
    seen = popularity[popularity > 0]
    relative = np.maximum(popularity, seen.min()) / seen.max() if len(seen) else np.ones_like(popularity)
    return same_kind_as(relative if isinstance(counts, np.ndarray) else relative.astype(np.float32), counts)


def deconfounded(scores: Array, factors: Array) -> Array:
    """Return ``(ELU(s) + 1) * f``, f a power of the relative popularity of each score's item.

    Args:
        scores: floats of any shape; ``-inf`` stays what it is.
        factors: ``m ** γ``, of a shape that fits.

    Returns:
        Scores of the shape of ``scores`` and of the dtype of both, differentiable.

    Source: Zhang et al., Causal intervention for leveraging popularity bias in recommendation, SIGIR 2021,
    arXiv 2105.06067, equations 4 and 6.

    >>> deconfounded(torch.tensor([1.0, 0.0, -torch.inf]), torch.tensor([0.5, 1.0, 1.0])).tolist()
    [1.0, 1.0, -inf]
    """
    if not isinstance(scores, torch.Tensor):
        return to_numpy(deconfounded(torch.as_tensor(scores), torch.as_tensor(factors)))
    # exp(s) is ELU(s) + 1 below 0, where adding 1 to a number near -1 would leave few digits of it.
    positive = torch.where(scores > 0, scores + 1.0, torch.exp(scores.clamp_max(0.0)))
    return torch.where(scores == -torch.inf, -torch.inf, positive * factors)
