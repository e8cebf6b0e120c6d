"""Whether item groups are treated alike: PopREO, PopRSP and MinGroupShare.

Lists are ``[U, k]`` arrays of item indices as in ``measures``: a negative index is an empty place.
"""

from __future__ import annotations

import numpy as np

from recbole_ile.functional.arrays import Array, contained, to_numpy
from recbole_ile.functional.measures import item_exposure, list_profiles


def relative_deviation(values: np.ndarray) -> float:
    """Return the population deviation of values over their mean, of those that are not NaN.

    Args:
        values: ``[G]`` non-negative values, NaN for a group that takes no part.

    Returns:
        A value in ``[0, sqrt(G - 1)]``: 0 if all are equal, and for a single value; NaN without a value above 0.

    >>> relative_deviation(np.array([1.0, 3.0, np.nan])), relative_deviation(np.array([2.0]))
    (0.5, 0.0)
    """
    known = values[~np.isnan(values)]
    mean = known.mean() if len(known) else 0.0
    return float(known.std() / mean) if mean > 0.0 else float("nan")


def group_recalls(
    recommended: Array, positive_rows: Array, positive_items: Array, item_groups: Array, n_groups: int
) -> np.ndarray:
    """Return the share of each item group's relevant pairs of user and item that the lists contain.

    Args:
        recommended: ``[U, k]`` item indices.
        positive_rows: ``[P]`` the row of ``recommended`` that each relevant item belongs to.
        positive_items: ``[P]`` its item index.
        item_groups: ``[n]`` group of each item.
        n_groups: number of item groups ``G``.

    Returns:
        ``[G]`` values in ``[0, 1]``; NaN for a group without relevant items.

    >>> lists, rows, items = np.array([[2, 0], [1, -1]]), np.array([0, 0, 1]), np.array([2, 1, 0])
    >>> group_recalls(lists, rows, items, np.array([0, 0, 1]), n_groups=3).tolist()
    [0.0, 1.0, nan]
    """
    lists, rows = to_numpy(recommended), to_numpy(positive_rows)
    items, groups = to_numpy(positive_items), to_numpy(item_groups)
    listed_rows, places = np.nonzero(lists >= 0)
    listed = listed_rows * len(groups) + lists[listed_rows, places]
    found = contained(rows * len(groups) + items, listed)
    relevant = np.bincount(groups[items], minlength=n_groups)
    with np.errstate(invalid="ignore"):
        return np.bincount(groups[items], weights=found, minlength=n_groups) / relevant


def equal_opportunity_deviation(
    recommended: Array, positive_rows: Array, positive_items: Array, item_groups: Array, n_groups: int
) -> float:
    """Return PopREO: how unequal the recall of item groups is, deviation over mean; lower is better.

    Args:
        recommended: ``[U, k]`` item indices.
        positive_rows: ``[P]`` the row of ``recommended`` that each relevant item belongs to.
        positive_items: ``[P]`` its item index.
        item_groups: ``[n]`` group of each item.
        n_groups: number of item groups ``G``.

    Returns:
        A value in ``[0, sqrt(G - 1)]``, 0 for one group; groups without relevant items take no part. NaN if no
        relevant item is in a list: recalls of 0 are equal, but not what anybody means by fair.

    Source: Zhu, Wang & Caverlee, SIGIR 2020, doi 10.1145/3397271.3401177: REO, over the groups of here.

    >>> lists, rows, items = np.array([[2, 0], [1, -1]]), np.array([0, 1, 1]), np.array([2, 1, 0])
    >>> equal_opportunity_deviation(lists, rows, items, np.array([0, 0, 1]), n_groups=2).__round__(4)
    0.3333
    """
    return relative_deviation(group_recalls(recommended, positive_rows, positive_items, item_groups, n_groups))


def statistical_parity_deviation(recommended: Array, candidates: Array, item_groups: Array) -> float:
    """Return PopRSP: how unequally likely item groups are to be recommended, deviation over mean; lower is better.

    A group's rate is the number of its items in lists over that of its recommendable pairs of user and item.

    Args:
        recommended: ``[U, k]`` item indices.
        candidates: ``[U, G]`` number of items of each group that may be recommended to each user.
        item_groups: ``[n]`` group of each item.

    Returns:
        A value in ``[0, sqrt(G - 1)]``, 0 for one group and where lists hold all that may be recommended; groups
        of which nothing may be recommended take no part. NaN without any recommendation.

    Source: Zhu, Wang & Caverlee, SIGIR 2020, doi 10.1145/3397271.3401177: RSP, over the groups of here.

    >>> lists, candidates = np.array([[0], [2]]), np.array([[2, 1], [2, 1]])
    >>> statistical_parity_deviation(lists, candidates, np.array([0, 0, 1])).__round__(4)
    0.3333
    """
    pairs = to_numpy(candidates)
    listed = list_profiles(recommended, item_groups, pairs.shape[1]).sum(axis=0)
    recommendable = pairs.sum(axis=0).astype(np.float64)
    unknown = np.full(len(recommendable), np.nan)
    return relative_deviation(np.divide(listed, recommendable, out=unknown, where=recommendable > 0))


def min_group_share(recommended: Array, item_groups: Array, n_groups: int, discount: str = "none") -> float:
    """Return MinGroupShare: the least over item groups of a group's share of exposure over its share of the items.

    Args:
        recommended: ``[U, k]`` item indices, best first.
        item_groups: ``[n]`` group of each item.
        n_groups: number of item groups ``G``.
        discount: of exposure, ``"none"`` or ``"dcg"`` as for ``item_exposure``.

    Returns:
        A value in ``[0, 1]``, higher is better: 1 if every group is shown as its size asks, and for one group; 0 if
        a group is not shown at all. A group without items takes no part. NaN without any recommendation.

    Raises:
        ValueError: for an unknown discount.

    Source: the max-min fairness of exposure between providers, as in Patro et al., FairRec, WWW 2020, arXiv 2002.10764.

    >>> min_group_share(np.array([[0, 2], [0, 1]]), np.array([0, 0, 1]), n_groups=2)
    0.75
    """
    groups = to_numpy(item_groups)
    exposure = item_exposure(recommended, len(groups), discount)
    if not exposure.any():
        return float("nan")
    items = np.bincount(groups, minlength=n_groups)
    shares = np.bincount(groups, weights=exposure, minlength=n_groups)[items > 0] / exposure.sum()
    return float(min((shares / (items[items > 0] / len(groups))).min(), 1.0))
