"""Adam on demand for tables that lie apart: parameters in a model, mean gradients and mean squares in its optimiser.

The rows at hand are laid side by side, as ``adam_rows`` reads them, and put back when they have moved.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from recbole_ile.kernels.adam_rows import Adam, Gaps, Table, bring_up_to_date, take_step
from recbole_ile.kernels.compiling import compiled


class TableParts(NamedTuple):
    """``R`` rows of ``d`` parameters, and where Adam is with each.

    Attributes:
        weights: ``[R, d]`` float32 parameters.
        means: ``[R, d]`` float32 mean gradients.
        squares: ``[R, d]`` float32 mean squares of gradients.
        step: ``[R]`` int64 step after which the row was brought up to date.
        place: ``[R]`` int64, -1 for each row between two calls.
    """

    weights: np.ndarray
    means: np.ndarray
    squares: np.ndarray
    step: np.ndarray
    place: np.ndarray


def table_parts(weights: np.ndarray, means: np.ndarray, squares: np.ndarray, step: int) -> TableParts:
    """Return a table whose rows are up to date; the arrays are taken as they are and not copied.

    Args:
        weights: ``[R, d]`` float32 parameters.
        means: ``[R, d]`` float32 mean gradients.
        squares: ``[R, d]`` float32 mean squares of gradients.
        step: how many steps were taken.

    >>> table_parts(np.ones((2, 1)), np.zeros((2, 1)), np.zeros((2, 1)), 5).step.tolist()
    [5, 5]
    """
    n_rows = len(weights)
    return TableParts(weights, means, squares, np.full(n_rows, step), np.full(n_rows, -1))


@compiled
def catch_up(indices: np.ndarray, step: int, parts: TableParts, adam: Adam, gaps: Gaps) -> None:
    """Do all steps up to ``step`` that rows which are about to be read still have to take.

    Args:
        indices: ``[n]`` int64 rows, each as often as it is read; what is no row of the table is passed over.
        step: after which they are up to date.
        parts: the table.
        adam: its settings.
        gaps: kept sums.

    >>> from recbole_ile.kernels.adam_rows import empty_gaps
    >>> ones, adam = np.ones((3, 3, 1), dtype=np.float32), Adam(0.5, 0.5, 0.5, 0.0)
    >>> parts = table_parts(*ones, step=1)
    >>> catch_up(np.array([0, 2, 0]), 2, parts, adam, empty_gaps(adam, 1))
    >>> parts.weights[:, 0].astype(float).round(2).tolist(), parts.step.tolist()
    ([0.59, 1.0, 0.59], [2, 1, 2])
    """
    rows, since = np.empty((2, len(indices)), dtype=np.int64)
    number = 0
    for index in indices:
        if 0 <= index < len(parts.step) and parts.step[index] != step:
            rows[number], since[number] = index, parts.step[index]
            parts.step[index] = step
            number += 1
    if number:
        rows = rows[:number]
        beside = Table(_side_by_side(rows, parts), since[:number])
        bring_up_to_date(np.arange(number), step, beside, adam, gaps)
        _put_back(beside.rows, rows, parts)


@compiled
def take_row_steps(
    indices: np.ndarray, gradients: np.ndarray, step: int, parts: TableParts, adam: Adam, gaps: Gaps
) -> None:
    """Do step number ``step`` of the rows that have gradients.

    Args:
        indices: ``[n]`` int64 rows of the gradients; those of one row add up in their order.
        gradients: ``[n, d]`` float32.
        step: its number, the first being 1.
        parts: the table.
        adam: its settings.
        gaps: kept sums.

    >>> from recbole_ile.kernels.adam_rows import empty_gaps
    >>> adam, arrays = Adam(0.5, 0.5, 0.5, 0.0), np.zeros((3, 3, 1), dtype=np.float32)
    >>> parts = table_parts(*arrays, step=0)
    >>> gradients = np.array([[1], [2], [3]], dtype=np.float32)
    >>> take_row_steps(np.array([2, 0, 2]), gradients, 1, parts, adam, empty_gaps(adam, 1))
    >>> parts.weights[:, 0].round(5).tolist(), parts.means[:, 0].tolist(), parts.step.tolist()
    ([-0.5, 0.0, -0.5], [1.0, 0.0, 2.0], [1, 0, 1])
    """
    catch_up(indices, step - 1, parts, adam, gaps)
    rows, sums = np.empty(len(indices), dtype=np.int64), np.empty_like(gradients)
    number = 0
    for place in range(len(indices)):
        own = parts.place[indices[place]]
        if own < 0:
            parts.place[indices[place]], rows[number] = number, indices[place]
            for k in range(gradients.shape[1]):
                sums[number, k] = gradients[place, k]
            number += 1
        else:
            for k in range(gradients.shape[1]):
                sums[own, k] += gradients[place, k]
    rows = rows[:number]
    for row in rows:
        parts.place[row] = -1
    beside = Table(_side_by_side(rows, parts), np.full(number, step - 1))
    take_step(np.arange(number), sums[:number], step, beside, adam)
    _put_back(beside.rows, rows, parts)
    for row in rows:
        parts.step[row] = step


@compiled
def _side_by_side(rows: np.ndarray, parts: TableParts) -> np.ndarray:
    """Return ``[n, 3, d]`` copies of rows: parameters, mean gradients and mean squares."""
    weights, means, squares = parts.weights, parts.means, parts.squares
    size = weights.shape[1]
    found = np.empty((len(rows), 3, size), dtype=np.float32)
    for place in range(len(rows)):
        row = rows[place]
        for k in range(size):
            found[place, 0, k] = weights[row, k]
            found[place, 1, k] = means[row, k]
            found[place, 2, k] = squares[row, k]
    return found


@compiled
def _put_back(beside: np.ndarray, rows: np.ndarray, parts: TableParts) -> None:
    """Write what ``_side_by_side`` returned to where it was."""
    weights, means, squares = parts.weights, parts.means, parts.squares
    for place in range(len(rows)):
        row = rows[place]
        for k in range(weights.shape[1]):
            weights[row, k] = beside[place, 0, k]
            means[row, k] = beside[place, 1, k]
            squares[row, k] = beside[place, 2, k]
