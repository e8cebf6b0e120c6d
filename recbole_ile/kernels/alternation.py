"""Alternating least squares on implicit feedback, exact in each step and the same bits with any number of threads."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

from recbole_ile.functional.implicit_feedback import length_weights
from recbole_ile.kernels.ridge_rows import solve_rows

DEVIATION = 0.1
"""The deviation of a score of the first vectors is about that of their entries' sum, as in Rendle et al."""
BLOCKS = 64
"""Parts of about the same work that a side is solved in; threads take one after the other."""


class Ridge(NamedTuple):
    """What the objective weighs with, see ``functional/implicit_feedback.py``."""

    alpha: float
    reg: float
    power: float = 1.0


def alternate(
    counts: csr_matrix, factors: int, ridge: Ridge, seed: int, threads: int = 1
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the users' ``[U, d]`` and the items' ``[n, d]`` float32 vectors after each iteration, without end.

    An iteration replaces all users' vectors by the best ones for the items', and then the items'. The first ones of the
    items are drawn from ``seed``. A row without observations has a vector of zeros.

    Args:
        counts: ``[U, n]`` observations of each pair.
        factors: d.
        ridge: weights of the objective.
        seed: of the first vectors.
        threads: how many solve at once; the result does not depend on it.

    >>> users, items = next(alternate(csr_matrix(np.eye(3)), factors=2, ridge=Ridge(5.0, 0.01), seed=0))
    >>> users.shape, items.shape
    ((3, 2), (3, 2))
    """
    by_item = counts.T.tocsr()
    items = np.random.default_rng(seed).normal(0.0, DEVIATION / np.sqrt(factors), (counts.shape[1], factors))
    items = items.astype(np.float32)
    while True:
        users = solve_side(counts, items, ridge, threads)
        items = solve_side(by_item, users, ridge, threads)
        yield users, items


def solve_side(counts: csr_matrix, others: np.ndarray, ridge: Ridge, threads: int = 1) -> np.ndarray:
    """Return the ``[rows, d]`` float32 vectors of one side that are best for the vectors of the other.

    Args:
        counts: ``[rows, n]`` observations of each pair.
        others: ``[n, d]`` vectors.
        ridge: weights of the objective.
        threads: how many solve at once; the result does not depend on it.

    >>> solve_side(csr_matrix([[1.0]]), np.ones((1, 1), np.float32), Ridge(2.0, 1.0, 0.0)).tolist()
    [[0.75]]
    """
    solved = np.zeros((counts.shape[0], others.shape[1]), np.float32)
    confidences = counts.shape[1] + ridge.alpha * np.asarray(counts.sum(axis=1), dtype=np.float64).ravel()
    with threadpool_limits(1, "blas"):  # the order in which several threads add would be in the last bits
        whole = others.astype(np.float64)
        eigenvalues, vectors = np.linalg.eigh(whole.T @ whole)
        turned = (whole @ vectors).astype(np.float32)
    of_all = (
        counts.indptr,
        counts.indices,
        (ridge.alpha * counts.data).astype(np.float32),
        turned,
        np.ascontiguousarray(vectors.T, dtype=np.float32),
        np.maximum(eigenvalues, 0.0),
        length_weights(confidences, ridge.reg, ridge.power),
        solved,
    )
    cuts = even_cuts(np.diff(counts.indptr), others.shape[1], BLOCKS)
    with ThreadPoolExecutor(threads, "solving") as pool:
        blocks = [pool.submit(solve_rows, first, last, *of_all) for first, last in itertools.pairwise(cuts)]
        for block in blocks:
            block.result()
    return solved


def even_cuts(lengths: np.ndarray, factors: int, parts: int) -> list[int]:
    """Return the rows between which a side is cut into at most ``parts`` of about the same work.

    Args:
        lengths: ``[rows]`` observations of each row.
        factors: length of a vector.
        parts: how many.

    >>> even_cuts(np.array([1, 1, 1, 1]), factors=2, parts=2)
    [0, 2, 4]
    """
    lengths = lengths.astype(np.float64)
    smaller = np.minimum(lengths, factors)
    work = np.cumsum(lengths * smaller * max(factors, 1) / 2 + smaller**3 / 6 + 2.0 * factors**2)
    inner = np.searchsorted(work, work[-1] * np.arange(1, parts) / parts, side="left") + 1 if len(work) else []
    return np.unique(np.concatenate([[0], inner, [len(lengths)]])).astype(int).tolist()
