"""Training of dot products on pairs of items, from an epoch's batches to updated parameters, outside of autograd.

The loss of a pair is ``-log(gamma + sigmoid(x))``, x the score of the observed item less that of the sampled one,
plus what the mitigations make of it: a shift of each item's score, a weight of each item's losses, and a penalty on the
disparity of the item groups' mean losses.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from recbole_ile.kernels.adam_rows import AHEAD, Adam, Gaps, Table, empty_gaps, fade, move_weights, take_step
from recbole_ile.kernels.compiling import compiled
from recbole_ile.kernels.disparity_loops import disparity_gradient
from recbole_ile.kernels.fetching import fetch_row
from recbole_ile.kernels.meeting import meet, new_counter
from recbole_ile.kernels.pairs import Pairs

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
    """

    gamma: float
    shifts: np.ndarray
    weights: np.ndarray
    groups: np.ndarray
    penalty: float
    distance: int


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
        losses: ``[S]`` float64 mean loss of the pairs, weighted.
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
        slopes: ``[B]`` float32, what it gains by the pair's score.
        counter: where the threads meet.
    """

    losses: np.ndarray
    slopes: np.ndarray
    counter: np.ndarray


class Share(NamedTuple):
    """What one of the threads has for itself.

    It scores a part of a batch, and updates the rows whose number has its own as its last bits. Every thread adds a
    row's gradients up in the order of the pairs, so that the number of threads does not change the result.

    Attributes:
        number: of the thread, from 0.
        n_threads: how many they are, a power of two.
        of_users: room for the users of a batch.
        of_items: room for its items.
        sums: ``[3, G]`` float64 room for the groups' losses, numbers of pairs and means.
        present: ``[G]`` bool room.
        gradient: ``[G]`` float64 room.
        gaps: of Adam.
    """

    number: int
    n_threads: int
    of_users: Touched
    of_items: Touched
    sums: np.ndarray
    present: np.ndarray
    gradient: np.ndarray
    gaps: Gaps


def make_share(
    number: int, n_threads: int, shapes: tuple[tuple[int, int], ...], largest: int, n_groups: int, updates: Updates
) -> Share:
    """Return what a thread needs for itself.

    Args:
        number: of the thread, from 0.
        n_threads: how many they are, a power of two.
        shapes: ``(R, d)`` of the table of users and of that of items.
        largest: pairs of the largest batch.
        n_groups: number of item groups.
        updates: the optimiser.

    >>> share = make_share(1, 2, ((4, 1), (3, 1)), 8, 2, Updates(ADAM, Adam(0.1, 0.9, 0.99, 1e-8), 0.1))
    >>> share.of_users.always.tolist(), share.of_items.always.tolist()
    ([1, 3], [1])
    """
    touched = []
    for (n_rows, size), read in zip(shapes, (largest, 2 * largest), strict=True):
        own = np.arange(number, n_rows, n_threads)
        room = len(own) if updates.decay else min(read, len(own))
        slots = np.full(n_rows, -1, dtype=np.int64)
        rows, gradients = np.empty(room, dtype=np.int64), np.empty((room, size), dtype=np.float32)
        touched.append(Touched(rows, slots, gradients, own if updates.decay else own[:0]))
    sums, gradient = np.empty((3, n_groups)), np.empty(n_groups)
    gaps = empty_gaps(updates.adam, shapes[0][1])
    return Share(number, n_threads, touched[0], touched[1], sums, np.empty(n_groups, dtype=bool), gradient, gaps)


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
    share: Share,
) -> int:
    """Train on the batches ``first .. last - 1``; return the first whose loss is not finite, ``last`` if none.

    Each thread calls it with a share of its own and all else in common, and the counter of ``room`` at 0.

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
        share: of this thread.

    >>> from recbole_ile.kernels.adam_rows import make_table
    >>> users, items = make_table([np.ones((1, 1))], step=0), make_table([np.zeros((2, 1))], step=0)
    >>> descent = Updates(SGD, Adam(1.0, 0.0, 0.0, 0.0), 0.0)
    >>> share = make_share(0, 1, ((1, 1), (2, 1)), 1, 1, descent)
    >>> pairs = Pairs(*np.array([[0], [0], [1]], np.int32), np.array([0, 1]))
    >>> loss = Loss(0.0, np.empty(0, np.float32), np.empty(0, np.float32), np.zeros(2, np.int64), 0.0, 0)
    >>> record, room = Record(*np.zeros((2, 1)), *np.zeros((2, 1, 1))), make_room(1)
    >>> train_batches(0, 1, 0, pairs, users, items, loss, descent, record, room, share)
    1
    >>> items.rows[:, 0].tolist(), round(float(record.losses[0]), 3)
    ([[0.5], [-0.5]], 0.693)
    """
    on_demand = updates.kind != SGD and updates.decay == 0.0
    of_users, of_items, n_threads, met = share.of_users, share.of_items, share.n_threads, 0
    for batch in range(first, last):
        begin, end = pairs.bounds[batch], pairs.bounds[batch + 1]
        n_users = _touch(pairs.users[begin:end], 0, of_users, share.number, n_threads)
        n_items = _touch(pairs.observed[begin:end], 0, of_items, share.number, n_threads)
        n_items = _touch(pairs.sampled[begin:end], n_items, of_items, share.number, n_threads)
        n_users = _touch(of_users.always, n_users, of_users, share.number, n_threads)
        n_items = _touch(of_items.always, n_items, of_items, share.number, n_threads)
        if on_demand:
            move_weights(of_users.rows[:n_users], step, users, updates.adam, share.gaps)
            move_weights(of_items.rows[:n_items], step, items, updates.adam, share.gaps)
        met = meet(room.counter, met, n_threads)
        size = (end - begin + n_threads - 1) // n_threads
        part = min(begin + share.number * size, end)
        _compute_slopes(part, min(part + size, end), begin, pairs, users.rows, items.rows, loss, room)
        met = meet(room.counter, met, n_threads)
        total, penalty = _sum_up(begin, end, pairs, loss, room, share)
        if share.number == 0:
            record.losses[batch], record.penalties[batch] = total, penalty
            record.sums[batch], record.counts[batch] = share.sums[0], share.sums[1]
        finite = abs(total + penalty) < np.inf
        if finite:
            _add_gradients(begin, end, pairs, users.rows, items.rows, loss, room, share)
        met = meet(room.counter, met, n_threads)
        if finite:
            step += 1
            _update(n_users, step, users, of_users, updates)
            _update(n_items, step, items, of_items, updates)
        elif on_demand:
            fade(of_users.rows[:n_users], step, users, updates.adam)
            fade(of_items.rows[:n_items], step, items, updates.adam)
        _forget(of_users.rows[:n_users], of_users.slots)
        _forget(of_items.rows[:n_items], of_items.slots)
        if not finite:
            return batch
    return last


def make_room(largest: int) -> Batch:
    """Return room for batches of at most ``largest`` pairs.

    >>> len(make_room(3).losses)
    3
    """
    return Batch(np.empty(largest), np.empty(largest, dtype=np.float32), new_counter())


@compiled
def _touch(rows: np.ndarray, known: int, touched: Touched, number: int, n_threads: int) -> int:
    """Give each row of a thread's a gradient, beyond the ``known`` that have one; return how many have one then."""
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
def _forget(rows: np.ndarray, slots: np.ndarray) -> None:
    for row in rows:
        slots[row] = -1


@compiled
def _compute_slopes(
    begin: int,
    end: int,
    first: int,
    pairs: Pairs,
    of_users: np.ndarray,
    of_items: np.ndarray,
    loss: Loss,
    room: Batch,
) -> None:
    """Fill in the losses and slopes of the pairs ``begin .. end - 1``, of the batch that begins with ``first``."""
    size, one, gamma = of_users.shape[2], np.float32(1), np.float32(loss.gamma)
    shifted = len(loss.shifts) > 0
    for row in range(begin, end):
        if row + AHEAD < end:
            fetch_row(of_users, pairs.users[row + AHEAD], size)
            fetch_row(of_items, pairs.observed[row + AHEAD], size)
            fetch_row(of_items, pairs.sampled[row + AHEAD], size)
        user, observed, sampled = pairs.users[row], pairs.observed[row], pairs.sampled[row]
        score = np.float32(0)
        for k in range(size):
            score += of_users[user, 0, k] * (of_items[observed, 0, k] - of_items[sampled, 0, k])
        if shifted:
            score += loss.shifts[observed] - loss.shifts[sampled]
        chance = one / (one + np.exp(-score))
        inside = gamma + chance
        room.losses[row - first] = -np.float64(np.log(inside))
        room.slopes[row - first] = -chance * (one - chance) / inside


@compiled
def _sum_up(begin: int, end: int, pairs: Pairs, loss: Loss, room: Batch, share: Share) -> tuple[float, float]:
    """Return a batch's loss and penalty; fill in the groups' sums, and what the penalty gains by a loss of each."""
    sums, counts, means = share.sums[0], share.sums[1], share.sums[2]
    share.sums[:] = 0.0
    total, weighted = 0.0, len(loss.weights) > 0
    for row in range(begin, end):
        observed, own = pairs.observed[row], room.losses[row - begin]
        sums[loss.groups[observed]] += own
        counts[loss.groups[observed]] += 1.0
        total += own * loss.weights[observed] if weighted else own
    penalty = 0.0
    share.gradient[:] = 0.0
    if loss.penalty > 0.0:
        for group in range(len(counts)):
            share.present[group] = counts[group] > 0.0
            means[group] = sums[group] / max(counts[group], 1.0)
        penalty = loss.penalty * disparity_gradient(means, share.present, loss.distance, share.gradient)
        for group in range(len(counts)):
            share.gradient[group] *= loss.penalty / max(counts[group], 1.0)
    return total / (end - begin), penalty


@compiled
def _add_gradients(
    begin: int,
    end: int,
    pairs: Pairs,
    user_rows: np.ndarray,
    item_rows: np.ndarray,
    loss: Loss,
    room: Batch,
    share: Share,
) -> None:
    size, each = user_rows.shape[2], 1.0 / (end - begin)
    by_user, by_item = share.of_users.gradients, share.of_items.gradients
    user_slots, item_slots = share.of_users.slots, share.of_items.slots
    weighted = len(loss.weights) > 0
    for row in range(begin, end):
        user, observed, sampled = pairs.users[row], pairs.observed[row], pairs.sampled[row]
        place, plus, minus = user_slots[user], item_slots[observed], item_slots[sampled]
        own = each * loss.weights[observed] if weighted else each
        slope = room.slopes[row - begin] * np.float32(own + share.gradient[loss.groups[observed]])
        if place >= 0:
            for k in range(size):
                by_user[place, k] += slope * (item_rows[observed, 0, k] - item_rows[sampled, 0, k])
        if plus >= 0:
            for k in range(size):
                by_item[plus, k] += slope * user_rows[user, 0, k]
        if minus >= 0:
            for k in range(size):
                by_item[minus, k] -= slope * user_rows[user, 0, k]


@compiled
def _update(n_touched: int, step: int, table: Table, touched: Touched, updates: Updates) -> None:
    """Take step number ``step`` of the rows that a batch touched."""
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
