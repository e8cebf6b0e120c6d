"""The compiled loop of ``price_demand``."""

from __future__ import annotations

import numba
import numpy as np


# Not in parallel by Numba itself, whose threads of OpenMP would from then on be torch's number of threads, too.
@numba.njit(nogil=True, cache=True)
def add_lists(
    scores: np.ndarray, items: np.ndarray, prices: np.ndarray, k: int, exposure: np.ndarray, sums: np.ndarray
) -> None:
    """Count in ``[n]`` the lists that hold each item, and fill in the ``[U]`` sums of the scores in each list.

    >>> exposure, sums = np.zeros(2, np.int64), np.zeros(1)
    >>> nothing = np.empty((0, 0), np.int32)
    >>> add_lists(np.array([[2.0, 1.0]], np.float32), nothing, np.zeros(2, np.float32), 1, exposure, sums)
    >>> exposure.tolist(), sums.tolist()
    ([1, 0], [2.0])
    """
    n_users, width = scores.shape
    everything = len(items) == 0
    best, places = np.empty(k, np.float32), np.empty(k, np.int64)
    for user in range(n_users):
        number = 0
        least = np.float32(-np.inf)
        for place in range(width):
            item = place if everything else items[user, place]
            value = scores[user, place] - prices[item]
            if value > least:
                spot = number if number < k else k - 1
                while spot > 0 and best[spot - 1] < value:
                    best[spot] = best[spot - 1]
                    places[spot] = places[spot - 1]
                    spot -= 1
                best[spot] = value
                places[spot] = place
                number = min(number + 1, k)
                if number == k:
                    least = best[k - 1]
        total = 0.0
        for rank in range(number):
            place = places[rank]
            total += scores[user, place]
            exposure[place if everything else items[user, place]] += 1
        sums[user] = total
