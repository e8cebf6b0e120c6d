"""Popularity compensation: what rare items gain, in proportion to the length of a user's scores."""

from __future__ import annotations

import torch

from recbole_ile.functional.arrays import Array, to_numpy


def popularity_compensated(scores: Array, counts: Array, alpha: float, beta: float) -> Array:
    """Return ``s + alpha · (‖s‖ / ‖C‖) · C`` with ``C = (beta · s + 1 - beta) / (count + 1)``.

    ``s`` is the score minus the user's lowest, so that it is never negative; it and both norms, of order 2, are over
    the items that may be recommended. Without the shift, negative scores would be pushed down where an item is rare.
    Computed in float64.

    Args:
        scores: ``[B, n]`` floats, ``-inf`` or NaN where an item must not be recommended, which becomes ``-inf``.
        counts: ``[n]`` or ``[B, n]`` training interactions of each item.
        alpha: weight of the compensation, at least 0.
        beta: share of the score in it, in ``[0, 1]``.

    Returns:
        ``[B, n]`` scores of the dtype of ``scores``, at least 0, in its unit; a user whose scores are all equal gets
        zeros.

    Raises:
        ValueError: for a negative ``alpha`` or a ``beta`` outside ``[0, 1]``.

    Source: Zhu et al., Popularity-opportunity bias in collaborative filtering, WSDM 2021
    (doi 10.1145/3437963.3441820), the compensation after training, with the shift added.

    >>> scores, counts = torch.tensor([[1.0, 0.0, -1.0]], dtype=torch.float64), torch.tensor([9, 0, 0])
    >>> popularity_compensated(scores, counts, alpha=1.0, beta=1.0).round(decimals=4).tolist()
    [[2.4385, 3.1926, 0.0]]
    """
    if not isinstance(scores, torch.Tensor):
        return to_numpy(popularity_compensated(torch.as_tensor(scores), torch.as_tensor(counts), alpha, beta))
    if not alpha >= 0.0:
        raise ValueError(f"the weight of the compensation is at least 0, got {alpha}")
    if not 0.0 <= beta <= 1.0:
        raise ValueError(f"the share of the score in the compensation lies between 0 and 1, got {beta}")
    listed, values = scores.isfinite(), scores.double()
    lowest = torch.where(listed, values, torch.inf).amin(dim=1, keepdim=True)
    shifted = torch.where(listed, values - lowest, 0.0)
    gains = torch.where(listed, (beta * shifted + 1.0 - beta) / (counts + 1.0), 0.0)
    length, own = (part.square().sum(dim=1, keepdim=True).sqrt() for part in (shifted, gains))
    found = shifted + alpha * torch.where(own > 0, length / own, 0.0) * gains
    return torch.where(listed, found, -torch.inf).to(scores.dtype)
