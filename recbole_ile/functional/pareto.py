"""The points that no other point beats in everything, and the volume that they dominate."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from recbole_ile.functional.arrays import Array, like, to_numpy


def non_dominated(values: Array, higher: Sequence[bool]) -> Array:
    """Tell which points no other point dominates.

    A point dominates another if it is at least as good in every objective and better in one; equal points
    therefore stand or fall together, and a point with a NaN is never in the set.

    Args:
        values: ``[N, M]`` objectives of each point.
        higher: ``[M]`` whether more of an objective is better.

    Returns:
        ``[N]`` bool.

    Raises:
        ValueError: if ``values`` is not ``[N, M]``.
    """
    gains = _gains(values, higher)
    known = ~np.isnan(gains).any(axis=1)
    kept = known.copy()
    for number in np.flatnonzero(known):
        as_good = (gains >= gains[number]).all(axis=1)
        better = (gains > gains[number]).any(axis=1)
        kept[number] = not (known & as_good & better).any()
    return like(kept, values)


def hypervolume(values: Array, higher: Sequence[bool], reference: Sequence[float]) -> float:
    """Return the volume between a reference point and the points, in the units of the objectives multiplied.

    Args:
        values: ``[N, M]`` objectives of each point; those that do not beat the reference in every objective,
            and those with a NaN, add nothing.
        higher: ``[M]`` whether more of an objective is better.
        reference: ``[M]`` the worst value of each objective that still counts.

    Raises:
        ValueError: if ``values`` is not ``[N, M]``.

    Source: Zitzler & Thiele, IEEE TEC 1999; by slices along one objective after another (While et al., 2006).
    """
    gains = _gains(values, higher) - _gains(np.asarray([reference], dtype=float), higher)
    return _volume(gains[(gains > 0).all(axis=1)])


def _gains(values: Array, higher: Sequence[bool]) -> np.ndarray:
    array = to_numpy(values).astype(float)
    if array.ndim != 2 or array.shape[1] != len(higher):
        raise ValueError(f"expected [N, {len(higher)}] values, got {list(array.shape)}")
    return np.where(np.asarray(higher, dtype=bool), array, -array)


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
