"""Training of dot products on pairs of items, from an epoch's batches to updated parameters, outside of autograd.

The loss of a pair is ``-log(gamma + sigmoid(x))``, x the score of the observed item less that of the sampled one,
plus what the mitigations make of it: a shift of each item's score, a weight of each item's losses, a share of each item
group's mean loss, and penalties on the disparity of these means and on the correlation of chances and popularity.
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
ROUNDING = 1e-12
"""Deviation, as a share of the mean, up to which values are equal but for rounding, as in ``correlation``."""


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

    >>> from recbole_ile.kernels.adam_rows import make_table
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
        n_users = _touch(pairs.users[begin:end], 0, of_users, worker.number, n_threads)
        n_items = _touch(pairs.observed[begin:end], 0, of_items, worker.number, n_threads)
        n_items = _touch(pairs.sampled[begin:end], n_items, of_items, worker.number, n_threads)
        n_users = _touch(of_users.always, n_users, of_users, worker.number, n_threads)
        n_items = _touch(of_items.always, n_items, of_items, worker.number, n_threads)
        if on_demand:
            move_weights(of_users.rows[:n_users], step, users, updates.adam, worker.gaps)
            move_weights(of_items.rows[:n_items], step, items, updates.adam, worker.gaps)
        met = meet(room.counter, met, n_threads)
        size = (end - begin + n_threads - 1) // n_threads
        part = min(begin + worker.number * size, end)
        _compute_slopes(part, min(part + size, end), begin, pairs, users.rows, items.rows, loss, room)
        met = meet(room.counter, met, n_threads)
        total, penalty = _sum_up(begin, end, pairs, loss, room, worker)
        if worker.number == 0:
            record.losses[batch], record.penalties[batch] = total, penalty
            record.sums[batch], record.counts[batch] = worker.sums[0], worker.sums[1]
        finite = abs(total + penalty) < np.inf
        if finite:
            _add_gradients(begin, end, pairs, users.rows, items.rows, loss, room, worker)
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
            last = batch
            break
    if len(loss.shares) and worker.number == 0:
        loss.shares[:] = worker.shares
    return last


def make_room(largest: int) -> Batch:
    """Return room for batches of at most ``largest`` pairs.

    >>> len(make_room(3).losses)
    3
    """
    chances, slopes = np.empty((2, largest), dtype=np.float32)
    return Batch(np.empty(largest), chances, slopes, new_counter())


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
        room.chances[row - first] = inside
        room.slopes[row - first] = -chance * (one - chance) / inside


@compiled
def _sum_up(begin: int, end: int, pairs: Pairs, loss: Loss, room: Batch, worker: Worker) -> tuple[float, float]:
    """Return a batch's loss and penalty; fill in the groups' sums, and what both gain by the losses."""
    sums, counts, means, weighted = worker.sums[0], worker.sums[1], worker.sums[2], worker.sums[3]
    worker.sums[:] = 0.0
    total, weight, has_weights = 0.0, 0.0, len(loss.weights) > 0
    for row in range(begin, end):
        observed, own = pairs.observed[row], room.losses[row - begin]
        group = loss.groups[observed]
        sums[group] += own
        counts[group] += 1.0
        if has_weights:
            weighted[group] += own * loss.weights[observed]
            weight += loss.weights[observed]
            total += own * loss.weights[observed]
        else:
            total += own
    penalty, number = 0.0, weight if loss.normalize and has_weights else np.float64(end - begin)
    worker.gradient[:] = 0.0
    worker.factors[:] = 1.0 / number
    if loss.penalty > 0.0:
        for group in range(len(counts)):
            worker.present[group] = counts[group] > 0.0
            means[group] = sums[group] / max(counts[group], 1.0)
        penalty = loss.penalty * disparity_gradient(means, worker.present, loss.distance, worker.gradient)
        for group in range(len(counts)):
            worker.gradient[group] *= loss.penalty / max(counts[group], 1.0)
    total /= number
    if len(loss.shares):
        total = _make_robust(weighted if has_weights else sums, (end - begin) / number, loss, worker)
    if loss.correlation > 0.0:
        squared = _decorrelate(begin, end, pairs, loss, room, worker.line)
        left = 1.0 - loss.correlation
        return left * total + loss.correlation * squared, left * penalty
    return total, penalty


@compiled
def _make_robust(weighted: np.ndarray, scale: float, loss: Loss, worker: Worker) -> float:
    """Let the shares follow a batch's losses; return its loss under them, and fill in what each pair's counts."""
    shares, factors, counts, highest = worker.shares, worker.factors, worker.sums[1], -np.inf
    for group in range(len(counts)):
        factors[group] = 0.0
        if counts[group] > 0.0:
            factors[group] = scale * weighted[group] / counts[group]
            highest = max(highest, loss.step * factors[group])
    before, after = 0.0, 0.0
    for group in range(len(counts)):
        if counts[group] > 0.0:
            before += shares[group]
            after += shares[group] * np.exp(loss.step * factors[group] - highest)
    robust, changes = 0.0, abs(before / after) < np.inf
    for group in range(len(counts)):
        if counts[group] > 0.0:
            if changes:
                shares[group] *= np.exp(loss.step * factors[group] - highest) * (before / after)
            robust += shares[group] * factors[group]
            factors[group] = scale * shares[group] / counts[group]
    return robust


@compiled
def _decorrelate(begin: int, end: int, pairs: Pairs, loss: Loss, room: Batch, line: np.ndarray) -> float:
    """Return the squared correlation of chances and popularity, and fill in what ``_decorrelated`` reads."""
    number = end - begin
    mean, other_mean = 0.0, 0.0
    for row in range(begin, end):
        mean += np.float64(room.chances[row - begin])
        other_mean += np.float64(loss.popularity[pairs.observed[row]])
    mean, other_mean = mean / number, other_mean / number
    squares, products, others = 0.0, 0.0, 0.0
    for row in range(begin, end):
        deviation = room.chances[row - begin] - mean
        other = loss.popularity[pairs.observed[row]] - other_mean
        squares += deviation * deviation
        products += deviation * other
        others += other * other
    varies = squares > number * (ROUNDING * mean) ** 2 and others > number * (ROUNDING * other_mean) ** 2
    norm, other_norm = (np.sqrt(squares), np.sqrt(others)) if varies else (1.0, 1.0)
    correlation = products / norm / other_norm if varies else 0.0
    line[0], line[1], line[2], line[3] = mean, norm, other_mean, other_norm
    line[4], line[5] = correlation, 2.0 * loss.correlation * correlation / norm
    return correlation * correlation


@compiled
def _decorrelated(slope: np.float32, observed: int, chance: np.float32, loss: Loss, line: np.ndarray) -> np.float32:
    """Return the slope of a pair with the correlation's part."""
    deviation, other = (chance - line[0]) / line[1], (loss.popularity[observed] - line[2]) / line[3]
    inner = np.float64(chance - np.float32(loss.gamma))
    gained = line[5] * (other - line[4] * deviation) * inner * (1.0 - inner)
    return np.float32((1.0 - loss.correlation) * slope + gained)


@compiled
def _add_gradients(
    begin: int,
    end: int,
    pairs: Pairs,
    user_rows: np.ndarray,
    item_rows: np.ndarray,
    loss: Loss,
    room: Batch,
    worker: Worker,
) -> None:
    size = user_rows.shape[2]
    by_user, by_item = worker.of_users.gradients, worker.of_items.gradients
    user_slots, item_slots = worker.of_users.slots, worker.of_items.slots
    weighted = len(loss.weights) > 0
    for row in range(begin, end):
        user, observed, sampled = pairs.users[row], pairs.observed[row], pairs.sampled[row]
        place, plus, minus = user_slots[user], item_slots[observed], item_slots[sampled]
        group = loss.groups[observed]
        own = worker.factors[group] * loss.weights[observed] if weighted else worker.factors[group]
        slope = room.slopes[row - begin] * np.float32(own + worker.gradient[group])
        if loss.correlation > 0.0:
            slope = _decorrelated(slope, observed, room.chances[row - begin], loss, worker.line)
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
