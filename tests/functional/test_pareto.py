"""The front of a set of points: against the definition, by hand, and by counting random darts."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from recbole_ile.functional.pareto import gains_of, hypervolume, non_dominated
from recbole_ile.metric import Better

HIGHER, LOWER, ZERO = Better.HIGHER, Better.LOWER, Better.ZERO
TURNED = {HIGHER: LOWER, LOWER: HIGHER, ZERO: ZERO}


@st.composite
def fronts(draw: st.DrawFn) -> tuple[np.ndarray, list[Better]]:
    shape = draw(st.tuples(st.integers(1, 12), st.integers(1, 4)))
    values = draw(arrays(float, shape, elements=st.integers(0, 6).map(float)))
    return values, draw(st.lists(st.sampled_from(Better), min_size=shape[1], max_size=shape[1]))


def dominates(one: np.ndarray, other: np.ndarray, better: list[Better]) -> bool:
    gains = [each.gain(a) - each.gain(b) for a, b, each in zip(one, other, better, strict=True)]
    return min(gains) >= 0 and max(gains) > 0


@given(fronts())
def test_the_set_is_that_of_the_definition(case: tuple[np.ndarray, list[Better]]) -> None:
    values, better = case
    expected = [not any(dominates(other, one, better) for other in values) for one in values]
    assert non_dominated(values, better).tolist() == expected


@given(fronts())
def test_only_the_front_makes_the_volume_and_a_turned_axis_is_the_same(case: tuple[np.ndarray, list[Better]]) -> None:
    values, better = case
    reference = [-1.0 if each is HIGHER else 7.0 for each in better]
    volume = hypervolume(values, better, reference)
    front = values[non_dominated(values, better)]
    assert hypervolume(front, better, reference) == pytest.approx(volume)
    turned = hypervolume(-values, [TURNED[each] for each in better], [-each for each in reference])
    assert turned == pytest.approx(volume)


@given(fronts())
def test_the_volume_counts_the_cells_below_the_points(case: tuple[np.ndarray, list[Better]]) -> None:
    values, _ = case
    corners = np.stack(np.meshgrid(*[np.arange(6)] * values.shape[1], indexing="ij"), axis=-1).reshape(
        -1, 1, values.shape[1]
    )
    below = (corners < values).all(axis=2).any(axis=1).sum()
    assert hypervolume(values, [HIGHER] * values.shape[1], [0.0] * values.shape[1]) == pytest.approx(below)


def test_two_objectives_by_hand() -> None:
    values = [[0.30, 0.10], [0.28, 0.05], [0.20, 0.06], [0.30, 0.10], [0.10, 0.01]]
    front = non_dominated(torch.tensor(values), [HIGHER, LOWER])
    assert front.tolist() == [True, True, False, True, True]
    volume = hypervolume(values, [HIGHER, LOWER], [0.0, 0.12])
    assert volume == pytest.approx(0.30 * 0.02 + 0.28 * 0.05 + 0.10 * 0.04)


def test_what_is_not_a_number_is_in_no_front() -> None:
    values = np.array([[np.nan, 1.0], [0.5, 0.5]])
    assert non_dominated(values, [HIGHER, HIGHER]).tolist() == [False, True]
    assert hypervolume(values, [HIGHER, HIGHER], [0.0, 0.0]) == pytest.approx(0.25)


def test_a_missing_objective_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"expected \[N, 2\] values, got \[3, 1\]"):
        non_dominated(np.zeros((3, 1)), [HIGHER, LOWER])


def test_what_is_best_at_zero_is_as_good_on_either_side_of_it() -> None:
    values = np.array([[0.3, -0.1], [0.3, 0.1], [0.2, 0.2], [0.1, 0.0]])
    assert gains_of(values, [HIGHER, ZERO])[:, 1].tolist() == [-0.1, -0.1, -0.2, 0.0]
    assert non_dominated(values, [HIGHER, ZERO]).tolist() == [True, True, False, True]
    assert hypervolume(values[:2], [HIGHER, ZERO], [0.1, -0.4]) == pytest.approx(0.2 * 0.3)
