"""APLT and TailCoverage by property, against slow references, and at their edges."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from recbole_ile.functional.long_tail import average_tail_share, tail_coverage, tail_shares
from recbole_ile.functional.measures import aggregate_diversity

N_ITEMS, N_GROUPS = 9, 3
lists = hnp.arrays(np.int64, st.tuples(st.integers(1, 8), st.integers(1, 12)), elements=st.integers(-1, N_ITEMS - 1))
groups = hnp.arrays(np.int64, N_ITEMS, elements=st.integers(0, N_GROUPS - 1))


@given(lists, groups)
def test_aplt_equals_the_reference(recommended: np.ndarray, item_groups: np.ndarray) -> None:
    shares = []
    for row in recommended.tolist():
        items = [item for item in row if item >= 0]
        if items:
            shares.append(sum(item_groups[item] == N_GROUPS - 1 for item in items) / len(items))
    expected = sum(shares) / len(shares) if shares else math.nan
    assert average_tail_share(recommended, item_groups, N_GROUPS) == pytest.approx(expected, nan_ok=True)


@given(lists, groups)
def test_tail_coverage_equals_the_reference(recommended: np.ndarray, item_groups: np.ndarray) -> None:
    tail = {item for item in range(N_ITEMS) if item_groups[item] == N_GROUPS - 1}
    shown = {item for row in recommended.tolist() for item in row}
    expected = len(tail & shown) / len(tail) if tail else math.nan
    assert tail_coverage(recommended, item_groups, N_GROUPS) == pytest.approx(expected, nan_ok=True)


def test_without_tail_items_nothing_is_of_the_tail() -> None:
    recommended, item_groups = np.array([[0, 1]]), np.array([0, 1])
    assert average_tail_share(recommended, item_groups, 3) == 0.0
    assert math.isnan(tail_coverage(recommended, item_groups, 3))


def test_with_one_group_everything_is_tail() -> None:
    recommended, item_groups = np.array([[0, 1], [1, -1]]), np.zeros(4, dtype=int)
    assert average_tail_share(recommended, item_groups, 1) == 1.0
    assert tail_coverage(recommended, item_groups, 1) == aggregate_diversity(recommended, 4)


def test_an_empty_list_takes_no_part() -> None:
    recommended, item_groups = np.array([[-1, -1], [1, -1]]), np.array([0, 1])
    assert tail_shares(recommended, item_groups, 2).tolist() == pytest.approx([math.nan, 1.0], nan_ok=True)
    assert average_tail_share(recommended, item_groups, 2) == 1.0
    assert math.isnan(average_tail_share(recommended[:1], item_groups, 2))
    assert tail_coverage(recommended[:1], item_groups, 2) == 0.0


def test_torch_gives_the_same_numbers() -> None:
    recommended, item_groups = np.array([[0, 1], [2, 1]]), np.array([0, 1, 1])
    tensors = torch.from_numpy(recommended), torch.from_numpy(item_groups)
    assert average_tail_share(*tensors, 2) == average_tail_share(recommended, item_groups, 2) == 0.75
    assert tail_coverage(*tensors, 2) == tail_coverage(recommended, item_groups, 2) == 1.0
