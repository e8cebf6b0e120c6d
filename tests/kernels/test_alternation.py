"""Alternating least squares: against dense normal equations, ever lower objective, the same with any threads."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from random_cases import cases
from scipy.sparse import csr_matrix

from recbole_ile.functional.implicit_feedback import implicit_objective, solve_user
from recbole_ile.kernels.alternation import Ridge, alternate, even_cuts, solve_side

RIDGES = [Ridge(5.0, 0.01), Ridge(0.5, 3.0, 0.0), Ridge(40.0, 0.1, 0.5)]


def observed(n_users: int, n_items: int, share: float, seed: int = 0, most: int = 1) -> csr_matrix:
    random = np.random.default_rng(seed)
    counts = random.integers(1, most + 1, (n_users, n_items)) * (random.random((n_users, n_items)) < share)
    return csr_matrix(counts.astype(np.float64))


def by_normal_equations(counts: np.ndarray, others: np.ndarray, ridge: Ridge) -> np.ndarray:
    """Every row's vector, from a dense row of confidences and preferences."""
    solved = []
    for row in counts:
        confidence = 1 + ridge.alpha * row
        weight = ridge.reg * confidence.sum() ** ridge.power
        left = others.T @ np.diag(confidence) @ others + weight * np.eye(others.shape[1])
        solved.append(np.linalg.solve(left, others.T @ (confidence * (row > 0))))
    return np.array(solved)


def by_every_pair(users: np.ndarray, items: np.ndarray, counts: np.ndarray, ridge: Ridge) -> float:
    """The objective from all pairs."""
    confidence = 1 + ridge.alpha * counts
    errors = (confidence * ((counts > 0) - users @ items.T) ** 2).sum()
    lengths = [
        (ridge.reg * confidence.sum(axis=axis) ** ridge.power * (vectors**2).sum(axis=1)).sum()
        for axis, vectors in ((1, users), (0, items))
    ]
    return float(errors + sum(lengths))


@pytest.mark.parametrize("ridge", RIDGES)
@pytest.mark.parametrize(("factors", "most"), [(1, 1), (6, 1), (16, 3), (33, 1)])
def test_vectors_are_those_of_the_normal_equations(factors: int, most: int, ridge: Ridge) -> None:
    """Rows have fewer observations than factors, as many, more, none, and more than are taken at once."""
    counts = observed(40, 700, 0.03, most=most)
    counts[0], counts[1] = 0.0, 1.0
    counts[2, :], counts[2, :factors] = 0.0, 1.0
    counts.eliminate_zeros()
    others = np.random.default_rng(1).normal(size=(700, factors)).astype(np.float32)
    expected = by_normal_equations(counts.toarray(), others.astype(np.float64), ridge)
    found = solve_side(counts, others, ridge)
    assert found[0].tolist() == [0.0] * factors
    np.testing.assert_allclose(found, expected, atol=2e-5 * np.abs(expected).max())
    for user in (0, 1, 2, 7):
        row = counts[user]
        alone = solve_user(others, row.indices, *ridge, counts=row.data)
        np.testing.assert_allclose(alone, expected[user], atol=1e-10)


@cases(25, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    shape=st.tuples(st.integers(1, 20), st.integers(1, 30)),
    factors=st.integers(1, 12),
    ridge=st.builds(Ridge, st.floats(0.1, 50.0), st.floats(1e-3, 10.0), st.sampled_from([0.0, 0.5, 1.0])),
)
def test_the_objective_never_rises(seed: int, shape: tuple[int, int], factors: int, ridge: Ridge) -> None:
    counts = observed(*shape, 0.3, seed, most=2)
    iterations = [*itertools.islice(alternate(counts, factors, ridge, seed), 4)]
    values = [implicit_objective(users, items, counts, *ridge) for users, items in iterations]
    users, items = (each.astype(np.float64) for each in iterations[-1])
    assert values[-1] == pytest.approx(by_every_pair(users, items, counts.toarray(), ridge), rel=1e-9, abs=1e-9)
    assert all(later <= earlier * (1 + 1e-5) + 1e-6 for earlier, later in itertools.pairwise(values))


def test_threads_change_no_bit_and_the_seed_does() -> None:
    counts = observed(300, 200, 0.05, most=2)

    def third(seed: int, threads: int) -> list[bytes]:
        found = next(itertools.islice(alternate(counts, 20, Ridge(5.0, 0.01), seed, threads), 2, None))
        return [vectors.tobytes() for vectors in found]

    alone = third(1, 1)
    assert all(third(1, threads) == alone for threads in (2, 3, 8))
    assert third(2, 1) != alone


@given(st.lists(st.integers(0, 1000), max_size=50), st.integers(1, 64), st.integers(1, 20))
def test_cuts_go_from_the_first_row_to_the_last(lengths: list[int], factors: int, parts: int) -> None:
    cuts = even_cuts(np.array(lengths), factors, parts)
    assert (cuts[0], cuts[-1]) == (0, len(lengths))
    assert sorted(set(cuts)) == cuts
    assert len(cuts) <= parts + 1
