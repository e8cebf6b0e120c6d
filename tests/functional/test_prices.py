"""Exposure prices against their definition."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from recbole_ile.functional.prices import (
    ScoreMatrix,
    exposure_prices,
    find_prices,
    first_best,
    scaled_scores,
    score_units,
    welfare,
)
from recbole_ile.kernels.price_demand import Candidates

FINITE = st.floats(-5, 5, width=32)
SCORES = arrays(np.float32, st.tuples(st.integers(1, 12), st.integers(1, 9)), elements=FINITE | st.just(-np.inf))


def by_hand(scores: np.ndarray, weight: float, k: int, steps: int = 20, unit: int = 100) -> list[np.ndarray]:
    """The prices as the definition has them, one list after the other; both, where rounding decides between two."""
    n = scores.shape[1]
    scaled = []
    for row in scores:
        best = sorted((float(score) for score in row if score > -math.inf), reverse=True)[:unit]
        spread = best and np.std(best) > np.finfo(np.float32).eps * max(map(abs, best))
        scaled.append(row / np.float32(np.std(best) if spread else 1.0))

    def lists(prices: np.ndarray) -> list[list[int]]:
        found = []
        for row in scaled:
            values = row - prices.astype(np.float32)
            order = sorted(range(n), key=lambda item: (-values[item], item))
            found.append([item for item in order[:k] if values[item] > -math.inf])
        return found

    def value(chosen: list[list[int]]) -> float:
        e = np.bincount([item for one in chosen for item in one], minlength=n).astype(float)
        score = sum(float(scaled[user][item]) for user, one in enumerate(chosen) for item in one)
        return score - weight * float(((e + 1) * np.log((e + 1) / (e.mean() + 1)) - e).sum())

    prices, kept = np.zeros(n), []
    for step in range(steps):
        e = np.bincount([item for one in lists(prices) for item in one], minlength=n).astype(float)
        rate = 0.5 / math.sqrt(step + 1)
        prices = (1 - rate) * prices + rate * weight * np.log((e + 1) / (e.mean() + 1))
        if step >= steps - steps // 2:
            kept.append(prices)
    mean = np.mean(kept, axis=0)
    gain = value(lists(mean)) - value(lists(np.zeros(n)))
    nearly = abs(gain) <= 1e-9 * (1 + abs(value(lists(mean))))
    return [mean] * (gain >= 0 or nearly) + [np.zeros(n)] * (gain < 0 or nearly)


@given(SCORES, st.floats(0, 3), st.integers(1, 12))
def test_prices_are_those_of_the_definition(scores: np.ndarray, weight: float, k: int) -> None:
    found = exposure_prices(scores, weight, k)
    assert any(np.allclose(found, prices, rtol=1e-6, atol=1e-6) for prices in by_hand(scores, weight, k))


@pytest.mark.parametrize("value", [0.1, 0.3, 1e-9, 1e9])
@pytest.mark.parametrize("kind", [torch.float32, torch.float64])
def test_equal_scores_have_no_deviation_whatever_their_mean_is_rounded_to(value: float, kind: torch.dtype) -> None:
    for n_items in range(1, 40):
        assert score_units(torch.full((1, n_items), value, dtype=kind)).item() == 1.0


@given(SCORES, st.floats(0, 4), st.integers(1, 12))
def test_the_welfare_of_the_lists_is_never_below_the_base_lists(scores: np.ndarray, weight: float, k: int) -> None:
    matrix = ScoreMatrix(scaled_scores(torch.from_numpy(scores)), k)
    everything = np.ones(scores.shape[1], dtype=bool)
    base, after = matrix.at(np.zeros(scores.shape[1], np.float32)), None
    found = find_prices(matrix, weight)
    after = matrix.at(found.prices.astype(np.float32))
    before = welfare(*base, weight, everything)
    assert welfare(*after, weight, everything) >= before - 1e-9 * abs(before)
    assert found.welfare[-1] >= found.welfare[0]
    assert np.array_equal(after[0], found.exposure_after)


def lists_of_all(scores: np.ndarray, prices: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    order = np.argsort(-(scores - prices), axis=1, kind="stable")[:, :k]
    chosen = np.take_along_axis(scores, order, axis=1)
    kept = chosen > -np.inf
    return np.bincount(order[kept], minlength=scores.shape[1]), np.where(kept, chosen, 0.0).sum(axis=1)


@given(SCORES, st.floats(0.1, 3), st.integers(1, 12), st.integers(1, 12))
def test_candidates_give_the_same_bits_in_any_blocks(scores: np.ndarray, weight: float, k: int, size: int) -> None:
    scaled = scaled_scores(torch.from_numpy(scores))
    n_users, n_items = scores.shape
    whole, listed = (Candidates(n_users, n_items, k, n_items) for _ in range(2))
    listed.whole, listed._items = False, np.empty((n_users, n_items), np.int32)
    for block in scaled.split(size):
        whole.add(block.numpy())
        listed.add(block.numpy(), np.broadcast_to(np.arange(n_items), block.shape))
    expected = find_prices(ScoreMatrix(scaled, k), weight).prices
    assert np.array_equal(find_prices(whole, weight).prices, expected)
    assert np.array_equal(find_prices(listed, weight).prices, expected)
    prices = expected.astype(np.float32)
    slow = lists_of_all(scaled.numpy(), prices, min(k, n_items))
    assert np.array_equal(slow[0], whole.at(prices)[0])
    assert slow[1].sum() == pytest.approx(whole.at(prices)[1])


@pytest.mark.slow
@pytest.mark.parametrize("weight", [0.2, 0.4, 0.8])
def test_twenty_steps_gain_nearly_what_two_thousand_do(weight: float) -> None:
    generator = torch.Generator().manual_seed(3)
    popularity = torch.randn(120, generator=generator).exp().sort(descending=True).values
    scores = torch.randn(600, 120, generator=generator) + popularity
    matrix = ScoreMatrix(scaled_scores(scores), 5)
    short, long = (find_prices(matrix, weight, steps).welfare for steps in (20, 2000))
    assert short[-1] - short[0] >= 0.95 * (long[-1] - long[0]) > 0


@pytest.mark.parametrize(
    ("scores", "told"),
    [
        (torch.zeros(4, 3), "equal scores"),
        (torch.tensor([[3.0, 2.0, 1.0]] * 4), "identical users"),
        (torch.tensor([[3.0, 2.0, 1.0]]), "a single user"),
        (torch.tensor([[1.0]]), "fewer items than k"),
        (torch.full((2, 3), -torch.inf), "users who have everything"),
        (torch.tensor([[1.0, -torch.inf, torch.nan], [2.0, 1.0, -torch.inf]]), "items that nobody may get"),
        (torch.empty(0, 3), "nobody"),
    ],
)
def test_odd_scores_are_well_defined(scores: torch.Tensor, told: str) -> None:
    prices = exposure_prices(scores, 0.5, k=2)
    assert prices.shape == (scores.shape[1],), told
    assert bool(prices.isfinite().all()), told


def test_a_weight_of_zero_has_no_prices_and_a_wrong_one_is_refused() -> None:
    scores = torch.tensor([[3.0, 2.0], [3.0, 1.0]])
    assert exposure_prices(scores, 0.0, k=1).tolist() == [0.0, 0.0]
    for weight in (-0.1, math.inf, math.nan):
        with pytest.raises(ValueError, match="the weight of prices is a number of at least 0"):
            exposure_prices(scores, weight, k=1)
    with pytest.raises(ValueError, match=r"cold is \[n\]"):
        exposure_prices(scores, 0.1, k=1, cold=torch.tensor([True]))


def test_an_item_without_training_interactions_has_no_price() -> None:
    scores = torch.tensor([[3.0, 2.0, 1.0]] * 5)
    cold = np.array([False, False, True])
    prices = exposure_prices(scores.numpy(), 0.5, k=1, cold=cold)
    assert isinstance(prices, np.ndarray)
    assert prices[2] == 0.0
    assert prices[0] > 0 > prices[1]
    assert exposure_prices(scores, 0.5, k=1)[2] < 0


@given(SCORES, st.integers(1, 12))
def test_the_first_of_equal_values_is_taken(values: np.ndarray, k: int) -> None:
    k = min(k, values.shape[1])
    items, found = first_best(torch.from_numpy(values).round(), k)
    for row, chosen, kept in zip(np.round(values), items.tolist(), found.tolist(), strict=True):
        order = sorted(range(len(row)), key=lambda item: (-row[item], item))[:k]
        assert {item for item, good in zip(chosen, kept, strict=True) if good} == {
            item for item in order if row[item] > -math.inf
        }


ODD_SCORES = arrays(
    np.float32,
    st.tuples(st.integers(1, 6), st.integers(1, 9)),
    elements=FINITE | st.sampled_from([-np.inf, np.inf, np.nan]),
)


@given(SCORES | ODD_SCORES, st.integers(1, 6))
def test_the_unit_is_the_deviation_of_the_best(scores: np.ndarray, unit: int) -> None:
    for row, found in zip(scores, score_units(scores, unit), strict=True):
        best = np.sort(row[np.isfinite(row)].astype(np.float64))[::-1][:unit]
        deviation = np.std(best) if len(best) else 0.0
        if not 0 < deviation < 1e-6:  # where rounding decides whether it is 0
            assert found == pytest.approx(deviation or 1.0, rel=1e-5)
