"""The compiled loop of ``alternation``: the vectors of many rows, each by a ridge regression of its own.

All of them share the matrix ``G = Y^T Y`` of the other side's vectors. In the basis of its eigenvectors the shared part
and the ridge together are a diagonal ``D``, whatever the ridge of a row is. A row of m observations then needs the
Cholesky factor of ``D + Z^T Z`` (d x d) or, by Woodbury's identity, that of ``I + Z D^-1 Z^T`` (m x m), Z being the
observed vectors times the roots of the confidences that they add; the smaller one is taken. Most rows have fewer
observations than factors. Both are exact.
"""

from __future__ import annotations

import math

import numpy as np

from recbole_ile.kernels.compiling import compiled

AT_ONCE = 256
"""Observations of a row that are taken at once, or as many as there are factors, lest a popular item needs room."""


@compiled
def solve_rows(
    first: int,
    last: int,
    starts: np.ndarray,
    columns: np.ndarray,
    more: np.ndarray,
    turned: np.ndarray,
    basis: np.ndarray,
    eigenvalues: np.ndarray,
    ridges: np.ndarray,
    solved: np.ndarray,
) -> None:
    """Fill in the vectors of the rows from ``first`` to before ``last``; rows without observations get zeros.

    Args:
        first: a row.
        last: one behind the last row.
        starts: ``[rows + 1]`` where the observations of each row begin.
        columns: ``[nnz]`` the other side of each observation.
        more: ``[nnz]`` float32 confidence above 1 of each, positive.
        turned: ``[n, d]`` float32 vectors of the other side in the basis of the eigenvectors.
        basis: ``[d, d]`` float32, an eigenvector in each row.
        eigenvalues: ``[d]`` float64 of ``G``.
        ridges: ``[rows]`` float64 weights of the squared lengths, positive.
        solved: ``[rows, d]`` float32, where the result goes.

    >>> solved, one = np.zeros((1, 1), np.float32), np.ones((1, 1), np.float32)
    >>> solve_rows(0, 1, np.array([0, 1]), np.array([0]), one[0] * 2, one, one, np.ones(1), np.ones(1), solved)
    >>> solved.tolist()
    [[0.75]]
    """
    zero, unit = np.float32(0), np.float32(1)
    size = turned.shape[1]
    most = max(size, AT_ONCE)
    seen, scaled = np.empty((most, size), np.float32), np.empty((size, size), np.float32)
    square = np.empty((size, size), np.float32)
    diagonal, found, right = np.empty(size, np.float32), np.empty(size, np.float32), np.empty(size, np.float32)
    for row in range(first, last):
        begin = starts[row]
        number = starts[row + 1] - begin
        solved[row] = zero
        if number == 0:
            continue
        for factor in range(size):
            diagonal[factor] = eigenvalues[factor] + ridges[row]
        found[:] = zero
        if number < size:
            take_rows(begin, number, columns, more, turned, seen)
            for place in range(number):
                right[place] = (unit + more[begin + place]) / np.float32(math.sqrt(more[begin + place]))
                for factor in range(size):
                    scaled[place, factor] = seen[place, factor] / diagonal[factor]
            multiply_halves(seen, scaled, number, square)
            for place in range(number):
                square[place, place] += unit
            solve_positive(square, right, number)
            for place in range(number):
                for factor in range(size):
                    found[factor] += right[place] * scaled[place, factor]
        else:
            square[:] = zero
            for factor in range(size):
                square[factor, factor] = diagonal[factor]
            for part in range(begin, begin + number, most):
                length = min(most, begin + number - part)
                take_rows(part, length, columns, more, turned, seen)
                for place in range(length):
                    weight = (unit + more[part + place]) / np.float32(math.sqrt(more[part + place]))
                    for factor in range(size):
                        found[factor] += weight * seen[place, factor]
                add_squares(seen, length, square)
            solve_positive(square, found, size)
        for vector in range(size):
            for factor in range(size):
                solved[row, factor] += found[vector] * basis[vector, factor]


@compiled
def take_rows(
    begin: int, number: int, columns: np.ndarray, more: np.ndarray, turned: np.ndarray, seen: np.ndarray
) -> None:
    """Fill in the vectors of ``number`` observations from ``begin``, times the roots of ``more``.

    >>> seen = np.zeros((1, 1), np.float32)
    >>> take_rows(0, 1, np.array([1]), np.full(1, 4, np.float32), np.ones((2, 1), np.float32), seen)
    >>> seen.tolist()
    [[2.0]]
    """
    for place in range(number):
        root = np.float32(math.sqrt(more[begin + place]))
        for factor in range(turned.shape[1]):
            seen[place, factor] = root * turned[columns[begin + place], factor]


@compiled
def multiply_halves(left: np.ndarray, right: np.ndarray, number: int, square: np.ndarray) -> None:
    """Fill in the lower triangle of ``left @ right.T`` of the first ``number`` rows, two by two.

    >>> square = np.zeros((2, 2), np.float32)
    >>> multiply_halves(np.eye(2, dtype=np.float32), np.full((2, 2), 3, np.float32), 2, square)
    >>> float(square[1, 0])
    3.0
    """
    zero = np.float32(0)
    size = left.shape[1]
    for upper in range(0, number - 1, 2):
        for other in range(0, upper + 1, 2):
            first = second = third = fourth = zero
            for factor in range(size):
                first += left[upper, factor] * right[other, factor]
                second += left[upper, factor] * right[other + 1, factor]
                third += left[upper + 1, factor] * right[other, factor]
                fourth += left[upper + 1, factor] * right[other + 1, factor]
            square[upper, other], square[upper, other + 1] = first, second
            square[upper + 1, other], square[upper + 1, other + 1] = third, fourth
    if number % 2:
        for other in range(number):
            first = zero
            for factor in range(size):
                first += left[number - 1, factor] * right[other, factor]
            square[number - 1, other] = first


@compiled
def add_squares(rows: np.ndarray, number: int, square: np.ndarray) -> None:
    """Add to the lower triangle that of ``rows.T @ rows`` of the first ``number`` rows, four at a time.

    >>> square = np.zeros((1, 1), np.float32)
    >>> add_squares(np.ones((5, 1), np.float32), 5, square)
    >>> float(square[0, 0])
    5.0
    """
    size = rows.shape[1]
    fours = number - number % 4
    for row in range(0, fours, 4):
        for line in range(size):
            first, second, third, fourth = (
                rows[row, line],
                rows[row + 1, line],
                rows[row + 2, line],
                rows[row + 3, line],
            )
            for place in range(line + 1):
                square[line, place] += (
                    first * rows[row, place]
                    + second * rows[row + 1, place]
                    + third * rows[row + 2, place]
                    + fourth * rows[row + 3, place]
                )
    for row in range(fours, number):
        for line in range(size):
            for place in range(line + 1):
                square[line, place] += rows[row, line] * rows[row, place]


@compiled
def solve_positive(square: np.ndarray, right: np.ndarray, number: int) -> None:
    """Solve a positive definite system of ``number`` equations in place, of whose matrix the lower triangle is read.

    >>> right = np.array([8.0, 3.0], np.float32)
    >>> solve_positive(np.array([[4, 0], [0, 1]], np.float32), right, 2)
    >>> right.tolist()
    [2.0, 3.0]
    """
    zero = np.float32(0)
    for line in range(number):
        for place in range(line):
            total = zero
            for each in range(place):
                total += square[line, each] * square[place, each]
            square[line, place] = (square[line, place] - total) / square[place, place]
        length = product = zero
        for each in range(line):
            length += square[line, each] * square[line, each]
            product += square[line, each] * right[each]
        square[line, line] = math.sqrt(square[line, line] - length)
        right[line] = (right[line] - product) / square[line, line]
    for line in range(number - 1, -1, -1):
        right[line] /= square[line, line]
        value = right[line]
        for each in range(line):
            right[each] -= square[line, each] * value
