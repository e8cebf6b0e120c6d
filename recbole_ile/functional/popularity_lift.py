"""How much more popular the items of lists are than those of profiles: PopLift."""

from __future__ import annotations

import numpy as np

from recbole_ile.functional.arrays import Array, to_numpy
from recbole_ile.functional.long_tail import mean_of_known


def profile_popularity(users: Array, items: Array, counts: Array, n_users: int) -> np.ndarray:
    """Return the mean count of the items in each user's profile.

    Args:
        users: ``[E]`` user index of each training interaction, in ``0 .. n_users - 1``.
        items: ``[E]`` item index of each.
        counts: ``[n]`` training interactions of each item.
        n_users: number of users ``U``.

    Returns:
        ``[U]`` training interactions; NaN for a user without profile.

    >>> profile_popularity(np.array([0, 0, 2]), np.array([0, 1, 1]), np.array([3, 1]), n_users=3).tolist()
    [2.0, nan, 1.0]
    """
    rows = to_numpy(users)
    totals = np.bincount(rows, weights=to_numpy(counts)[to_numpy(items)], minlength=n_users)
    with np.errstate(invalid="ignore"):
        return totals / np.bincount(rows, minlength=n_users)


def list_popularity(recommended: Array, counts: Array) -> np.ndarray:
    """Return the mean count of the items in each list: ``[U, k]`` indices, ``[n]`` counts -> ``[U]``, NaN if empty.

    >>> list_popularity(np.array([[0, 1], [1, -1], [-1, -1]]), np.array([3, 1])).tolist()
    [2.0, 1.0, nan]
    """
    lists = to_numpy(recommended)
    filled = lists >= 0
    shown = np.where(filled, to_numpy(counts)[np.where(filled, lists, 0)], 0)
    with np.errstate(invalid="ignore"):
        return shown.sum(axis=1) / filled.sum(axis=1)


def popularity_lift(profile_means: Array, recommended: Array, counts: Array, user_groups: Array) -> float:
    """Return PopLift: by how much lists are more popular than profiles, the mean over user groups; best at 0.

    For each user group it is ``(GAP_list - GAP_profile) / GAP_profile``, where GAP is the mean over the group's users
    of the mean count of their items. A value of 0.5 says that lists are half as popular again as profiles.

    Args:
        profile_means: ``[U]`` mean count of the items in each profile, NaN without one.
        recommended: ``[U, k]`` item indices, negative for an empty place.
        counts: ``[n]`` training interactions of each item.
        user_groups: ``[U]`` group of each user.

    Returns:
        A value of at least -1; a user without profile or with an empty list takes no part on either side, nor does a
        group without such users or with ``GAP_profile`` 0. NaN if no group does.

    Source: Abdollahpouri, Mansoury, Burke & Mobasher, arXiv 1907.13286: ΔGAP of each group.

    >>> lists, counts = np.array([[0, 1], [1, 1], [0, 0]]), np.array([4, 2])
    >>> popularity_lift(np.array([2.0, 2.0, 4.0]), lists, counts, np.array([0, 0, 1]))
    0.125
    """
    profile, listed = to_numpy(profile_means).astype(np.float64), list_popularity(recommended, counts)
    known = ~np.isnan(profile) & ~np.isnan(listed)
    groups = to_numpy(user_groups)[known]
    # Sums serve, since the users of both means are the same.
    before = np.bincount(groups, weights=profile[known])
    after = np.bincount(groups, weights=listed[known])
    return mean_of_known(after[before > 0] / before[before > 0] - 1.0)
