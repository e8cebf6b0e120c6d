"""Training of dot products on pairs of items, from an epoch's batches to updated parameters, outside of autograd."""

from __future__ import annotations

import numpy as np

from recbole_ile.kernels.adam_rows import Table, fade, move_weights
from recbole_ile.kernels.compiling import compiled
from recbole_ile.kernels.meeting import meet
from recbole_ile.kernels.pair_gradients import add_gradients, compute_slopes, sum_up
from recbole_ile.kernels.pair_state import SGD, Batch, Loss, Record, Updates, Worker
from recbole_ile.kernels.pair_updates import forget, touch, update
from recbole_ile.kernels.pairs import Pairs


@compiled
def train_batches(
    first: int,
    last: int,
    step: int,
    pairs: Pairs,
    users: Table,
    items: Table,
    loss: Loss,
    updates: Updates,
    record: Record,
    room: Batch,
    worker: Worker,
) -> int:
    """Train on the batches ``first .. last - 1``; return the first whose loss is not finite, ``last`` if none.

    Each thread calls it with a worker of its own and all else in common, and the counter of ``room`` at 0.

    Args:
        first: first batch.
        last: the one after the last.
        step: steps that the optimiser has taken before ``first``.
        pairs: of the epoch.
        users: their embeddings; rows that no batch touched may be behind.
        items: likewise.
        loss: of a batch.
        updates: the optimiser.
        record: filled in for each batch; of the first one whose loss is not finite too, which updates nothing.
        room: for a batch.
        worker: of this thread.

    >>> from recbole_ile.kernels.adam_rows import Adam, make_table
    >>> from recbole_ile.kernels.pair_state import make_room, make_worker
    >>> users, items = make_table([np.ones((1, 1))], step=0), make_table([np.zeros((2, 1))], step=0)
    >>> descent = Updates(SGD, Adam(1.0, 0.0, 0.0, 0.0), 0.0)
    >>> worker = make_worker(0, 1, ((1, 1), (2, 1)), 1, 1, descent)
    >>> pairs = Pairs(*np.array([[0], [0], [1]], np.int32), np.array([0, 1]))
    >>> loss = Loss(0.0, np.empty(0, np.float32), np.empty(0, np.float32), np.zeros(2, np.int64), 0.0, 0)
    >>> record, room = Record(*np.zeros((2, 1)), *np.zeros((2, 1, 1))), make_room(1)
    >>> train_batches(0, 1, 0, pairs, users, items, loss, descent, record, room, worker)
    1
    >>> items.rows[:, 0].tolist(), round(float(record.losses[0]), 3)
    ([[0.5], [-0.5]], 0.693)
    """
    on_demand = updates.kind != SGD and updates.decay == 0.0
    of_users, of_items, n_threads, met = worker.of_users, worker.of_items, worker.n_threads, 0
    if len(loss.shares):
        worker.shares[:] = loss.shares
    for batch in range(first, last):
        begin, end = pairs.bounds[batch], pairs.bounds[batch + 1]
        n_users = touch(pairs.users[begin:end], 0, of_users, worker.number, n_threads)
        n_items = touch(pairs.observed[begin:end], 0, of_items, worker.number, n_threads)
        n_items = touch(pairs.sampled[begin:end], n_items, of_items, worker.number, n_threads)
        n_users = touch(of_users.always, n_users, of_users, worker.number, n_threads)
        n_items = touch(of_items.always, n_items, of_items, worker.number, n_threads)
        if on_demand:
            move_weights(of_users.rows[:n_users], step, users, updates.adam, worker.gaps)
            move_weights(of_items.rows[:n_items], step, items, updates.adam, worker.gaps)
        met = meet(room.counter, met, n_threads)
        size = (end - begin + n_threads - 1) // n_threads
        part = min(begin + worker.number * size, end)
        compute_slopes(part, min(part + size, end), begin, pairs, users.rows, items.rows, loss, room)
        met = meet(room.counter, met, n_threads)
        total, penalty = sum_up(begin, end, pairs, loss, room, worker)
        if worker.number == 0:
            record.losses[batch], record.penalties[batch] = total, penalty
            record.sums[batch], record.counts[batch] = worker.sums[0], worker.sums[1]
        finite = abs(total + penalty) < np.inf
        if finite:
            add_gradients(begin, end, pairs, users.rows, items.rows, loss, room, worker)
        met = meet(room.counter, met, n_threads)
        if finite:
            step += 1
            update(n_users, step, users, of_users, updates)
            update(n_items, step, items, of_items, updates)
        elif on_demand:
            fade(of_users.rows[:n_users], step, users, updates.adam)
            fade(of_items.rows[:n_items], step, items, updates.adam)
        forget(of_users.rows[:n_users], of_users.slots)
        forget(of_items.rows[:n_items], of_items.slots)
        if not finite:
            last = batch
            break
    if len(loss.shares) and worker.number == 0:
        loss.shares[:] = worker.shares
    return last
