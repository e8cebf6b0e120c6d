"""Matrix factorisation of implicit feedback: its objective, and the vector of one user.

Every pair of a user and an item is to be scored: 1 with confidence ``1 + alpha * count`` where it was observed, 0 with
confidence 1 elsewhere. Source: Hu, Koren, Volinsky, ICDM 2008, doi 10.1109/ICDM.2008.22; the weight of a vector's
length by its confidences: Rendle, Krichene, Zhang, Koren, RecSys 2022, arXiv 2110.14037.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse import csr_matrix


def length_weights(confidences: Any, reg: float, power: float) -> Any:
    """Return the weight of the squared length of each row's vector, ``reg * confidences ** power``.

    Args:
        confidences: ``[n]`` sums of the confidences of a row's pairs.
        reg: weight at a sum of 1.
        power: 0 weighs all rows alike, as Hu et al. do; 1 by their confidences, as Rendle et al. advise.

    >>> length_weights(np.array([100.0, 400.0]), 0.1, 0.5).tolist()
    [1.0, 2.0]
    """
    return reg * confidences**power


def implicit_objective(
    users: np.ndarray, items: np.ndarray, counts: csr_matrix, alpha: float, reg: float, power: float = 1.0
) -> float:
    """Return the objective that alternating least squares lowers, in float64, without looking at unobserved pairs.

    Args:
        users: ``[U, d]`` vectors.
        items: ``[n, d]`` vectors.
        counts: ``[U, n]`` observations of each pair.
        alpha: confidence of an observation.
        reg: weight of the squared lengths.
        power: how it grows, see ``length_weights``.

    >>> implicit_objective(np.eye(1), np.ones((2, 1)), csr_matrix([[1.0, 0.0]]), alpha=3.0, reg=0.5, power=0.0)
    2.5
    """
    users, items = users.astype(np.float64), items.astype(np.float64)
    everywhere = float(np.sum((users.T @ users) * (items.T @ items)))
    rows = np.repeat(np.arange(len(users)), np.diff(counts.indptr))
    scores = np.einsum("pd,pd->p", users[rows], items[counts.indices])
    observed = np.sum((1.0 + alpha * counts.data) * (1.0 - scores) ** 2 - scores**2)
    lengths = sum(
        float(length_weights(size + alpha * np.asarray(sums).ravel(), reg, power) @ np.sum(vectors**2, axis=1))
        for vectors, size, sums in (
            (users, len(items), counts.sum(axis=1)),
            (items, len(users), counts.sum(axis=0)),
        )
    )
    return everywhere + float(observed) + lengths


def solve_user(
    items: np.ndarray,
    history: np.ndarray,
    alpha: float,
    reg: float,
    power: float = 1.0,
    counts: np.ndarray | None = None,
    gram: np.ndarray | None = None,
) -> np.ndarray:
    """Return the ``[d]`` vector that is best for a user's history, one that training had not seen say.

    Args:
        items: ``[n, d]`` vectors of the items.
        history: ``[m]`` items, each once.
        alpha: confidence of an observation.
        reg: weight of the squared length.
        power: how it grows, see ``length_weights``.
        counts: ``[m]`` observations of each; one each if nothing is given.
        gram: ``items.T @ items`` in float64, where many users are solved.

    Returns:
        The vector in float64; zeros for an empty history. The scores are ``items @ vector``.

    >>> solve_user(np.array([[1.0], [1.0]]), np.array([0]), alpha=2.0, reg=1.0, power=0.0).tolist()
    [0.6]
    """
    seen = items[history].astype(np.float64)
    more = alpha * (np.ones(len(seen)) if counts is None else counts)
    whole = items.astype(np.float64)
    gram = whole.T @ whole if gram is None else gram
    weight = length_weights(len(items) + more.sum(), reg, power)
    left = gram + (seen * more[:, None]).T @ seen + weight * np.eye(items.shape[1])
    return np.linalg.solve(left, seen.T @ (1.0 + more))
