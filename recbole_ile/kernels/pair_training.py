"""Training of dot products on pairs of items, from an epoch's batches to updated parameters, outside of autograd.

The loss of a pair is ``-log(gamma + sigmoid(x))``, x the score of the observed item less that of the sampled one,
plus what the mitigations make of it: a shift of each item's score, a weight of each item's losses, a share of each item
group's mean loss, and penalties on the disparity of these means and on the correlation of chances and popularity.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from recbole_ile.kernels.adam_rows import Adam, Gaps, Table, fade, move_weights, take_step
from recbole_ile.kernels.compiling import compiled
from recbole_ile.kernels.disparity_loops import disparity_gradient
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
    """The rows of a table that a batch reads, with room for all that it may read.

    Attributes:
        rows: ``[C]`` int64 rows, in the order in which they are met.
        slots: ``[R]`` int64 place of each row in ``rows``, -1 between batches.
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


class Work(NamedTuple):
    """Room for one batch of at most ``B`` pairs and ``G`` groups, and for the gaps of Adam."""

    scores: np.ndarray
    slopes: np.ndarray
    means: np.ndarray
    present: np.ndarray
    gradient: np.ndarray
    gaps: Gaps


@compiled
def train_batches(
    first: int,
    last: int,
    step: int,
    pairs: Pairs,
    users: Table,
    items: Table,
    of_users: Touched,
    of_items: Touched,
    loss: Loss,
    updates: Updates,
    record: Record,
    work: Work,
) -> int:
    """Train on the batches ``first .. last - 1``; return the first whose loss is not finite, ``last`` if none.

    Args:
        first: first batch.
        last: the one after the last.
        step: steps that the optimiser has taken before ``first``.
        pairs: of the epoch.
        users: their embeddings; rows that no batch touched may be behind.
        items: likewise.
        of_users: room for the users of a batch.
        of_items: room for its items.
        loss: of a batch.
        updates: the optimiser.
        record: filled in for each batch; of the first one whose loss is not finite too, which updates nothing.
        work: room for a batch.

    >>> from recbole_ile.kernels.adam_rows import empty_gaps, make_table
    >>> users, items = make_table([np.ones((1, 1))], step=0), make_table([np.zeros((2, 1))], step=0)
    >>> rooms = [Touched(np.empty(n, np.int64), np.full(n, -1), np.empty((n, 1), np.float32), np.arange(0))
    ...          for n in (1, 2)]
    >>> pairs = Pairs(*np.array([[0], [0], [1]], np.int32), np.array([0, 1]))
    >>> loss = Loss(0.0, np.empty(0, np.float32), np.empty(0, np.float32), np.zeros(2, np.int64), 0.0, 0)
    >>> descent, record = Adam(1.0, 0.0, 0.0, 0.0), Record(*np.zeros((2, 1)), *np.zeros((2, 1, 1)))
    >>> work = Work(*np.empty((2, 1), np.float32), np.empty(1), np.empty(1, bool), np.empty(1), empty_gaps(descent, 1))
    >>> train_batches(0, 1, 0, pairs, users, items, *rooms, loss, Updates(SGD, descent, 0.0), record, work)
    1
    >>> items.rows[:, 0].tolist(), round(float(record.losses[0]), 3)
    ([[0.5], [-0.5]], 0.693)
    """
    on_demand = updates.kind != SGD and updates.decay == 0.0
    for batch in range(first, last):
        begin, end = pairs.bounds[batch], pairs.bounds[batch + 1]
        n_users = _touch(pairs.users[begin:end], 0, of_users)
        n_items = _touch(pairs.observed[begin:end], 0, of_items)
        n_items = _touch(pairs.sampled[begin:end], n_items, of_items)
        n_users = _touch(of_users.always, n_users, of_users)
        n_items = _touch(of_items.always, n_items, of_items)
        if on_demand:
            move_weights(of_users.rows[:n_users], step, users, updates.adam, work.gaps)
            move_weights(of_items.rows[:n_items], step, items, updates.adam, work.gaps)
        _score(begin, end, pairs, users.rows, items.rows, work.scores)
        _compute_slopes(batch, pairs, loss, record, work)
        finite = abs(record.losses[batch] + record.penalties[batch]) < np.inf
        if finite:
            _add_gradients(begin, end, pairs, users.rows, items.rows, of_users, of_items, work.slopes)
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


@compiled
def _touch(rows: np.ndarray, known: int, touched: Touched) -> int:
    """Give each row of a batch a gradient, beyond the ``known`` that have one; return how many have one then."""
    all_rows, slots, gradients = touched.rows, touched.slots, touched.gradients
    for row in rows:
        if slots[row] < 0:
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
def _score(begin: int, end: int, pairs: Pairs, of_users: np.ndarray, of_items: np.ndarray, scores: np.ndarray) -> None:
    size = of_users.shape[2]
    for row in range(begin, end):
        user, observed, sampled = pairs.users[row], pairs.observed[row], pairs.sampled[row]
        score = np.float32(0)
        for k in range(size):
            score += of_users[user, 0, k] * (of_items[observed, 0, k] - of_items[sampled, 0, k])
        scores[row - begin] = score


@compiled
def _compute_slopes(batch: int, pairs: Pairs, loss: Loss, record: Record, work: Work) -> None:
    """Fill in the record of a batch, and what its loss gains by each score."""
    begin, end = pairs.bounds[batch], pairs.bounds[batch + 1]
    sums, counts = record.sums[batch], record.counts[batch]
    weighted = np.zeros(len(counts))
    one, gamma, total, weight = np.float32(1), np.float32(loss.gamma), 0.0, 0.0
    for row in range(begin, end):
        observed = pairs.observed[row]
        group = loss.groups[observed]
        score = work.scores[row - begin]
        if len(loss.shifts):
            score += loss.shifts[observed] - loss.shifts[pairs.sampled[row]]
        chance = one / (one + np.exp(-score))
        inside = gamma + chance
        own = -np.float64(np.log(inside))
        sums[group] += own
        counts[group] += 1.0
        counted = own * loss.weights[observed] if len(loss.weights) else own
        total += counted
        weighted[group] += counted
        weight += loss.weights[observed] if len(loss.weights) else 1.0
        work.slopes[row - begin] = -chance * (one - chance) / inside
        work.scores[row - begin] = inside
    number = weight if loss.normalize else np.float64(end - begin)
    record.losses[batch] = total / number
    record.penalties[batch] = 0.0
    work.gradient[:] = 0.0
    if loss.penalty > 0.0:
        for group in range(len(counts)):
            work.present[group] = counts[group] > 0.0
            work.means[group] = sums[group] / max(counts[group], 1.0)
        distance = disparity_gradient(work.means, work.present, loss.distance, work.gradient)
        record.penalties[batch] = loss.penalty * distance
        for group in range(len(counts)):
            work.gradient[group] *= loss.penalty / max(counts[group], 1.0)
    share = 1.0 / number
    if len(loss.shares):
        record.losses[batch] = _make_robust(weighted, counts, (end - begin) / number, loss, work.means)
    for row in range(begin, end):
        observed = pairs.observed[row]
        group = loss.groups[observed]
        each = work.means[group] if len(loss.shares) else share
        own = each * loss.weights[observed] if len(loss.weights) else each
        work.slopes[row - begin] *= np.float32(own + work.gradient[group])
    if loss.correlation > 0.0:
        _decorrelate(batch, pairs, loss, record, work)


@compiled
def _make_robust(weighted: np.ndarray, counts: np.ndarray, scale: float, loss: Loss, factors: np.ndarray) -> float:
    """Let the shares follow a batch's losses; return its loss under them, and fill in what each pair's counts."""
    shares, highest = loss.shares, -np.inf
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
def _decorrelate(batch: int, pairs: Pairs, loss: Loss, record: Record, work: Work) -> None:
    """Add a part for the squared correlation of chances and popularity, and take it off the others.

    ``work.scores`` hold the chances, that is ``gamma + sigmoid(x)``.
    """
    begin, end = pairs.bounds[batch], pairs.bounds[batch + 1]
    number, chances = end - begin, work.scores
    mean, other_mean = 0.0, 0.0
    for row in range(begin, end):
        mean += np.float64(chances[row - begin])
        other_mean += np.float64(loss.popularity[pairs.observed[row]])
    mean, other_mean = mean / number, other_mean / number
    squares, products, others = 0.0, 0.0, 0.0
    for row in range(begin, end):
        deviation = chances[row - begin] - mean
        other = loss.popularity[pairs.observed[row]] - other_mean
        squares += deviation * deviation
        products += deviation * other
        others += other * other
    varies = squares > number * (ROUNDING * mean) ** 2 and others > number * (ROUNDING * other_mean) ** 2
    norm, other_norm = (np.sqrt(squares), np.sqrt(others)) if varies else (1.0, 1.0)
    correlation = products / norm / other_norm if varies else 0.0
    left, steepness = 1.0 - loss.correlation, 2.0 * loss.correlation * correlation / norm
    record.losses[batch] = left * record.losses[batch] + loss.correlation * correlation * correlation
    record.penalties[batch] *= left
    for row in range(begin, end):
        chance = chances[row - begin]
        deviation = (chance - mean) / norm
        other = (loss.popularity[pairs.observed[row]] - other_mean) / other_norm
        inner = np.float64(chance - np.float32(loss.gamma))
        gained = steepness * (other - correlation * deviation) * inner * (1.0 - inner)
        work.slopes[row - begin] = np.float32(left * work.slopes[row - begin] + gained)


@compiled
def _add_gradients(
    begin: int,
    end: int,
    pairs: Pairs,
    user_rows: np.ndarray,
    item_rows: np.ndarray,
    of_users: Touched,
    of_items: Touched,
    slopes: np.ndarray,
) -> None:
    size = user_rows.shape[2]
    by_user, by_item = of_users.gradients, of_items.gradients
    for row in range(begin, end):
        user, observed, sampled = pairs.users[row], pairs.observed[row], pairs.sampled[row]
        place, plus, minus = of_users.slots[user], of_items.slots[observed], of_items.slots[sampled]
        slope = slopes[row - begin]
        for k in range(size):
            by_user[place, k] += slope * (item_rows[observed, 0, k] - item_rows[sampled, 0, k])
        for k in range(size):
            by_item[plus, k] += slope * user_rows[user, 0, k]
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
