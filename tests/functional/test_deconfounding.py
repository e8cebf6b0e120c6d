"""Deconfounded scores are those of the paper, and keep their digits."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from recbole_ile.functional.deconfounding import deconfounded, relative_popularity


@given(st.lists(st.tuples(st.floats(-30.0, 30.0), st.floats(0.01, 1.0)), min_size=1, max_size=20))
def test_scores_are_those_by_hand(pairs: list[tuple[float, float]]) -> None:
    scores, factors = (np.array(column) for column in zip(*pairs, strict=True))
    expected = [(score + 1 if score > 0 else math.exp(score)) * factor for score, factor in pairs]
    np.testing.assert_allclose(deconfounded(scores, factors), expected, rtol=1e-12)
    elu = torch.nn.functional.elu(torch.tensor(scores)) + 1.0
    torch.testing.assert_close(deconfounded(torch.tensor(scores), torch.ones(len(pairs)).double()), elu)


def test_scores_far_below_0_stay_apart() -> None:
    found = deconfounded(torch.tensor([-20.0, -30.0, -40.0]), torch.ones(3))
    assert found[0] > found[1] > found[2] > 0


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_gradients_are_finite_everywhere(dtype: torch.dtype) -> None:
    scores = torch.tensor([-1e4, -1.0, 0.0, 1.0, 1e4], dtype=dtype, requires_grad=True)
    found = deconfounded(scores, torch.full((5,), 0.5, dtype=dtype))
    found.sum().backward()
    assert found.dtype == dtype
    torch.testing.assert_close(scores.grad, torch.tensor([0.0, 0.5 / math.e, 0.5, 0.5, 0.5], dtype=dtype))


def test_what_must_not_be_recommended_stays_out() -> None:
    assert deconfounded(torch.tensor([-torch.inf]), torch.tensor([0.5])).tolist() == [-torch.inf]


@given(st.lists(st.integers(0, 100), min_size=1, max_size=20))
def test_popularity_is_a_share_of_the_largest_above_0(counts: list[int]) -> None:
    found = relative_popularity(np.array(counts))
    seen = [count for count in counts if count]
    least = min(seen, default=1)
    assert found.tolist() == [max(count, least) / max(seen, default=1) for count in counts]
    torch.testing.assert_close(relative_popularity(torch.tensor(counts)), torch.from_numpy(found).float())
