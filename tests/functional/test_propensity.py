"""Inverse propensity weights."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from recbole_ile.functional.propensity import ips_weights


def test_weights_by_hand() -> None:
    # Counts 1, 5.5 and 10 lie at 1, 5.5 and 10 on the scale; the unseen item is left alone.
    assert ips_weights(np.array([1, 5.5, 10, 0])) == pytest.approx([1.0, 1 / 5.5, 0.1, 1.0])


@given(st.lists(st.integers(0, 100), min_size=1, max_size=30), st.floats(1.0, 50.0))
def test_weights_fall_with_popularity_within_their_range(counts: list[int], maximum: float) -> None:
    weights = ips_weights(np.array(counts), maximum)
    seen = np.array(counts) > 0
    assert (weights <= 1.0).all()
    assert (weights >= 1.0 / maximum - 1e-12).all()
    assert (np.diff(weights[seen][np.argsort(np.array(counts)[seen])]) <= 1e-12).all()
    assert (weights[~seen] == 1.0).all()
    if len(set(np.array(counts)[seen])) > 1:
        assert weights.min() == pytest.approx(1.0 / maximum)


def test_equal_counts_have_equal_weights() -> None:
    assert ips_weights(torch.tensor([3, 3, 3])).tolist() == [1.0, 1.0, 1.0]


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        ips_weights(np.array([1, 2]), maximum=0.5)
    with pytest.raises(ValueError, match="negative"):
        ips_weights(np.array([-1, 2]))


@given(
    st.lists(st.integers(0, 100), min_size=1, max_size=30),
    st.floats(0.0, 3.0),
    st.one_of(st.none(), st.floats(0.01, 1.0)),
)
def test_powers_are_those_by_hand(counts: list[int], power: float, clip: float | None) -> None:
    largest = max(counts)
    propensities = [(count / largest) ** power if count else 1.0 for count in counts]
    expected = [1.0 / max(each, clip or 0.0) for each in propensities]
    assert ips_weights(np.array(counts), power=power, clip=clip) == pytest.approx(expected)


@given(st.lists(st.integers(0, 100), min_size=1, max_size=30), st.floats(0.01, 1.0))
def test_the_linear_map_is_not_clipped(counts: list[int], clip: float) -> None:
    weights = ips_weights(np.array(counts), 7.0)
    assert (ips_weights(np.array(counts), 7.0, clip=clip) == weights).all()


@pytest.mark.parametrize(
    ("wrong", "words"), [({"power": -0.5}, "power"), ({"clip": 0.0}, "clipped"), ({"clip": 1.5}, "at most at 1")]
)
def test_wrong_powers_are_refused(wrong: dict[str, float], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        ips_weights(np.array([1, 2]), **wrong)
