"""Miscalibration by property, by hand, against a slow reference, and at its edges."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from recbole_ile.functional.miscalibration import miscalibration, user_miscalibration

N_ITEMS, N_GROUPS = 9, 3
lists = hnp.arrays(np.int64, st.tuples(st.integers(1, 8), st.integers(1, 12)), elements=st.integers(-1, N_ITEMS - 1))
groups = hnp.arrays(np.int64, N_ITEMS, elements=st.integers(0, N_GROUPS - 1))


def reference(profile: list[int], row: list[int], item_groups: np.ndarray) -> float:
    items = [item for item in row if item >= 0]
    if not items or not sum(profile):
        return math.nan
    total = 0.0
    for group, count in enumerate(profile):
        p = count / sum(profile)
        q = sum(item_groups[item] == group for item in items) / len(items)
        if p > 0:
            total += p * math.log(p / (0.99 * q + 0.01 * p))
    return total


@given(lists, groups, st.data())
def test_it_equals_the_reference(recommended: np.ndarray, item_groups: np.ndarray, data: st.DataObject) -> None:
    profiles = data.draw(hnp.arrays(np.int64, (len(recommended), N_GROUPS), elements=st.integers(0, 5)))
    expected = [
        reference(profile, row, item_groups)
        for profile, row in zip(profiles.tolist(), recommended.tolist(), strict=True)
    ]
    found = user_miscalibration(profiles, recommended, item_groups)
    assert found.tolist() == pytest.approx(expected, abs=1e-9, nan_ok=True)
    known = [value for value in expected if not math.isnan(value)]
    mean = sum(known) / len(known) if known else math.nan
    assert miscalibration(profiles, recommended, item_groups) == pytest.approx(mean, abs=1e-9, nan_ok=True)
    assert all(0 <= value <= math.log(100) for value in found[~np.isnan(found)])


def test_by_hand() -> None:
    # Half and half in the profile, all of one in the list: 1/2 log(.5 / .995) + 1/2 log(.5 / .005).
    expected = 0.5 * math.log(0.5 / 0.995) + 0.5 * math.log(100)
    assert miscalibration(np.array([[3, 3]]), np.array([[0, 0]]), np.array([0, 1])) == pytest.approx(expected)
    assert miscalibration(np.array([[3, 3]]), np.array([[0, 1]]), np.array([0, 1])) == 0.0


def test_one_group_is_calibrated_and_nobody_with_a_profile_is_nan() -> None:
    assert miscalibration(np.array([[3]]), np.array([[0, -1]]), np.array([0, 0])) == 0.0
    assert math.isnan(miscalibration(np.array([[0, 0], [1, 0]]), np.array([[0], [-1]]), np.array([0, 1])))


def test_torch_gives_the_same_numbers() -> None:
    arrays = np.array([[1, 2], [3, 0]]), np.array([[0, 1], [1, -1]]), np.array([0, 1])
    assert miscalibration(*map(torch.from_numpy, arrays)) == miscalibration(*arrays)
