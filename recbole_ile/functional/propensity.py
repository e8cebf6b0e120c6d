"""Inverse propensity scores: weigh an interaction less, the more popular its item is."""

from __future__ import annotations

import numpy as np

from recbole_ile.functional.arrays import Array, same_kind_as, to_numpy


def ips_weights(counts: Array, maximum: float = 10.0, power: float | None = None, clip: float | None = None) -> Array:
    """Return the factor of each item's losses, the inverse of its propensity θ.

    Without ``power`` the positive counts are mapped linearly onto ``[1, maximum]``, which is θ; with one, θ is the
    count's share of the largest count to this power, and ``maximum`` counts nothing. An item without training
    interactions has the factor 1, as has every item if all counts are equal.

    Args:
        counts: ``[n]`` training interactions of each item, non-negative.
        maximum: θ of the most popular item, at least 1.
        power: exponent of the count's share of the largest, at least 0.
        clip: the least that θ may be, above 0 and at most 1, so that the linear map stays as it is.

    Returns:
        ``[n]`` float factors, in ``[1 / maximum, 1]`` or, with ``power``, at least 1; float32 for torch, float64 for
        NumPy.

    Raises:
        ValueError: if an argument is out of its range or a count is negative.

    Source: Schnabel et al., ICML 2016; mapped as by Prent & Mansoury, arXiv 2410.04830, section 4; powers and clipping
    as by Saito et al., WSDM 2020, doi 10.1145/3336191.3371783.

    >>> ips_weights(np.array([1, 10, 0]), maximum=10.0).tolist()
    [1.0, 0.1, 1.0]
    >>> ips_weights(np.array([1, 4, 100, 0]), power=0.5, clip=0.2).tolist()
    [5.0, 5.0, 1.0, 1.0]
    """
    if not maximum >= 1.0:
        raise ValueError(f"the largest divisor is at least 1, got {maximum}")
    if power is not None and not power >= 0.0:
        raise ValueError(f"the power of a propensity is at least 0, got {power}")
    if clip is not None and not 0.0 < clip <= 1.0:
        raise ValueError(f"a propensity is clipped above 0 and at most at 1, got {clip}")
    popularity = to_numpy(counts).astype(np.float64)
    if (popularity < 0).any():
        raise ValueError("counts are not negative")
    seen = popularity[popularity > 0]
    propensities = np.ones_like(popularity)
    if len(seen) and seen.max() > seen.min():
        if power is not None:
            propensities = np.where(popularity > 0, (popularity / seen.max()) ** power, 1.0)
        else:
            scaled = (popularity - seen.min()) / (seen.max() - seen.min())
            propensities = np.where(popularity > 0, 1.0 + (maximum - 1.0) * scaled, 1.0)
    least = np.finfo(np.float32).tiny if clip is None else clip
    weights = 1.0 / np.maximum(propensities, least)
    return same_kind_as(weights if isinstance(counts, np.ndarray) else weights.astype(np.float32), counts)
