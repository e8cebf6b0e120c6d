"""Rows by group, and each group's rows cut into parts, without a loop over groups."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd


class Groups(NamedTuple):
    """``N`` rows by ``G`` groups, the groups in the order in which they are met first.

    Attributes:
        rows: ``[N]`` int64 rows, those of a group side by side and ascending.
        sizes: ``[G]`` int64 rows of each group.
    """

    rows: np.ndarray
    sizes: np.ndarray


def group_rows(keys: np.ndarray) -> Groups:
    """Put rows with equal keys side by side.

    Args:
        keys: ``[N]`` of any kind that can be told apart.

    >>> [part.tolist() for part in group_rows(np.array([7, 3, 7]))]
    [[0, 2, 1], [2, 1]]
    """
    codes, known = pd.factorize(np.asarray(keys))
    return Groups(np.argsort(codes, kind="stable"), np.bincount(codes, minlength=len(known)))


def sizes_by_ratio(totals: np.ndarray, ratios: Sequence[float]) -> np.ndarray:
    """Return how many rows of each group belong to each part.

    All parts but the first are rounded down; one that would be empty takes a row of the first, from the last part
    on, as long as that keeps one.

    Args:
        totals: ``[G]`` rows of each group.
        ratios: ``P`` shares whose sum is 1.

    Returns:
        ``[G, P]`` int64.

    >>> sizes_by_ratio(np.array([10, 3, 1]), [0.8, 0.1, 0.1]).tolist()
    [[8, 1, 1], [1, 1, 1], [1, 0, 0]]
    """
    wanted = np.multiply.outer(np.asarray(totals, dtype=np.float64), np.asarray(ratios, dtype=np.float64))
    sizes = wanted.astype(np.int64)
    sizes[:, 0] = totals - sizes[:, 1:].sum(axis=1)
    for part in range(len(ratios) - 1, 0, -1):
        takes = (sizes[:, 0] > 1) & (wanted[:, part] > 0) & (wanted[:, part] < 1)
        sizes[takes, part] += 1
        sizes[takes, 0] -= 1
    return sizes


def sizes_left_out(totals: np.ndarray, number: int) -> np.ndarray:
    """Return how many rows of each group belong to each part, if the last ``number`` are parts of one row.

    Of a group with fewer rows the first stays in the first part, and the last parts are served first.

    Args:
        totals: ``[G]`` rows of each group, at least 1.
        number: parts of one row.

    Returns:
        ``[G, 1 + number]`` int64.

    >>> sizes_left_out(np.array([5, 2, 1]), 2).tolist()
    [[3, 1, 1], [1, 0, 1], [1, 0, 0]]
    """
    single = np.minimum(np.asarray(totals) - 1, number)
    served = np.arange(number, 0, -1) <= single[:, None]
    return np.concatenate([(totals - single)[:, None], served.astype(np.int64)], axis=1)


def cut_groups(groups: Groups, sizes: np.ndarray) -> list[np.ndarray]:
    """Cut each group's rows into parts, and return the rows of each part, group after group.

    Args:
        groups: ``N`` rows by ``G`` groups.
        sizes: ``[G, P]`` rows of each group in each part.

    Returns:
        ``P`` arrays of int64 rows, ``N`` in all.

    >>> [part.tolist() for part in cut_groups(group_rows(np.array([7, 3, 7])), np.array([[1, 1], [1, 0]]))]
    [[0, 1], [2]]
    """
    n_parts = sizes.shape[1]
    parts = np.repeat(np.tile(np.arange(n_parts), len(sizes)), sizes.ravel())
    return [groups.rows[parts == part] for part in range(n_parts)]
