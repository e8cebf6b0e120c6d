"""Adam's updates of single rows of a table: one step, or all those at once in which a row had no gradient.

Adam moves every row in every step, also one without a gradient, for as long as the row's mean gradient has not faded.
Such steps follow from what is known, so that they can wait until the row is read: the parameters are those of plain
Adam up to the rounding of floats, and a step costs what its gradients cost, whatever the size of the table.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from recbole_ile.kernels.compiling import compiled
from recbole_ile.kernels.fetching import LINE, fetch_row

ONE = 0.003
"""Steps whose denominators differ by no more than this share are taken as one, with their weighted mean."""
TWO = 0.1
"""Steps whose denominators differ by no more than this share are taken as two, which have the same first moments.

What either neglects falls with a power of the share. Once the steps are shorter, more is allowed.
"""
FADED = 1e-9
"""What is left of a mean gradient when its further steps are below the rounding of floats."""
AHEAD = 3
"""Rows whose memory is on its way while one is worked on."""
KEPT_GAPS = 4096
"""Gaps whose sums are kept; steps that are as many apart share a place."""


class Adam(NamedTuple):
    """The settings of Adam.

    Attributes:
        rate: learning rate.
        beta1: what a step leaves of the mean gradient.
        beta2: what it leaves of the mean square.
        epsilon: added to the root of the mean square.
    """

    rate: float
    beta1: float
    beta2: float
    epsilon: float


class Table(NamedTuple):
    """``R`` rows of ``d`` parameters, and where Adam is with each.

    What is said of a row lies side by side, as memory is read in lines of it and in pages.

    Attributes:
        rows: ``[R, 3, d]`` float32 parameters, mean gradients and mean squares of gradients; without the latter two,
            ``[R, 1, d]``, for optimisers that have none.
        step: ``[R]`` int64 step after which the row was brought up to date.
    """

    rows: np.ndarray
    step: np.ndarray


class Gaps(NamedTuple):
    """What the steps of a gap come to, kept as long as their place is not taken.

    Attributes:
        start: ``[C]`` int64 step after which the gap begins, -1 for nothing.
        length: ``[C]`` int64 number of steps.
        terms: ``[C]`` int64 number of terms ``n``.
        factors: ``[C, L]`` float32, of each term what multiplies the mean gradient.
        roots: ``[C, L]`` float32, of each term what multiplies the root of the mean square.
        moved: ``[d]`` float32, by how much the row at hand moves.
    """

    start: np.ndarray
    length: np.ndarray
    terms: np.ndarray
    factors: np.ndarray
    roots: np.ndarray
    moved: np.ndarray


def make_table(parts: Sequence[np.ndarray], step: int) -> Table:
    """Return rows that are up to date, whose memory begins at a line.

    Args:
        parts: ``[R, d]`` parameters, mean gradients and mean squares, or the first alone.
        step: how many steps were taken.

    >>> table = make_table([np.ones((2, 1)), np.zeros((2, 1)), np.zeros((2, 1))], 5)
    >>> table.rows[0].tolist(), table.step.tolist()
    ([[1.0], [0.0], [0.0]], [5, 5])
    """
    n_rows, size = parts[0].shape
    number = n_rows * len(parts) * size
    room = np.empty(number + LINE, dtype=np.float32)
    start = -room.ctypes.data // room.itemsize % LINE
    rows = room[start : start + number].reshape(n_rows, len(parts), size)
    for place, part in enumerate(parts):
        rows[:, place] = part
    return Table(rows, np.full(n_rows, step, dtype=np.int64))


def horizon(adam: Adam) -> int:
    """Return after how many steps a mean gradient has faded.

    >>> horizon(Adam(0.001, 0.9, 0.999, 1e-8))
    197
    """
    return 1 if adam.beta1 <= 0 else max(1, math.ceil(math.log(FADED) / math.log(adam.beta1)))


def empty_gaps(adam: Adam, size: int) -> Gaps:
    """Return room for the sums of gaps, for rows of ``size`` parameters.

    >>> empty_gaps(Adam(0.001, 0.9, 0.999, 1e-8), 64).factors.shape
    (4096, 197)
    """
    start, length, terms = np.full((3, KEPT_GAPS), -1, dtype=np.int64)
    factors, roots = np.empty((2, KEPT_GAPS, horizon(adam)), dtype=np.float32)
    return Gaps(start, length, terms, factors, roots, np.empty(size, dtype=np.float32))


@compiled
def sum_up_gap(start: int, length: int, adam: Adam, gaps: Gaps) -> None:
    """Sum up the steps ``start + 1 .. start + length``, and keep the terms at their place in ``gaps``.

    >>> adam = Adam(0.001, 0.9, 0.999, 1e-8)
    >>> gaps = empty_gaps(adam, 64)
    >>> sum_up_gap(10_000, 197, adam, gaps)
    >>> place = 10_000 % KEPT_GAPS
    >>> n_terms = gaps.terms[place]
    >>> int(n_terms), round(float(gaps.factors[place, :n_terms].sum()), 6)
    (2, 0.009)
    """
    place = start % len(gaps.start)
    terms, first, allowed = 0, 0.0, 0.0
    left, left_square = 1.0, 1.0
    bias1, bias2 = adam.beta1**start, adam.beta2**start
    total, mean, square, cube, last = 0.0, 0.0, 0.0, 0.0, 0.0
    for _ in range(length):
        root = math.sqrt(left_square * adam.beta2 / (1.0 - bias2 * adam.beta2))
        if total == 0.0 or first - root > allowed:
            terms = _add_terms(place, terms, total, first, last, mean, square, cube, gaps)
            total, mean, square, cube = 0.0, 0.0, 0.0, 0.0
            first, allowed = root, TWO * root / left**0.25
        left *= adam.beta1
        left_square *= adam.beta2
        bias1 *= adam.beta1
        bias2 *= adam.beta2
        own, off, last = adam.rate * left / (1.0 - bias1), root - first, root
        total += own
        mean += own * off
        square += own * off * off
        cube += own * off * off * off
    terms = _add_terms(place, terms, total, first, last, mean, square, cube, gaps)
    gaps.start[place], gaps.length[place], gaps.terms[place] = start, length, terms


@compiled
def _add_terms(
    place: int,
    terms: int,
    total: float,
    first: float,
    last: float,
    mean: float,
    square: float,
    cube: float,
    gaps: Gaps,
) -> int:
    """Add one or two terms for steps between two roots, from the sums of their powers' distances from the first."""
    if not total > 0.0:
        return terms
    mean, square, cube = mean / total, square / total, cube / total
    variance = square - mean * mean
    if first - last <= ONE * first or not variance > 0.0:
        gaps.factors[place, terms], gaps.roots[place, terms] = total, first + mean
        return terms + 1
    # The two points of Gauss's quadrature for the weights of the steps.
    skew = (cube - 3.0 * mean * square + 2.0 * mean**3) / variance
    width = math.sqrt(skew * skew + 4.0 * variance)
    low, high = 0.5 * (skew - width), 0.5 * (skew + width)
    gaps.factors[place, terms], gaps.roots[place, terms] = total * high / width, first + mean + low
    gaps.factors[place, terms + 1], gaps.roots[place, terms + 1] = -total * low / width, first + mean + high
    return terms + 2


@compiled
def bring_up_to_date(rows: np.ndarray, step: int, table: Table, adam: Adam, gaps: Gaps) -> None:
    """Do all steps up to ``step`` that rows without gradients still have to take.

    Args:
        rows: ``[n]`` int64 rows, each once.
        step: after which they are up to date.
        table: that they are of.
        adam: its settings.
        gaps: kept sums.

    >>> table = make_table(np.ones((3, 1, 1)), step=1)
    >>> adam = Adam(0.5, 0.5, 0.5, 0.0)
    >>> bring_up_to_date(np.array([0]), 2, table, adam, empty_gaps(adam, 1))
    >>> table.rows[0, :, 0].tolist(), int(table.step[0])  # 1 - 0.5 * (0.5 / 0.75) / sqrt(0.5 / 0.75)
    ([0.5917516946792603, 0.5, 0.5], 2)
    """
    move_weights(rows, step, table, adam, gaps)
    fade(rows, step, table, adam)


@compiled
def move_weights(rows: np.ndarray, step: int, table: Table, adam: Adam, gaps: Gaps) -> None:
    """Do of ``bring_up_to_date`` what can be read; ``take_step`` or ``fade`` has to do the rest.

    >>> table = make_table(np.ones((3, 1, 1)), step=1)
    >>> adam = Adam(0.5, 0.5, 0.5, 0.0)
    >>> move_weights(np.array([0]), 2, table, adam, empty_gaps(adam, 1))
    >>> table.rows[0, :, 0].astype(float).round(2).tolist(), int(table.step[0])
    ([0.59, 1.0, 1.0], 1)
    """
    # Arrays of a tuple are counted each time they are handed on, so that none may be for a single row.
    own, moved = table.rows, gaps.moved
    size, epsilon = own.shape[2], np.float32(adam.epsilon)
    longest, places = gaps.factors.shape[1], len(gaps.start)
    for number in range(len(rows)):
        row = rows[number]
        if number + AHEAD < len(rows):
            fetch_row(own, rows[number + AHEAD], 3 * size)
        since = step - table.step[row]
        if since == 0:
            continue
        start, length = table.step[row], min(since, longest)
        place = start % places
        if gaps.start[place] != start or gaps.length[place] != length:
            sum_up_gap(start, length, adam, gaps)
        terms = gaps.terms[place]
        if terms == 1:
            factor, root = gaps.factors[place, 0], gaps.roots[place, 0]
            for k in range(size):
                own[row, 0, k] -= factor * own[row, 1, k] / (np.sqrt(own[row, 2, k]) * root + epsilon)
            continue
        for k in range(size):
            moved[k] = 0
        for term in range(0, terms - 1, 2):
            factor, root = gaps.factors[place, term], gaps.roots[place, term]
            factor2, root2 = gaps.factors[place, term + 1], gaps.roots[place, term + 1]
            for k in range(size):
                deviation = np.sqrt(own[row, 2, k])
                one, other = deviation * root + epsilon, deviation * root2 + epsilon
                moved[k] += own[row, 1, k] * (factor * other + factor2 * one) / (one * other)
        if terms % 2:
            factor, root = gaps.factors[place, terms - 1], gaps.roots[place, terms - 1]
            for k in range(size):
                moved[k] += factor * own[row, 1, k] / (np.sqrt(own[row, 2, k]) * root + epsilon)
        for k in range(size):
            own[row, 0, k] -= moved[k]


@compiled
def fade(rows: np.ndarray, step: int, table: Table, adam: Adam) -> None:
    """Do of ``bring_up_to_date`` what is left when the weights have moved.

    >>> table = make_table(np.ones((3, 1, 1)), step=1)
    >>> fade(np.array([0]), 3, table, Adam(0.5, 0.5, 0.25, 0.0))
    >>> table.rows[0, :, 0].tolist(), int(table.step[0])
    ([1.0, 0.25, 0.0625], 3)
    """
    own = table.rows
    for row in rows:
        since = step - table.step[row]
        left, left_square = np.float32(adam.beta1**since), np.float32(adam.beta2**since)
        for k in range(own.shape[2]):
            own[row, 1, k] *= left
            own[row, 2, k] *= left_square
        table.step[row] = step


@compiled
def take_step(rows: np.ndarray, gradients: np.ndarray, step: int, table: Table, adam: Adam) -> None:
    """Do step number ``step`` of rows whose weights are up to date, their mean gradients perhaps not.

    Args:
        rows: ``[n]`` int64 rows, each once.
        gradients: ``[n, d]`` float32 gradient of each.
        step: its number, the first being 1.
        table: that they are of.
        adam: its settings.

    >>> table = make_table([np.ones((1, 1)), np.zeros((1, 1)), np.zeros((1, 1))], step=0)
    >>> take_step(np.array([0]), np.full((1, 1), 4, np.float32), 1, table, Adam(0.5, 0.5, 0.5, 0.0))
    >>> table.rows[0, :, 0].round(5).tolist(), int(table.step[0])
    ([0.5, 2.0, 8.0], 1)
    """
    own = table.rows
    size = own.shape[2]
    epsilon = np.float32(adam.epsilon)
    gained, gained_square = np.float32(1.0 - adam.beta1), np.float32(1.0 - adam.beta2)
    factor = np.float32(adam.rate / (1.0 - adam.beta1**step))
    root = np.float32(1.0 / math.sqrt(1.0 - adam.beta2**step))
    for place in range(len(rows)):
        row = rows[place]
        if place + AHEAD < len(rows):
            fetch_row(own, rows[place + AHEAD], 3 * size)
        since = step - table.step[row]
        beta1, beta2 = np.float32(adam.beta1**since), np.float32(adam.beta2**since)
        for k in range(size):
            mean = beta1 * own[row, 1, k] + gained * gradients[place, k]
            square = beta2 * own[row, 2, k] + gained_square * gradients[place, k] * gradients[place, k]
            own[row, 1, k] = mean
            own[row, 2, k] = square
            own[row, 0, k] -= factor * mean / (np.sqrt(square) * root + epsilon)
        table.step[row] = step
