"""The squared correlation of scores and popularity is Pearson's, and 0 where there is none."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from recbole_ile.functional.correlation import co_moments, log_counts, popularity_correlation, squared_correlation

PAIRS = st.lists(st.tuples(st.integers(1, 999), st.integers(1, 50)), min_size=2, max_size=40)


@given(PAIRS)
def test_it_is_numpys_correlation_squared(pairs: list[tuple[int, int]]) -> None:
    scores, counts = (np.array(column, dtype=float) for column in zip(*pairs, strict=True))
    assume(len(set(scores)) > 1 and len(set(counts)) > 1)
    popularity = log_counts(counts)
    expected = np.corrcoef(scores / 1000, popularity)[0, 1] ** 2
    assert popularity_correlation(scores / 1000, popularity) == pytest.approx(expected, abs=1e-9)


@given(PAIRS)
def test_its_gradient_is_that_of_differences(pairs: list[tuple[int, int]]) -> None:
    scores, counts = (torch.tensor(column).double() for column in zip(*pairs, strict=True))
    assume(len(set(scores.tolist())) > 1 and len(set(counts.tolist())) > 1)
    scores = (scores / 1000).requires_grad_()
    assert torch.autograd.gradcheck(lambda each: popularity_correlation(each, counts.log()), scores, atol=1e-3)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(
    ("scores", "popularity"),
    [([0.1, 0.1, 0.1], [1.0, 2.0, 3.0]), ([0.1, 0.2, 0.3], [0.7, 0.7, 0.7]), ([0.3], [1.0]), ([], [])],
)
def test_a_constant_batch_has_none_and_no_gradient(
    scores: list[float], popularity: list[float], dtype: torch.dtype
) -> None:
    values = torch.tensor(scores, dtype=dtype, requires_grad=True)
    found = popularity_correlation(values, torch.tensor(popularity, dtype=dtype))
    found.backward()
    assert found.item() == 0.0
    assert found.dtype == dtype
    assert torch.equal(values.grad, torch.zeros_like(values))


@given(PAIRS, st.integers(0, 40))
def test_moments_of_two_shares_of_a_batch_add_up(pairs: list[tuple[int, int]], cut: int) -> None:
    scores, counts = (torch.tensor(column).double() for column in zip(*pairs, strict=True))
    means = scores.mean(), counts.mean()
    shares = [co_moments(scores[part], counts[part], *means) for part in (slice(cut), slice(cut, None))]
    both = tuple(one + other for one, other in zip(*shares, strict=True))
    found = squared_correlation(both, *means, torch.tensor(len(scores)))
    torch.testing.assert_close(found, popularity_correlation(scores, counts))
