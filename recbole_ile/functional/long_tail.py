"""How much of the tail, the last item group, recommendation lists show: APLT and TailCoverage.

Lists are ``[U, k]`` arrays of item indices as in ``measures``: a negative index is an empty place.
"""

from __future__ import annotations

import numpy as np

from recbole_ile.functional.arrays import Array, to_numpy
from recbole_ile.functional.measures import list_profiles


def tail_shares(recommended: Array, item_groups: Array, n_groups: int) -> np.ndarray:
    """Return the share of tail items in each list.

    Args:
        recommended: ``[U, k]`` item indices.
        item_groups: ``[n]`` group of each item; the tail is group ``n_groups - 1``.
        n_groups: number of item groups ``G``.

    Returns:
        ``[U]`` values in ``[0, 1]``, shares of the places that are filled; NaN for an empty list. Without tail
        items they are 0, with one group 1.

    >>> tail_shares(np.array([[0, 2], [1, -1]]), np.array([0, 0, 1]), n_groups=2).tolist()
    [0.5, 0.0]
    """
    counts = list_profiles(recommended, item_groups, n_groups)
    with np.errstate(invalid="ignore"):
        return counts[:, -1] / counts.sum(axis=1)


def average_tail_share(recommended: Array, item_groups: Array, n_groups: int) -> float:
    """Return APLT: the mean over lists of their share of tail items; higher is better.

    Args:
        recommended: ``[U, k]`` item indices.
        item_groups: ``[n]`` group of each item; the tail is group ``n_groups - 1``.
        n_groups: number of item groups ``G``.

    Returns:
        A value in ``[0, 1]``; an empty list takes no part, NaN if all are empty.

    Source: Abdollahpouri, Burke & Mobasher, FLAIRS 2019, arXiv 1901.07555.

    >>> average_tail_share(np.array([[0, 2], [1, -1]]), np.array([0, 0, 1]), n_groups=2)
    0.25
    """
    return mean_of_known(tail_shares(recommended, item_groups, n_groups))


def tail_coverage(recommended: Array, item_groups: Array, n_groups: int) -> float:
    """Return TailCoverage: the share of the tail's items that appear in at least one list; higher is better.

    Args:
        recommended: ``[U, k]`` item indices.
        item_groups: ``[n]`` group of each item; the tail is group ``n_groups - 1``.
        n_groups: number of item groups ``G``.

    Returns:
        A value in ``[0, 1]``, 0 without any recommendation; NaN without tail items. Items without training
        interactions are of the tail and count. With one group it is aggregate diversity.

    Source: the long-tail coverage of Abdollahpouri, Burke & Mobasher, arXiv 1901.07555, over the whole tail.

    >>> tail_coverage(np.array([[0, 2], [2, -1]]), np.array([0, 1, 1, 1]), n_groups=2).__round__(4)
    0.3333
    """
    lists, groups = to_numpy(recommended), to_numpy(item_groups)
    n_tail = int((groups == n_groups - 1).sum())
    shown = np.unique(lists[lists >= 0])
    return int((groups[shown] == n_groups - 1).sum()) / n_tail if n_tail else float("nan")


def mean_of_known(values: np.ndarray) -> float:
    """Return the mean of the values that are not NaN, NaN without any.

    >>> mean_of_known(np.array([0.5, np.nan, 1.0]))
    0.75
    """
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")
