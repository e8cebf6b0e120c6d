"""The order of an epoch and its negatives in compiled loops, from a seed alone.

Every number comes from the seed and its place, so that neither the order in which places are filled nor the number of
threads matters.
"""

from __future__ import annotations

import numpy as np

from recbole_ile.kernels.compiling import compiled

ATTEMPTS = 32
"""Draws that may meet a used item before one is drawn from the unused ones alone."""
_GOLDEN, _ODD1, _ODD2 = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_BITS = 2.0**-53


@compiled
def uniform(seed: np.uint64, place: np.uint64) -> float:
    """Return a float64 in ``[0, 1)`` for each place, with 53 random bits.

    Source: the generator splitmix64, Steele et al., OOPSLA 2014, whose state after ``place`` numbers is known.

    >>> seed, place = np.uint64(1), np.uint64(2)
    >>> uniform(seed, place) == uniform(seed, place) != uniform(seed, place + seed)
    True
    """
    bits = seed + (place + np.uint64(1)) * _GOLDEN
    bits = (bits ^ (bits >> np.uint64(30))) * _ODD1
    bits = (bits ^ (bits >> np.uint64(27))) * _ODD2
    return np.float64((bits ^ (bits >> np.uint64(31))) >> np.uint64(11)) * _BITS


@compiled
def shuffled(number: int, seed: np.uint64) -> np.ndarray:
    """Return the numbers ``0 .. number - 1`` in an order from the seed: ``[number]`` int32.

    >>> sorted(shuffled(4, np.uint64(0)).tolist())
    [0, 1, 2, 3]
    """
    order = np.arange(number).astype(np.int32)
    for place in range(number - 1, 0, -1):
        other = int(uniform(seed, np.uint64(place)) * (place + 1))
        order[place], order[other] = order[other], order[place]
    return order


@compiled
def draw_unused(users: np.ndarray, offsets: np.ndarray, used: np.ndarray, n_items: int, seed: np.uint64) -> np.ndarray:
    """Draw an item for each user that the user has not used, all with the same chance.

    Args:
        users: ``[N]`` int user of each draw, best in ascending order, in which each user's items are marked once.
        offsets: ``[U + 1]`` int64; what user u has used is ``used[offsets[u] : offsets[u + 1]]``.
        used: int32 items, ascending within a user, each once.
        n_items: number of items ``n``, more than any user has used.
        seed: of the draws.

    Returns:
        ``[N]`` int32 items in ``0 .. n - 1``.

    >>> draw_unused(np.array([0, 1]), np.array([0, 1, 2]), np.array([1, 0], np.int32), 2, np.uint64(0)).tolist()
    [0, 1]
    """
    drawn, marked, marked_user = np.empty(len(users), dtype=np.int32), np.zeros(n_items, dtype=np.bool_), -1
    for row in range(len(users)):
        own = used[offsets[users[row]] : offsets[users[row] + 1]]
        marked_user = _mark(marked, marked_user, users[row], offsets, used)
        found = -1
        for attempt in range(ATTEMPTS):
            item = min(int(uniform(seed, _place(row, attempt)) * n_items), n_items - 1)
            if not marked[item]:
                found = item
                break
        drawn[row] = found if found >= 0 else _unused_of_rank(own, n_items, uniform(seed, _place(row, ATTEMPTS)))
    return drawn


@compiled
def draw_popular(
    users: np.ndarray, offsets: np.ndarray, used: np.ndarray, cumulative: np.ndarray, seed: np.uint64
) -> np.ndarray:
    """Draw an item for each user that the user has not used, by chances of the items.

    Args:
        users: ``[N]`` int user of each draw, best in ascending order.
        offsets: as in ``draw_unused``.
        used: as in ``draw_unused``.
        cumulative: ``[n]`` float64 sums of the chances up to each item, in any unit; each user has left out one that
            has a chance.
        seed: of the draws.

    Returns:
        ``[N]`` int32 items in ``0 .. n - 1``.

    >>> chances = np.array([0.0, 1.0, 3.0])
    >>> draw_popular(np.array([0, 0]), np.array([0, 1]), np.array([1], np.int32), chances, np.uint64(0)).tolist()
    [2, 2]
    """
    total, n_items = cumulative[-1], len(cumulative)
    drawn, marked, marked_user = np.empty(len(users), dtype=np.int32), np.zeros(n_items, dtype=np.bool_), -1
    for row in range(len(users)):
        own = used[offsets[users[row]] : offsets[users[row] + 1]]
        marked_user = _mark(marked, marked_user, users[row], offsets, used)
        found = -1
        for attempt in range(ATTEMPTS):
            point = uniform(seed, _place(row, attempt)) * total
            item = min(np.searchsorted(cumulative, point, side="right"), n_items - 1)
            if not marked[item]:
                found = item
                break
        drawn[row] = found if found >= 0 else _draw_of_left(own, cumulative, uniform(seed, _place(row, ATTEMPTS)))
    return drawn


@compiled
def _place(row: int, attempt: int) -> np.uint64:
    return np.uint64(row) * np.uint64(ATTEMPTS + 1) + np.uint64(attempt)


@compiled
def _mark(marked: np.ndarray, before: int, user: int, offsets: np.ndarray, used: np.ndarray) -> int:
    """Mark what a user has used, instead of what another one has; -1 for nobody. Return the user."""
    if user != before:
        if before >= 0:
            for item in used[offsets[before] : offsets[before + 1]]:
                marked[item] = False
        for item in used[offsets[user] : offsets[user + 1]]:
            marked[item] = True
    return user


@compiled
def _unused_of_rank(used: np.ndarray, n_items: int, point: float) -> int:
    """Return the unused item at a point in ``[0, 1)`` of the unused ones."""
    n_unused = n_items - len(used)
    rank = min(int(point * n_unused), n_unused - 1)
    # The unused items below the j-th used one are used[j] - j: the first with more of them than the rank is sought.
    low, high = 0, len(used)
    while low < high:
        middle = (low + high) // 2
        if used[middle] - middle <= rank:
            low = middle + 1
        else:
            high = middle
    return rank + low


@compiled
def _draw_of_left(used: np.ndarray, cumulative: np.ndarray, point: float) -> int:
    """Return the item at a point in ``[0, 1)`` of the chances of what is not used."""
    left = cumulative[-1]
    for item in used:
        left -= cumulative[item] - (cumulative[item - 1] if item else 0.0)
    wanted, below, place, last = point * left, 0.0, 0, -1
    for item in range(len(cumulative)):
        if place < len(used) and used[place] == item:
            place += 1
            continue
        chance = cumulative[item] - (cumulative[item - 1] if item else 0.0)
        if chance > 0.0:
            last = item
            below += chance
            if below > wanted:
                return item
    return last
