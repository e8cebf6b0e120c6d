"""The points that no other point beats in everything, and the volume that they dominate."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from recbole_ile.functional.arrays import Array, same_kind_as, to_numpy
from recbole_ile.metric import Better


def gains_of(values: Array, better: Sequence[Better]) -> np.ndarray:
    """Return what more of is better in every objective.

    Args:
        values: ``[N, M]`` objectives of each point.
        better: ``[M]`` where the better values of each objective lie.

    Raises:
        ValueError: if ``values`` is not ``[N, M]``.

    >>> gains_of([[0.3, 0.1]], [Better.HIGHER, Better.LOWER]).tolist()
    [[0.3, -0.1]]
    """
    array = to_numpy(values).astype(float)
    if array.ndim != 2 or array.shape[1] != len(better):
        raise ValueError(f"expected [N, {len(better)}] values, got {list(array.shape)}")
    return np.stack([each.gain(column) for each, column in zip(better, array.T, strict=True)], axis=1)


def non_dominated(values: Array, better: Sequence[Better]) -> Array:
    """Tell which points no other point dominates.

    A point dominates another if it is at least as good in every objective and better in one; equal points
    therefore stand or fall together, and a point with a NaN is never in the set.

    Args:
        values: ``[N, M]`` objectives of each point.
        better: ``[M]`` where the better values of each objective lie.

    Returns:
        ``[N]`` bool.

    Raises:
        ValueError: if ``values`` is not ``[N, M]``.

    >>> non_dominated([[0.3, 0.1], [0.2, 0.2], [0.2, 0.0]], [Better.HIGHER, Better.LOWER]).tolist()
    [True, False, True]
    """
    gains = gains_of(values, better)
    known = ~np.isnan(gains).any(axis=1)
    kept = known.copy()
    for number in np.flatnonzero(known):
        as_good = (gains >= gains[number]).all(axis=1)
        better = (gains > gains[number]).any(axis=1)
        kept[number] = not (known & as_good & better).any()
    return same_kind_as(kept, values)


def hypervolume(values: Array, better: Sequence[Better], reference: Sequence[float]) -> float:
    """Return the volume between a reference point and the points, in the units of the objectives multiplied.

    Args:
        values: ``[N, M]`` objectives of each point; those that do not beat the reference in every objective,
            and those with a NaN, add nothing.
        better: ``[M]`` where the better values of each objective lie.
        reference: ``[M]`` the worst value of each objective that still counts.

    Raises:
        ValueError: if ``values`` is not ``[N, M]``.

    Source: Zitzler & Thiele, IEEE TEC 1999; by slices along one objective after another (While et al., 2006).

    >>> hypervolume([[0.5, 0.25]], [Better.HIGHER, Better.LOWER], [0.25, 0.75])
    0.125
    """
    gains = gains_of(values, better) - gains_of(np.asarray([reference], dtype=float), better)
    return _volume(gains[(gains > 0).all(axis=1)])


def _volume(gains: np.ndarray) -> float:
    """Return the volume of the union of the boxes from the origin to each of ``[N, M]`` positive points."""
    if len(gains) == 0:
        return 0.0
    if gains.shape[1] == 1:
        return float(gains.max())
    ordered = gains[np.argsort(-gains[:, -1], kind="stable")]
    floors = np.append(ordered[1:, -1], 0.0)
    thickness = ordered[:, -1] - floors
    slices = (_volume(ordered[: number + 1, :-1]) * thick for number, thick in enumerate(thickness) if thick > 0)
    return float(sum(slices))
