"""What a set of recommendation lists does to users and items: UPD, AD and EE.

Lists are ``[U, k]`` arrays of item indices in ``0 .. n - 1``, best first. A negative index is an empty
place in a list that could not be filled; it counts nowhere.
"""

from __future__ import annotations

import numpy as np
from scipy.special import xlogy

from recbole_ile.functional.arrays import Array, to_numpy

DISCOUNTS = ("none", "dcg")


def jensen_shannon(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Jensen-Shannon divergence in nats between the rows of two ``[U, G]`` arrays of non-negative weights.

    Returns:
        ``[U]`` values in ``[0, ln 2]``; NaN for a row without any weight.

    >>> jensen_shannon(np.array([[1, 1], [1, 0]]), np.array([[2, 2], [0, 1]])).round(4).tolist()
    [0.0, 0.6931]
    """
    with np.errstate(invalid="ignore"):
        p = p / p.sum(axis=1, keepdims=True)
        q = q / q.sum(axis=1, keepdims=True)
    mean = (p + q) / 2.0
    divergence = 0.5 * (xlogy(p, p) + xlogy(q, q)).sum(axis=1) - xlogy(mean, mean).sum(axis=1)
    return np.clip(divergence, 0.0, np.log(2.0))


def list_profiles(recommended: Array, item_groups: Array, n_groups: int) -> np.ndarray:
    """Count the items of each group in each list: ``[U, k]`` indices, ``[n]`` groups -> ``[U, G]``.

    >>> list_profiles(np.array([[0, 2], [1, -1]]), np.array([0, 0, 1]), n_groups=2).tolist()
    [[1, 1], [1, 0]]
    """
    lists = to_numpy(recommended)
    rows = np.broadcast_to(np.arange(len(lists))[:, None], lists.shape)
    filled = lists >= 0
    cells = rows[filled] * n_groups + to_numpy(item_groups)[lists[filled]]
    return np.bincount(cells, minlength=len(lists) * n_groups).reshape(len(lists), n_groups)


def popularity_deviation(profiles: Array, recommended: Array, item_groups: Array) -> np.ndarray:
    """Return each user's divergence between the item groups of the profile and of the list.

    Args:
        profiles: ``[U, G]`` training interactions of each user in each item group.
        recommended: ``[U, k]`` item indices.
        item_groups: ``[n]`` group of each item.

    Returns:
        ``[U]`` values in ``[0, ln 2]``; NaN for a user without profile or with an empty list.

    >>> popularity_deviation(np.array([[1, 1]]), np.array([[0, 2]]), np.array([0, 0, 1])).tolist()
    [0.0]
    """
    taste = to_numpy(profiles).astype(np.float64)
    return jensen_shannon(taste, list_profiles(recommended, item_groups, taste.shape[1]).astype(np.float64))


def user_popularity_deviation(profiles: Array, recommended: Array, item_groups: Array, user_groups: Array) -> float:
    """Return UPD: the mean over user groups of their users' mean popularity deviation; lower is better.

    Args:
        profiles: ``[U, G]`` training interactions of each user in each item group.
        recommended: ``[U, k]`` item indices.
        item_groups: ``[n]`` group of each item.
        user_groups: ``[U]`` group of each user.

    Returns:
        A value in ``[0, ln 2]``; users without profile or list, and groups without users, take no
        part; NaN if nobody does.

    Source: Abdollahpouri et al., UMAP 2021; Prent & Mansoury, arXiv 2410.04830, section 4.

    >>> profiles, lists = np.array([[1, 0], [1, 0], [0, 1]]), np.array([[0], [0], [0]])
    >>> round(user_popularity_deviation(profiles, lists, np.array([0, 1]), np.array([0, 0, 1])), 4)
    0.3466
    """
    deviation = popularity_deviation(profiles, recommended, item_groups)
    known = ~np.isnan(deviation)
    groups = to_numpy(user_groups)[known]
    if not len(groups):
        return float("nan")
    sums = np.bincount(groups, weights=deviation[known])
    users = np.bincount(groups)
    return float(np.mean(sums[users > 0] / users[users > 0]))


def item_exposure(recommended: Array, n_items: int, discount: str = "none") -> np.ndarray:
    """Add up the exposure of every item over all lists: ``[U, k]`` indices -> ``[n]`` float64.

    Args:
        recommended: ``[U, k]`` item indices, best first.
        n_items: size of the catalogue ``n``.
        discount: ``"none"`` gives 1 for each appearance, ``"dcg"`` gives ``1 / log2(r + 1)`` at rank ``r``.

    Raises:
        ValueError: for an unknown discount.

    >>> item_exposure(np.array([[0, 1], [0, 2]]), n_items=3).tolist()
    [2.0, 1.0, 1.0]
    """
    if discount not in DISCOUNTS:
        raise ValueError(f"unknown discount {discount!r}, known are {', '.join(DISCOUNTS)}")
    lists = to_numpy(recommended)
    ranks = np.arange(1, lists.shape[1] + 1)
    gains = np.ones(len(ranks)) if discount == "none" else 1.0 / np.log2(ranks + 1.0)
    filled = lists >= 0
    return np.bincount(lists[filled], weights=np.broadcast_to(gains, lists.shape)[filled], minlength=n_items)


def aggregate_diversity(recommended: Array, n_items: int) -> float:
    """Return AD: the share of the catalogue that appears in at least one list; higher is better.

    Args:
        recommended: ``[U, k]`` item indices.
        n_items: size of the catalogue ``n``, padding not counted.

    Source: Adomavicius & Kwon, TKDE 2012.

    >>> aggregate_diversity(np.array([[0, 1], [0, -1]]), n_items=4)
    0.5
    """
    lists = to_numpy(recommended)
    return len(np.unique(lists[lists >= 0])) / n_items


def gini(values: np.ndarray) -> float:
    """Return the Gini coefficient of ``[n]`` non-negative values, 0 for equal and 1 for all on one.

    A single value, or values that are all 0, are equal: 0.

    >>> gini(np.array([1, 1, 1])), gini(np.array([0, 0, 5]))
    (0.0, 1.0)
    """
    ascending = np.sort(np.asarray(values, dtype=np.float64))
    n, total = len(ascending), ascending.sum()
    if n < 2 or total == 0.0:
        return 0.0
    return float(((2.0 * np.arange(1, n + 1) - n - 1.0) * ascending).sum() / ((n - 1) * total))


def equality_of_exposure(recommended: Array, n_items: int, discount: str = "none") -> float:
    """Return EE: 1 minus the Gini coefficient of item exposure over the whole catalogue; higher is better.

    Args:
        recommended: ``[U, k]`` item indices, best first.
        n_items: size of the catalogue ``n``, padding not counted.
        discount: ``"none"`` (reproduces the published values) or ``"dcg"``.

    Returns:
        A value in ``[0, 1]``; without any recommendation, 0.

    Raises:
        ValueError: for an unknown discount.

    Source: Prent & Mansoury, arXiv 2410.04830, section 4.

    >>> equality_of_exposure(np.array([[0, 1], [1, 0]]), n_items=2)
    1.0
    """
    exposure = item_exposure(recommended, n_items, discount)
    return 1.0 - gini(exposure) if exposure.any() else 0.0
