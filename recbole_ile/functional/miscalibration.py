"""How far lists are from the item groups of profiles, in the divergence of calibrated recommendations."""

from __future__ import annotations

import numpy as np
from scipy.special import rel_entr

from recbole_ile.functional.arrays import Array, to_numpy
from recbole_ile.functional.long_tail import mean_of_known
from recbole_ile.functional.measures import list_profiles

SMOOTHING = 0.01
"""Share of the profile that is mixed into the list's distribution, so that the divergence stays finite."""


def user_miscalibration(profiles: Array, recommended: Array, item_groups: Array) -> np.ndarray:
    """Return each user's Kullback-Leibler divergence in nats of the list's item groups from the profile's.

    It is ``Σ_g p_g · log(p_g / q̃_g)`` with ``q̃ = 0.99 · q + 0.01 · p``; p is the profile and q the list.

    Args:
        profiles: ``[U, G]`` training interactions of each user in each item group.
        recommended: ``[U, k]`` item indices, negative for an empty place.
        item_groups: ``[n]`` group of each item.

    Returns:
        ``[U]`` values in ``[0, ln 100]``, 0 for one group; NaN for a user without profile or with an empty list.

    Source: Steck, RecSys 2018, doi 10.1145/3240323.3240372, with its α of 0.01.

    >>> profiles, groups = np.array([[1, 1], [1, 0]]), np.array([0, 1])
    >>> user_miscalibration(profiles, np.array([[0, 1], [1, -1]]), groups).round(4).tolist()
    [0.0, 4.6052]
    """
    taste = to_numpy(profiles).astype(np.float64)
    listed = list_profiles(recommended, item_groups, taste.shape[1]).astype(np.float64)
    with np.errstate(invalid="ignore"):
        p = taste / taste.sum(axis=1, keepdims=True)
        q = listed / listed.sum(axis=1, keepdims=True)
    return np.clip(rel_entr(p, (1.0 - SMOOTHING) * q + SMOOTHING * p).sum(axis=1), 0.0, -np.log(SMOOTHING))


def miscalibration(profiles: Array, recommended: Array, item_groups: Array) -> float:
    """Return Miscalibration: the mean over users of ``user_miscalibration``; lower is better.

    Args:
        profiles: ``[U, G]`` training interactions of each user in each item group.
        recommended: ``[U, k]`` item indices, negative for an empty place.
        item_groups: ``[n]`` group of each item.

    Returns:
        A value in ``[0, ln 100]``; users without profile or list take no part, NaN if nobody does.

    Source: Steck, RecSys 2018, doi 10.1145/3240323.3240372, with its α of 0.01.

    >>> profiles, groups = np.array([[1, 1], [1, 0]]), np.array([0, 1])
    >>> round(miscalibration(profiles, np.array([[0, 1], [1, -1]]), groups), 4)
    2.3026
    """
    return mean_of_known(user_miscalibration(profiles, recommended, item_groups))
