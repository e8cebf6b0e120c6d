"""UPD, AD and EE by hand, by property and against slow references."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.spatial.distance import jensenshannon

from recbole_ile.functional.measures import (
    aggregate_diversity,
    equality_of_exposure,
    gini,
    item_exposure,
    user_popularity_deviation,
)

N_ITEMS = 9
lists = hnp.arrays(np.int64, st.tuples(st.integers(1, 8), st.integers(1, 5)), elements=st.integers(-1, N_ITEMS - 1))
values = hnp.arrays(np.float64, st.integers(2, 20), elements=st.floats(0, 100))


def reference_upd(profiles: np.ndarray, recommended: np.ndarray, groups: np.ndarray, users: np.ndarray) -> float:
    by_group: dict[int, list[float]] = {}
    for profile, items, group in zip(profiles, recommended, users, strict=True):
        shares = [sum(1 for item in items if item >= 0 and groups[item] == g) for g in range(len(profile))]
        if sum(profile) and sum(shares):
            by_group.setdefault(int(group), []).append(jensenshannon(profile, shares) ** 2)
    return float(np.mean([np.mean(found) for found in by_group.values()])) if by_group else math.nan


@given(lists, st.data())
def test_upd_equals_the_reference(recommended: np.ndarray, data: st.DataObject) -> None:
    n_users = len(recommended)
    profiles = data.draw(hnp.arrays(np.int64, (n_users, 3), elements=st.integers(0, 5)))
    groups = data.draw(hnp.arrays(np.int64, N_ITEMS, elements=st.integers(0, 2)))
    users = data.draw(hnp.arrays(np.int64, n_users, elements=st.integers(0, 4)))
    expected = reference_upd(profiles, recommended, groups, users)
    found = user_popularity_deviation(profiles, recommended, groups, users)
    assert found == pytest.approx(expected, abs=1e-9, nan_ok=True)
    assert math.isnan(found) or 0.0 <= found <= math.log(2)


def test_upd_at_its_ends() -> None:
    profiles, groups, users = np.array([[2, 0], [0, 2]]), np.array([0, 0, 1, 1]), np.array([0, 1])
    assert user_popularity_deviation(profiles, np.array([[0, 1], [2, 3]]), groups, users) == pytest.approx(0.0)
    assert user_popularity_deviation(profiles, np.array([[2, 3], [0, 1]]), groups, users) == pytest.approx(math.log(2))


def test_upd_weighs_user_groups_and_not_users() -> None:
    profiles, groups = np.array([[1, 0]] * 3), np.array([0, 1])
    recommended = np.array([[0], [0], [1]])
    assert user_popularity_deviation(profiles, recommended, groups, np.array([0, 0, 1])) == pytest.approx(
        math.log(2) / 2
    )


@given(lists)
def test_ad_is_the_share_of_items_that_appear(recommended: np.ndarray) -> None:
    appearing = {item for row in recommended.tolist() for item in row if item >= 0}
    assert aggregate_diversity(recommended, N_ITEMS) == pytest.approx(len(appearing) / N_ITEMS)


def reference_gini(numbers: np.ndarray) -> float:
    """Mean absolute difference of all pairs of different items, over twice the mean."""
    n, mean = len(numbers), numbers.mean()
    differences = sum(abs(a - b) for a in numbers for b in numbers)
    return differences / (n * (n - 1)) / (2 * mean) if mean else 0.0


@given(values)
def test_gini_equals_the_reference(numbers: np.ndarray) -> None:
    assert gini(numbers) == pytest.approx(reference_gini(numbers), abs=1e-9)


@given(values.filter(lambda numbers: numbers.max() > 1e-3), st.floats(0.1, 10.0))
def test_gini_is_bounded_and_free_of_scale_and_order(numbers: np.ndarray, factor: float) -> None:
    assert -1e-12 <= gini(numbers) <= 1 + 1e-12
    assert gini(numbers * factor) == pytest.approx(gini(numbers), abs=1e-9)
    assert gini(numbers[::-1]) == pytest.approx(gini(numbers), abs=1e-9)


def test_gini_at_its_ends() -> None:
    assert gini(np.full(7, 3.0)) == pytest.approx(0.0)
    assert gini(np.array([0.0, 0.0, 5.0])) == pytest.approx(1.0)


def test_ee_at_its_ends() -> None:
    assert equality_of_exposure(np.array([[0, 1], [2, 3]]), 4) == pytest.approx(1.0)
    assert equality_of_exposure(np.array([[0], [0]]), 4) == pytest.approx(0.0)
    assert equality_of_exposure(np.array([[-1]]), 4) == 0.0


def test_exposure_by_hand() -> None:
    recommended = np.array([[0, 1, 2], [1, 0, -1]])
    assert item_exposure(recommended, 4) == pytest.approx([2, 2, 1, 0])
    assert item_exposure(recommended, 4, "dcg") == pytest.approx([1 + 1 / math.log2(3), 1 + 1 / math.log2(3), 0.5, 0])


def test_torch_gives_the_same_numbers() -> None:
    recommended = np.array([[0, 1], [2, 1]])
    assert equality_of_exposure(torch.from_numpy(recommended), 4) == equality_of_exposure(recommended, 4)


def test_an_unknown_discount_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown discount 'log'"):
        equality_of_exposure(np.array([[0]]), 2, "log")
