"""The loss of a batch of pairs, and what it gains by each embedding.

The loss of a pair is ``-log(gamma + sigmoid(x))``, x the score of the observed item less that of the sampled one,
plus what the mitigations make of it: a shift of each item's score, a weight of each item's losses, a share of each item
group's mean loss, and penalties on the disparity of these means and on the correlation of chances and popularity.
"""

from __future__ import annotations

import numpy as np

from recbole_ile.kernels.adam_rows import AHEAD
from recbole_ile.kernels.compiling import compiled
from recbole_ile.kernels.disparity_loops import disparity_gradient
from recbole_ile.kernels.fetching import fetch_row
from recbole_ile.kernels.pair_state import Batch, Loss, Worker
from recbole_ile.kernels.pairs import Pairs

ROUNDING = 1e-12
"""Deviation, as a share of the mean, up to which values are equal but for rounding, as in ``correlation``."""


@compiled
def compute_slopes(
    begin: int,
    end: int,
    first: int,
    pairs: Pairs,
    of_users: np.ndarray,
    of_items: np.ndarray,
    loss: Loss,
    room: Batch,
) -> None:
    """Fill in the losses and slopes of some pairs of a batch.

    Args:
        begin: first of these pairs.
        end: the one after the last.
        first: first pair of the batch.
        pairs: of the epoch.
        of_users: ``[U, 3, d]`` rows of a ``Table``, of which the first are the embeddings.
        of_items: ``[I, 3, d]`` likewise.
        loss: of a batch.
        room: whose losses, chances and slopes are filled in.

    >>> from recbole_ile.kernels.pair_state import make_room
    >>> pairs = Pairs(*np.array([[0], [0], [1]], np.int32), np.array([0, 1]))
    >>> none, room = np.empty(0, np.float32), make_room(1)
    >>> loss = Loss(0.0, none, none, np.zeros(2, np.int64), 0.0, 0)
    >>> compute_slopes(0, 1, 0, pairs, np.ones((1, 3, 1), np.float32), np.zeros((2, 3, 1), np.float32), loss, room)
    >>> room.slopes.tolist(), round(float(room.losses[0]), 3)
    ([-0.5], 0.693)
    """
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
def sum_up(begin: int, end: int, pairs: Pairs, loss: Loss, room: Batch, worker: Worker) -> tuple[float, float]:
    """Return a batch's loss and penalty; fill in the groups' sums, and what both gain by the losses.

    Args:
        begin: first pair of the batch.
        end: the one after the last.
        pairs: of the epoch.
        loss: of a batch.
        room: with the losses and chances of all pairs of the batch.
        worker: whose sums, gradient, factors, shares and line are filled in.

    >>> from recbole_ile.kernels.adam_rows import Adam
    >>> from recbole_ile.kernels.pair_state import SGD, Updates, make_room, make_worker
    >>> pairs = Pairs(*np.array([[0, 0], [0, 1], [2, 2]], np.int32), np.array([0, 2]))
    >>> none, room = np.empty(0, np.float32), make_room(2)
    >>> room.losses[:] = [1.0, 3.0]
    >>> descent = Updates(SGD, Adam(1.0, 0.0, 0.0, 0.0), 0.0)
    >>> worker = make_worker(0, 1, ((1, 1), (3, 1)), 2, 2, descent)
    >>> sum_up(0, 2, pairs, Loss(0.0, none, none, np.array([0, 1, 1]), 0.0, 0), room, worker)
    (2.0, 0.0)
    >>> worker.sums[0].tolist(), worker.factors.tolist()
    ([1.0, 3.0], [0.5, 0.5])
    """
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
def add_gradients(
    begin: int,
    end: int,
    pairs: Pairs,
    user_rows: np.ndarray,
    item_rows: np.ndarray,
    loss: Loss,
    room: Batch,
    worker: Worker,
) -> None:
    """Add what a batch's loss gains by each row to the gradient of that row.

    Args:
        begin: first pair of the batch.
        end: the one after the last.
        pairs: of the epoch.
        user_rows: ``[U, 3, d]`` as for ``compute_slopes``.
        item_rows: ``[I, 3, d]`` likewise.
        loss: of a batch.
        room: after ``compute_slopes`` of all its pairs.
        worker: after ``sum_up``; the gradients of the rows that it has touched are changed in place.

    >>> from recbole_ile.kernels.adam_rows import Adam
    >>> from recbole_ile.kernels.pair_state import SGD, Updates, make_room, make_worker
    >>> pairs = Pairs(*np.array([[0], [0], [1]], np.int32), np.array([0, 1]))
    >>> none, room = np.empty(0, np.float32), make_room(1)
    >>> loss = Loss(0.0, none, none, np.zeros(2, np.int64), 0.0, 0)
    >>> worker = make_worker(0, 1, ((1, 1), (2, 1)), 1, 1, Updates(SGD, Adam(1.0, 0.0, 0.0, 0.0), 0.0))
    >>> worker.of_items.slots[:], worker.of_items.gradients[:] = [0, 1], 0.0
    >>> worker.factors[:], worker.gradient[:], room.slopes[:] = 1.0, 0.0, -0.5
    >>> users, items = np.full((1, 3, 1), 2, np.float32), np.zeros((2, 3, 1), np.float32)
    >>> add_gradients(0, 1, pairs, users, items, loss, room, worker)
    >>> worker.of_items.gradients[:, 0].tolist()
    [-1.0, 1.0]
    """
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
