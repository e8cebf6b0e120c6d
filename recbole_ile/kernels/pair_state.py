"""What training on pairs of items reads and writes: the loss, the optimiser, the record, and room for threads."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from recbole_ile.kernels.adam_rows import Adam, Gaps, empty_gaps
from recbole_ile.kernels.meeting import new_counter

ADAM, ADAM_W, SGD = range(3)


class Loss(NamedTuple):
    """What is made of the scores of a batch.

    Attributes:
        gamma: inside the logarithm.
        shifts: ``[I]`` float32, what an item's score gains; empty for nothing.
        weights: ``[I]`` float32, what an observed item's loss is multiplied by; empty for 1.
        groups: ``[I]`` int64 group of each item, in ``0 .. G - 1``.
        penalty: what the disparity is multiplied by.
        distance: a constant of ``disparity_loops``.
        normalize: whether the losses are divided by the sum of the weights, not by their number.
        correlation: what the squared correlation of ``gamma + sigmoid(x)`` and popularity counts, the rest of 1 being
            the loss.
        popularity: ``[I]`` float32, an item's popularity; empty where it counts nothing.
        shares: ``[G]`` float64, what a group's mean loss counts, changed in place from batch to batch; empty where the
            mean over all pairs counts.
        step: how fast the shares follow the losses.
    """

    gamma: float
    shifts: np.ndarray
    weights: np.ndarray
    groups: np.ndarray
    penalty: float
    distance: int
    normalize: bool = False
    correlation: float = 0.0
    popularity: np.ndarray = np.empty(0, dtype=np.float32)
    shares: np.ndarray = np.empty(0)
    step: float = 0.0


class Updates(NamedTuple):
    """How parameters follow from gradients.

    Attributes:
        kind: ``ADAM``, ``ADAM_W`` or ``SGD``.
        adam: its settings; of SGD only the learning rate counts.
        decay: weight decay; where it is not 0, every step walks all rows.
    """

    kind: int
    adam: Adam
    decay: float


class Touched(NamedTuple):
    """The rows of a table that a batch reads and one thread updates, with room for all that it may read.

    Attributes:
        rows: ``[C]`` int64 rows, in the order in which they are met.
        slots: ``[R]`` int64 place of each row in ``rows``, -1 between batches and for rows of other threads.
        gradients: ``[C, d]`` float32 gradient of each of ``rows``.
        always: ``[A]`` int64 rows that take each step, whether a batch reads them or not.
    """

    rows: np.ndarray
    slots: np.ndarray
    gradients: np.ndarray
    always: np.ndarray


class Record(NamedTuple):
    """What is reported of each of ``S`` batches.

    Attributes:
        losses: ``[S]`` float64 mean loss of the pairs, weighted, with the correlation's part.
        penalties: ``[S]`` float64, what the disparity adds.
        sums: ``[S, G]`` float64 losses of each item group, not weighted.
        counts: ``[S, G]`` float64 pairs of each item group.
    """

    losses: np.ndarray
    penalties: np.ndarray
    sums: np.ndarray
    counts: np.ndarray


class Batch(NamedTuple):
    """Room for the largest batch, of ``B`` pairs.

    Attributes:
        losses: ``[B]`` float64 loss of each pair, not weighted.
        chances: ``[B]`` float32 ``gamma + sigmoid(x)``.
        slopes: ``[B]`` float32, what the loss gains by the pair's score.
        counter: where the threads meet.
    """

    losses: np.ndarray
    chances: np.ndarray
    slopes: np.ndarray
    counter: np.ndarray


class Worker(NamedTuple):
    """What one of the threads has for itself.

    It scores a part of a batch, and updates the rows whose number has its own as its last bits. Every thread adds a
    row's gradients up in the order of the pairs, so that the number of threads does not change the result.

    Attributes:
        number: of the thread, from 0.
        n_threads: how many they are, a power of two.
        of_users: room for the users of a batch.
        of_items: room for its items.
        sums: ``[4, G]`` float64 room for the groups' losses, numbers of pairs, means, and weighted losses.
        present: ``[G]`` bool room.
        gradient: ``[G]`` float64, what the penalty gains by a loss of each group.
        factors: ``[G]`` float64, what the loss of the batch gains by a weighted loss of each group.
        shares: ``[G]`` float64 shares of the groups, where they count.
        line: ``[6]`` float64, from which the correlation's part of a slope follows.
        gaps: of Adam.
    """

    number: int
    n_threads: int
    of_users: Touched
    of_items: Touched
    sums: np.ndarray
    present: np.ndarray
    gradient: np.ndarray
    factors: np.ndarray
    shares: np.ndarray
    line: np.ndarray
    gaps: Gaps


def make_room(largest: int) -> Batch:
    """Return room for batches of at most ``largest`` pairs.

    >>> len(make_room(3).losses)
    3
    """
    chances, slopes = np.empty((2, largest), dtype=np.float32)
    return Batch(np.empty(largest), chances, slopes, new_counter())


def make_worker(
    number: int, n_threads: int, shapes: tuple[tuple[int, int], ...], largest: int, n_groups: int, updates: Updates
) -> Worker:
    """Return what a thread needs for itself.

    Args:
        number: of the thread, from 0.
        n_threads: how many they are, a power of two.
        shapes: ``(R, d)`` of the table of users and of that of items.
        largest: pairs of the largest batch.
        n_groups: number of item groups.
        updates: the optimiser.

    >>> worker = make_worker(1, 2, ((4, 1), (3, 1)), 8, 2, Updates(ADAM, Adam(0.1, 0.9, 0.99, 1e-8), 0.1))
    >>> worker.of_users.always.tolist(), worker.of_items.always.tolist()
    ([1, 3], [1])
    """
    touched = []
    for (n_rows, size), read in zip(shapes, (largest, 2 * largest), strict=True):
        own = np.arange(number, n_rows, n_threads)
        room = len(own) if updates.decay else min(read, len(own))
        slots = np.full(n_rows, -1, dtype=np.int64)
        rows, gradients = np.empty(room, dtype=np.int64), np.empty((room, size), dtype=np.float32)
        touched.append(Touched(rows, slots, gradients, own if updates.decay else own[:0]))
    sums, present = np.empty((4, n_groups)), np.empty(n_groups, dtype=bool)
    gradient, factors, shares = np.empty((3, n_groups))
    line, gaps = np.zeros(6), empty_gaps(updates.adam, shapes[0][1])
    return Worker(number, n_threads, touched[0], touched[1], sums, present, gradient, factors, shares, line, gaps)
