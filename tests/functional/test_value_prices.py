"""Prices of values against their definition, and against prices of items where each item has a value of its own."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from recbole_ile.functional.prices import ScoreMatrix, find_prices
from recbole_ile.functional.value_prices import ValueDemand, find_value_prices

N_VALUES, STEPS = 3, 6
SCORES = arrays(np.float64, st.tuples(st.integers(1, 8), st.just(5)), elements=st.floats(-3, 3, width=16))
VALUES = st.lists(st.sets(st.integers(0, N_VALUES - 1), min_size=1), min_size=5, max_size=5)


def codes(values: list[set[int]]) -> np.ndarray:
    found = np.full((len(values), N_VALUES), -1)
    for row, own in enumerate(values):
        found[row, : len(own)] = sorted(own)
    return found


@given(SCORES, VALUES, st.lists(st.booleans(), min_size=5, max_size=5))
def test_one_step_is_the_definition(scores: np.ndarray, values: list[set[int]], priced: list[bool]) -> None:
    demand = ScoreMatrix(torch.from_numpy(scores), k=2)
    exposure, _ = demand.at(np.zeros(5, dtype=np.float32))
    sizes, places = np.zeros(N_VALUES), np.zeros(N_VALUES)
    for item in range(5):
        for value in values[item] if priced[item] else ():
            sizes[value] += 1 / len(values[item])
            places[value] += exposure[item] / len(values[item])
    shown = {value: places[value] / sizes[value] for value in range(N_VALUES) if sizes[value]}
    mean = sum(shown.values()) / max(len(shown), 1)
    of_values = ValueDemand(demand, codes(values), np.array(priced), N_VALUES)
    found, _ = of_values.at(np.zeros(N_VALUES, dtype=np.float32))
    assert {value: found[value] for value in shown} == pytest.approx(shown)
    one_step = {value: 0.5 * math.log((each + 1) / (mean + 1)) for value, each in shown.items()}
    paid = of_values.of_items(np.array([one_step.get(value, 0.0) for value in range(N_VALUES)]))
    expected = [
        sum(one_step[value] for value in values[item]) / len(values[item]) if priced[item] else 0.0 for item in range(5)
    ]
    np.testing.assert_allclose(paid, expected, atol=1e-12)


@given(SCORES, st.floats(0.0, 2.0))
def test_values_of_single_items_pay_what_items_pay(scores: np.ndarray, weight: float) -> None:
    demand, everything = ScoreMatrix(torch.from_numpy(scores), k=2), np.ones(5, dtype=bool)
    found = find_value_prices(demand, weight, np.arange(5)[:, None], everything, 5, STEPS)
    expected = find_prices(demand, weight, STEPS)
    np.testing.assert_allclose(found.prices, expected.prices, atol=1e-12)
    assert found.welfare == pytest.approx(expected.welfare)
    np.testing.assert_array_equal(found.exposure_after, expected.exposure_after)


@given(SCORES, VALUES, st.floats(0.0, 2.0))
def test_the_welfare_of_values_never_falls(scores: np.ndarray, values: list[set[int]], weight: float) -> None:
    demand = ScoreMatrix(torch.from_numpy(scores), k=2)
    found = find_value_prices(demand, weight, codes(values), np.ones(5, dtype=bool), N_VALUES, STEPS)
    assert found.welfare[-1] >= found.welfare[0]
    if weight == 0.0:
        assert not found.prices.any()


def test_items_that_do_not_pay_have_no_price() -> None:
    demand = ScoreMatrix(torch.tensor([[3.0, 2.0, 1.0]] * 4), k=1)
    priced = np.array([True, False, True])
    found = find_value_prices(demand, 1.0, np.array([[0], [0], [1]]), priced, 2)
    assert found.prices[1] == 0.0
    assert found.prices[0] > 0.0 > found.prices[2]
