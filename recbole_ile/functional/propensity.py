"""Inverse propensity scores: weigh an interaction less, the more popular its item is."""

from __future__ import annotations

import numpy as np

from recbole_ile.functional.arrays import Array, same_kind_as, to_numpy


def ips_weights(counts: Array, maximum: float = 10.0) -> Array:
    """Return the factor of each item's losses, 1 for the least and ``1 / maximum`` for the most popular item.

    The positive counts are mapped linearly onto ``[1, maximum]`` and inverted. An item without
    training interactions has the factor 1, as has every item if all counts are equal.

    Args:
        counts: ``[n]`` training interactions of each item, non-negative.
        maximum: the divisor of the most popular item, at least 1.

    Returns:
        ``[n]`` float factors in ``[1 / maximum, 1]``; float32 for torch, float64 for NumPy.

    Raises:
        ValueError: if ``maximum`` is below 1 or a count is negative.

    Source: Schnabel et al., ICML 2016; mapped as by Prent & Mansoury, arXiv 2410.04830, section 4.

    >>> ips_weights(np.array([1, 10, 0]), maximum=10.0).tolist()
    [1.0, 0.1, 1.0]
    """
    if not maximum >= 1.0:
        raise ValueError(f"the largest divisor is at least 1, got {maximum}")
    popularity = to_numpy(counts).astype(np.float64)
    if (popularity < 0).any():
        raise ValueError("counts are not negative")
    seen = popularity[popularity > 0]
    divisors = np.ones_like(popularity)
    if len(seen) and seen.max() > seen.min():
        scaled = (popularity - seen.min()) / (seen.max() - seen.min())
        divisors = np.where(popularity > 0, 1.0 + (maximum - 1.0) * scaled, 1.0)
    weights = 1.0 / divisors
    return same_kind_as(weights if isinstance(counts, np.ndarray) else weights.astype(np.float32), counts)
