"""The k-core of interactions: what is left where every user and item has at least k of them."""

from __future__ import annotations

import numpy as np


def k_core(users: np.ndarray, items: np.ndarray, k: int) -> np.ndarray:
    """Drop interactions of users and items with fewer than k, again and again until none is left to drop.

    Args:
        users: ``[P]`` integers from 0.
        items: ``[P]`` integers from 0.
        k: least number of interactions of every user and every item.

    Returns:
        ``[Q]`` positions of what is kept, ascending.

    >>> k_core(np.array([0, 0, 1, 1, 2]), np.array([0, 1, 0, 1, 1]), k=2).tolist()
    [0, 1, 2, 3]
    """
    kept = np.arange(len(users))
    while True:
        their_users, their_items = users[kept], items[kept]
        enough = (np.bincount(their_users)[their_users] >= k) & (np.bincount(their_items)[their_items] >= k)
        if enough.all():
            return kept
        kept = kept[enough]
