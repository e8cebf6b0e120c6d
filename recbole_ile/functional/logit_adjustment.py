"""Logit adjustment: scores that carry the popularity of their items while a model trains."""

from __future__ import annotations

import numpy as np
import torch


def log_shares(counts: np.ndarray) -> np.ndarray:
    """Return ``log π``, the logarithm of each item's smoothed share of the training interactions.

    Args:
        counts: ``[n]`` training interactions of each item.

    Returns:
        ``[n]`` natural logarithms of ``(count + 1) / Σ (count + 1)``; their exponentials add up to 1.

    Source: Menon et al., Long-tail learning via logit adjustment, ICLR 2021, arXiv 2007.07314, equation 10.

    >>> np.exp(log_shares(np.array([0, 2]))).round(4).tolist()
    [0.25, 0.75]
    """
    smoothed = np.asarray(counts, dtype=np.float64) + 1.0
    return np.log(smoothed / smoothed.sum())


def shift_probabilities(probabilities: torch.Tensor, shifts: torch.Tensor) -> torch.Tensor:
    """Return what probabilities become when their logits gain a shift, 0 and 1 staying what they are.

    Args:
        probabilities: values in [0, 1] of any shape.
        shifts: what their logits gain, of the same shape.

    >>> shift_probabilities(torch.tensor([0.5, 1.0]), torch.tensor([3.0, 3.0]).log()).round(decimals=4).tolist()
    [0.75, 1.0]
    """
    odds = torch.exp(shifts)
    return probabilities * odds / (1.0 - probabilities + probabilities * odds)


def adjusted_after_training(
    scores: torch.Tensor, shares: torch.Tensor, tau: float, standardize: bool = True, centre: bool = True
) -> torch.Tensor:
    """Return ``z - tau * (log π - mean log π)``, z the scores of each user with mean 0 and deviation 1.

    Args:
        scores: ``[B, n]`` floats, ``-inf`` where an item must not be recommended, which takes no part in z.
        shares: ``[n]`` ``log π``, or ``[B, n]`` of candidates.
        tau: weight of the shares.
        centre: whether the mean of ``shares`` is that of all items, and is to be subtracted.
        standardize: whether z is standardised by the population deviation; otherwise it is the score itself.

    Returns:
        ``[B, n]`` scores of the dtype of ``scores``; equal scores of a user have a z of 0.

    Source: Menon et al., Long-tail learning via logit adjustment, ICLR 2021, arXiv 2007.07314, equation 9.

    >>> scores, shares = torch.tensor([[3.0, 1.0]]), torch.tensor([-0.5, -1.5])
    >>> adjusted_after_training(scores, shares, tau=0.5).tolist()
    [[0.75, -0.75]]
    """
    adjustment = tau * (shares - shares.mean() if centre else shares)
    if not standardize:
        return (scores.double() - adjustment).to(scores.dtype)
    centred, listed = _centred(scores)
    z = torch.where(listed, centred / standard_units(scores)[:, None], -torch.inf)
    return (z - adjustment).to(scores.dtype)


def standard_units(scores: torch.Tensor) -> torch.Tensor:
    """Return ``[B]`` float64 population deviations of each user's scores, 1 where they are all equal.

    Args:
        scores: ``[B, n]`` floats, ``-inf`` where an item must not be recommended.

    >>> standard_units(torch.tensor([[3.0, 1.0, -torch.inf], [2.0, 2.0, 2.0]])).tolist()
    [1.0, 1.0]
    """
    centred, listed = _centred(scores)
    numbers = listed.sum(dim=1).clamp_min(1)
    deviations = (torch.where(listed, centred, 0.0).square().sum(dim=1) / numbers).sqrt()
    return torch.where(deviations > 0, deviations, 1.0)


def _centred(scores: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return scores less their user's mean, and which of them are of items that may be recommended."""
    values, listed = scores.double(), scores.isfinite()
    numbers = listed.sum(dim=1, keepdim=True).clamp_min(1)
    return values - torch.where(listed, values, 0.0).sum(dim=1, keepdim=True) / numbers, listed
