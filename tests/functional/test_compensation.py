"""Popularity compensation against its formula, and by property."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from recbole_ile.functional.compensation import popularity_compensated


def compensated(scores: np.ndarray, counts: np.ndarray, alpha: float, beta: float) -> np.ndarray:
    """One user's scores, by the formula."""
    found, listed = np.full(len(scores), -np.inf), np.isfinite(scores)
    if listed.any():
        own = scores[listed] - scores[listed].min()
        gains = (beta * own + 1 - beta) / (counts[listed] + 1)
        length = np.linalg.norm(gains)
        found[listed] = own + (alpha * np.linalg.norm(own) / length * gains if length else 0)
    return found


@st.composite
def cases(draw: Any) -> tuple[np.ndarray, np.ndarray, float, float]:
    """Scores of either sign with ties and masked items, counts that may be 0."""
    n_rows, n = draw(st.integers(1, 4)), draw(st.integers(1, 8))
    levels = [*np.linspace(-3.0, 1.0, 9).tolist(), -np.inf]
    scores = draw(arrays(np.float64, (n_rows, n), elements=st.sampled_from(levels)))
    counts = draw(arrays(np.int64, n, elements=st.sampled_from([0, 1, 2, 10, 10_000])))
    return scores, counts, draw(st.sampled_from([0.0, 0.1, 1.0, 30.0])), draw(st.sampled_from([0.0, 0.1, 0.5, 1.0]))


@given(cases())
def test_it_is_the_formula(case: Any) -> None:
    scores, counts, alpha, beta = case
    expected = np.array([compensated(row, counts, alpha, beta) for row in scores])
    found = popularity_compensated(scores, counts, alpha, beta)
    assert isinstance(found, np.ndarray)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)
    wide = torch.from_numpy(np.tile(counts, (len(scores), 1)))
    single = popularity_compensated(torch.from_numpy(scores).float(), wide, alpha, beta)
    assert single.dtype is torch.float32
    np.testing.assert_allclose(single.numpy(), expected, rtol=1e-5, atol=1e-5)


@given(cases())
def test_of_two_equal_scores_the_rarer_item_never_comes_second(case: Any) -> None:
    scores, counts, alpha, beta = case
    found = popularity_compensated(scores, counts, alpha, beta)
    for row, own in zip(found, scores, strict=True):
        for i, j in np.ndindex(len(counts), len(counts)):
            if own[i] == own[j] and counts[i] <= counts[j]:
                assert row[i] >= row[j], "negative scores as well"


def test_without_weight_the_order_is_that_of_the_scores() -> None:
    scores = torch.randn(20, 30, generator=torch.manual_seed(2))
    found = popularity_compensated(scores, torch.arange(30), 0.0, 0.1)
    assert torch.equal(found.argsort(dim=1), scores.argsort(dim=1))


def test_the_compensation_is_as_long_as_alpha_of_the_scores() -> None:
    scores = np.random.default_rng(0).normal(size=(5, 40))
    shifted = scores - scores.min(axis=1, keepdims=True)
    gained = popularity_compensated(scores, np.arange(40), 0.3, 0.5) - shifted
    np.testing.assert_allclose(np.linalg.norm(gained, axis=1), 0.3 * np.linalg.norm(shifted, axis=1))


def test_equal_scores_and_nothing_to_recommend() -> None:
    found = popularity_compensated(np.array([[2.0, 2.0], [-np.inf, np.nan]]), np.array([0, 5]), 1.0, 0.1)
    assert found.tolist() == [[0.0, 0.0], [-np.inf, -np.inf]]


@pytest.mark.parametrize(("alpha", "beta", "message"), [(-1.0, 0.1, "at least 0"), (0.1, 1.1, "between 0 and 1")])
def test_what_does_not_fit_is_refused(alpha: float, beta: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        popularity_compensated(np.zeros((1, 2)), np.zeros(2), alpha, beta)
