"""Pearson correlation of what a model thinks of interactions with the popularity of their items."""

from __future__ import annotations

import numpy as np
import torch

from recbole_ile.functional.arrays import Array, to_numpy

ROUNDING = 1e-12
"""Deviation, as a share of the mean, up to which values are equal but for rounding in double precision."""


def log_counts(counts: np.ndarray) -> np.ndarray:
    """Return the logarithms of the training interactions of items, 0 for an item without any.

    Args:
        counts: ``[n]`` training interactions of each item.

    >>> log_counts(np.array([0, 1, 100])).round(3).tolist()
    [0.0, 0.0, 4.605]
    """
    return np.log(np.maximum(np.asarray(counts, dtype=np.float64), 1.0))


def co_moments(
    values: torch.Tensor, others: torch.Tensor, mean: torch.Tensor, other_mean: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return the sums of squares and of products of two columns around given means.

    Args:
        values: ``[B]`` floats.
        others: ``[B]`` floats.
        mean: of all values, of which these may be a part.
        other_mean: of all others.

    Returns:
        Sum of squares of the values, of the products, and of squares of the others; scalars, differentiable.

    >>> one, two = torch.tensor([1.0, 3.0]), torch.tensor([0.0, 4.0])
    >>> [moment.item() for moment in co_moments(one, two, one.mean(), two.mean())]
    [2.0, 4.0, 8.0]
    """
    deviations, further = values - mean, others - other_mean
    return deviations.square().sum(), (deviations * further).sum(), further.square().sum()


def squared_correlation(
    moments: tuple[torch.Tensor, torch.Tensor, torch.Tensor],
    mean: torch.Tensor,
    other_mean: torch.Tensor,
    count: torch.Tensor,
) -> torch.Tensor:
    """Return r² from the moments of two columns, 0 with zero gradient where one of them is constant.

    Args:
        moments: of all values, as ``co_moments`` returns them.
        mean: of the values.
        other_mean: of the others.
        count: of the values.

    >>> one, two = torch.tensor([1.0, 3.0, 5.0]), torch.tensor([0.0, 4.0, 2.0])
    >>> moments = co_moments(one, two, one.mean(), two.mean())
    >>> squared_correlation(moments, one.mean(), two.mean(), torch.tensor(3)).item()
    0.25
    """
    squares, products, other_squares = moments
    least, other_least = (count * (ROUNDING * each).square() for each in (mean, other_mean))
    varies = (squares > least) & (other_squares > other_least)
    # What is not taken is divided by 1: a gradient of 0 times infinity would be no number.
    norm, other_norm = (torch.where(varies, each, 1.0).sqrt() for each in (squares, other_squares))
    correlation = torch.where(varies, products, 0.0) / norm / other_norm
    return correlation.square()


def popularity_correlation(scores: Array, popularity: Array) -> Array:
    """Return r², the squared Pearson correlation of scores and popularity over a batch.

    Args:
        scores: ``[B]`` floats, what the model thinks of each observed interaction.
        popularity: ``[B]`` floats, the popularity of its item.

    Returns:
        A scalar in ``[0, 1]``, differentiable in ``scores``; 0 for a constant or empty batch.

    Source: Boratto et al., Connecting user and item perspectives in popularity debiasing for collaborative
    recommendation, Information Processing & Management 2021, arXiv 2006.04275, equation 8.

    >>> popularity_correlation(torch.tensor([0.1, 0.2, 0.3]), torch.tensor([3.0, 2.0, 1.0])).round(decimals=6).item()
    1.0
    >>> popularity_correlation(torch.tensor([0.1, 0.2]), torch.tensor([3.0, 3.0])).item()
    0.0
    """
    if not isinstance(scores, torch.Tensor):
        return to_numpy(popularity_correlation(torch.as_tensor(scores), torch.as_tensor(popularity)))
    values, others = scores.double(), popularity.double()
    count = torch.tensor(float(len(values)), dtype=torch.float64, device=values.device)
    mean, other_mean = (each.detach().sum() / count.clamp_min(1.0) for each in (values, others))
    moments = co_moments(values, others, mean, other_mean)
    return squared_correlation(moments, mean, other_mean, count).to(scores.dtype)
