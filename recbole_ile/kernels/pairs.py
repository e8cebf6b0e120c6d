"""All pairs of an epoch in the order in which they are trained."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from recbole_ile.kernels.compiling import compiled


class Pairs(NamedTuple):
    """The pairs of an epoch, batch after batch.

    Attributes:
        users: ``[N]`` int32 rows of the users.
        observed: ``[N]`` int32 rows of the observed items.
        sampled: ``[N]`` int32 rows of the sampled items.
        bounds: ``[S + 1]`` int64; batch s is ``bounds[s] : bounds[s + 1]``.
    """

    users: np.ndarray
    observed: np.ndarray
    sampled: np.ndarray
    bounds: np.ndarray


def lay_out_pairs(order: np.ndarray, interactions: np.ndarray, drawn: np.ndarray, entries: int) -> Pairs:
    """Put interactions in order, each batch once for each of its negatives.

    Args:
        order: ``[M]`` int interactions.
        interactions: ``[M, 2]`` int32 user and item of each.
        drawn: ``[n, M]`` int32 sampled items of each interaction.
        entries: interactions of a batch.

    >>> known, drawn = np.array([[3, 5], [4, 6]], np.int32), np.array([[7, 8], [9, 10]], np.int32)
    >>> [part.tolist() for part in lay_out_pairs(np.array([1, 0]), known, drawn, 1)]
    [[4, 4, 3, 3], [6, 6, 5, 5], [8, 10, 7, 9], [0, 2, 4]]
    """
    times = len(drawn)
    rows = np.empty((3, times * len(order)), dtype=np.int32)
    _lay_out(order, interactions, drawn, entries, rows)
    bounds = np.append(np.arange(0, len(order), entries), len(order)) * times
    return Pairs(rows[0], rows[1], rows[2], bounds)


@compiled
def _lay_out(order: np.ndarray, interactions: np.ndarray, drawn: np.ndarray, entries: int, rows: np.ndarray) -> None:
    place = 0
    for begin in range(0, len(order), entries):
        end = min(begin + entries, len(order))
        for time in range(len(drawn)):
            for interaction in order[begin:end]:
                rows[0, place] = interactions[interaction, 0]
                rows[1, place] = interactions[interaction, 1]
                rows[2, place] = drawn[time, interaction]
                place += 1
