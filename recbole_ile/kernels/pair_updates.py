"""The rows that a batch of pairs touches, and their steps."""

from __future__ import annotations

import numpy as np

from recbole_ile.kernels.adam_rows import Table, take_step
from recbole_ile.kernels.compiling import compiled
from recbole_ile.kernels.pair_state import ADAM_W, SGD, Touched, Updates


@compiled
def touch(rows: np.ndarray, known: int, touched: Touched, number: int, n_threads: int) -> int:
    """Give each row of a thread's a gradient, beyond those that have one; return how many have one then.

    Args:
        rows: ``[N]`` that a batch reads, also of other threads and more than once.
        known: how many rows have a gradient.
        touched: which, and the gradients; those of new rows are 0.
        number: of the thread, from 0.
        n_threads: how many they are, a power of two.

    >>> own = Touched(np.empty(2, np.int64), np.full(4, -1), np.ones((2, 1), np.float32), np.empty(0, np.int64))
    >>> touch(np.array([3, 2, 3, 1]), 0, own, number=1, n_threads=2)
    2
    >>> own.rows.tolist(), own.slots.tolist()
    ([3, 1], [-1, 1, -1, 0])
    """
    all_rows, slots, gradients = touched.rows, touched.slots, touched.gradients
    last_bits = n_threads - 1
    for row in rows:
        if row & last_bits == number and slots[row] < 0:
            slots[row] = known
            all_rows[known] = row
            for k in range(gradients.shape[1]):
                gradients[known, k] = 0
            known += 1
    return known


@compiled
def forget(rows: np.ndarray, slots: np.ndarray) -> None:
    """Take the gradients from rows.

    Args:
        rows: ``[N]`` those that were touched.
        slots: of ``Touched``, changed in place.

    >>> slots = np.array([-1, 1, -1, 0])
    >>> forget(np.array([3, 1]), slots)
    >>> slots.tolist()
    [-1, -1, -1, -1]
    """
    for row in rows:
        slots[row] = -1


@compiled
def update(n_touched: int, step: int, table: Table, touched: Touched, updates: Updates) -> None:
    """Take a step of the rows that a batch touched.

    Args:
        n_touched: how many they are.
        step: its number, from 1.
        table: changed in place.
        touched: the rows and their gradients.
        updates: the optimiser.

    >>> from recbole_ile.kernels.adam_rows import Adam, make_table
    >>> table = make_table([np.ones((2, 1))], step=0)
    >>> gradients = np.full((1, 1), 0.5, np.float32)
    >>> touched = Touched(np.array([1]), np.array([-1, 0]), gradients, np.empty(0, np.int64))
    >>> update(1, 1, table, touched, Updates(SGD, Adam(1.0, 0.0, 0.0, 0.0), 0.0))
    >>> table.rows[:, 0, 0].tolist()
    [1.0, 0.5]
    """
    rows, gradients, adam = touched.rows[:n_touched], touched.gradients, updates.adam
    if updates.decay != 0.0:
        _decay(rows, gradients, table.rows, updates)
    if updates.kind == SGD:
        _descend(rows, gradients, table.rows, np.float32(adam.rate))
    else:
        take_step(rows, gradients, step, table, adam)


@compiled
def _decay(rows: np.ndarray, gradients: np.ndarray, own: np.ndarray, updates: Updates) -> None:
    """Draw parameters towards 0: AdamW on their own, the others as a part of the gradient."""
    left, decay = np.float32(1.0 - updates.adam.rate * updates.decay), np.float32(updates.decay)
    for place in range(len(rows)):
        row = rows[place]
        if updates.kind == ADAM_W:
            for k in range(own.shape[2]):
                own[row, 0, k] *= left
        else:
            for k in range(own.shape[2]):
                gradients[place, k] += decay * own[row, 0, k]


@compiled
def _descend(rows: np.ndarray, gradients: np.ndarray, own: np.ndarray, rate: np.float32) -> None:
    for place in range(len(rows)):
        row = rows[place]
        for k in range(own.shape[2]):
            own[row, 0, k] -= rate * gradients[place, k]
