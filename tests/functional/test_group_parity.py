"""PopREO, PopRSP and MinGroupShare by property, against slow references, and at their edges."""

from __future__ import annotations

import math
import statistics

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from recbole_ile.functional.group_parity import (
    equal_opportunity_deviation,
    group_recalls,
    min_group_share,
    relative_deviation,
    statistical_parity_deviation,
)

N_ITEMS, N_GROUPS = 9, 3
groups = hnp.arrays(np.int64, N_ITEMS, elements=st.integers(0, N_GROUPS - 1))


@st.composite
def evaluations(draw: st.DrawFn) -> tuple[list[list[int]], list[set[int]], list[set[int]]]:
    """Return for each user a list without repetition that may be too short, what is liked and what may be listed."""
    users = draw(st.integers(1, 6))
    allowed = [draw(st.sets(st.integers(0, N_ITEMS - 1))) for _ in range(users)]
    orders = [draw(st.permutations(sorted(items))) for items in allowed]
    k = draw(st.integers(1, N_ITEMS + 2))
    liked = [draw(st.sets(st.integers(0, N_ITEMS - 1), max_size=4)) for _ in range(users)]
    return [[*order, *[-1] * k][:k] for order in orders], liked, allowed


def positives(liked: list[set[int]]) -> tuple[np.ndarray, np.ndarray]:
    pairs = [(row, item) for row, items in enumerate(liked) for item in sorted(items)]
    return np.array([row for row, _ in pairs], dtype=int), np.array([item for _, item in pairs], dtype=int)


def deviation(rates: list[float]) -> float:
    return statistics.pstdev(rates) / statistics.mean(rates) if any(rates) else math.nan


@given(evaluations(), groups)
def test_popreo_equals_the_reference(evaluation: tuple[list, list, list], item_groups: np.ndarray) -> None:
    lists, liked, _ = evaluation
    rates = []
    for group in range(N_GROUPS):
        relevant = [{item for item in items if item_groups[item] == group} for items in liked]
        found = [items & set(row) for items, row in zip(relevant, lists, strict=True)]
        if any(relevant):
            rates.append(sum(map(len, found)) / sum(map(len, relevant)))
    measured = equal_opportunity_deviation(np.array(lists), *positives(liked), item_groups, N_GROUPS)
    assert measured == pytest.approx(deviation(rates), nan_ok=True)
    assert math.isnan(measured) or 0 <= measured <= math.sqrt(N_GROUPS - 1) + 1e-12


@given(evaluations(), groups)
def test_poprsp_equals_the_reference(evaluation: tuple[list, list, list], item_groups: np.ndarray) -> None:
    lists, _, allowed = evaluation
    candidates = np.array(
        [[sum(item_groups[item] == g for item in items) for g in range(N_GROUPS)] for items in allowed]
    )
    rates = [
        sum(item >= 0 and item_groups[item] == group for row in lists for item in row) / candidates[:, group].sum()
        for group in range(N_GROUPS)
        if candidates[:, group].any()
    ]
    measured = statistical_parity_deviation(np.array(lists), candidates, item_groups)
    assert measured == pytest.approx(deviation(rates), nan_ok=True)


@given(evaluations(), groups, st.sampled_from(["none", "dcg"]))
def test_min_group_share_equals_the_reference(
    evaluation: tuple[list, list, list], item_groups: np.ndarray, discount: str
) -> None:
    exposure = [0.0] * N_ITEMS
    for row in evaluation[0]:
        for rank, item in enumerate(row, 1):
            if item >= 0:
                exposure[item] += 1.0 if discount == "none" else 1.0 / math.log2(rank + 1)
    ratios = []
    for group in set(item_groups.tolist()):
        members = [item for item in range(N_ITEMS) if item_groups[item] == group]
        if sum(exposure):
            ratios.append(sum(exposure[item] for item in members) / sum(exposure) / (len(members) / N_ITEMS))
    measured = min_group_share(np.array(evaluation[0]), item_groups, N_GROUPS, discount)
    assert measured == pytest.approx(min(ratios, default=math.nan), nan_ok=True)
    assert math.isnan(measured) or 0 <= measured <= 1


def test_one_group_is_treated_like_itself() -> None:
    lists, item_groups = np.array([[0], [1]]), np.zeros(3, dtype=int)
    assert equal_opportunity_deviation(lists, np.array([0, 1]), np.array([0, 2]), item_groups, 1) == 0.0
    assert statistical_parity_deviation(lists, np.array([[3], [2]]), item_groups) == 0.0
    assert min_group_share(lists, item_groups, 1) == 1.0


def test_a_group_without_relevant_or_recommendable_items_takes_no_part() -> None:
    lists, item_groups = np.array([[0, 2]]), np.array([0, 0, 1, 2])
    recalls = group_recalls(lists, np.array([0, 0, 0]), np.array([0, 1, 2]), item_groups, 3)
    assert recalls.tolist() == pytest.approx([0.5, 1.0, math.nan], nan_ok=True)
    assert equal_opportunity_deviation(lists, np.array([0, 0, 0]), np.array([0, 1, 2]), item_groups, 3) == (
        pytest.approx(0.25 / 0.75)
    )
    assert statistical_parity_deviation(lists, np.array([[2, 1, 0]]), item_groups) == pytest.approx(0.25 / 0.75)


def test_lists_of_all_that_may_be_recommended_are_at_parity() -> None:
    lists, item_groups = np.array([[2, 0, -1, -1], [1, -1, -1, -1]]), np.array([0, 0, 1])
    assert statistical_parity_deviation(lists, np.array([[1, 1], [1, 0]]), item_groups) == pytest.approx(0.0)


def test_nothing_found_or_recommended_is_no_parity() -> None:
    lists, item_groups = np.array([[0], [-1]]), np.array([0, 0, 1])
    assert math.isnan(equal_opportunity_deviation(lists, np.array([0]), np.array([2]), item_groups, 2))
    assert math.isnan(equal_opportunity_deviation(lists, np.array([], int), np.array([], int), item_groups, 2))
    assert math.isnan(statistical_parity_deviation(lists[1:], np.array([[2, 1]]), item_groups))
    assert math.isnan(min_group_share(lists[1:], item_groups, 2))
    assert math.isnan(relative_deviation(np.array([])))


def test_a_group_that_is_not_shown_and_one_without_items() -> None:
    lists, item_groups = np.array([[0], [1]]), np.array([0, 0, 2])
    assert min_group_share(lists, item_groups, 3) == 0.0
    assert min_group_share(np.array([[0, 1, 2]]), item_groups, 3) == pytest.approx(1.0)


def test_an_unknown_discount_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown discount 'log'"):
        min_group_share(np.array([[0]]), np.array([0]), 1, "log")


def test_torch_gives_the_same_numbers() -> None:
    lists, item_groups, candidates = np.array([[0, 2], [1, 0]]), np.array([0, 0, 1]), np.array([[2, 1], [2, 1]])
    rows, items = np.array([0, 1, 1]), np.array([2, 1, 2])
    tensor = torch.from_numpy
    as_tensors = (tensor(each) for each in (lists, rows, items, item_groups))
    assert equal_opportunity_deviation(*as_tensors, 2) == equal_opportunity_deviation(
        lists, rows, items, item_groups, 2
    )
    measured = statistical_parity_deviation(lists, candidates, item_groups)
    assert statistical_parity_deviation(tensor(lists), tensor(candidates), tensor(item_groups)) == measured
    assert min_group_share(tensor(lists), tensor(item_groups), 2) == min_group_share(lists, item_groups, 2)
