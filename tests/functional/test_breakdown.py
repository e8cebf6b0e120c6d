"""Results by user group and item group, by hand and against RecBole's definitions of nDCG and recall."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recbole_ile.functional.breakdown import Lists, by_item_group, by_user_group, user_accuracy, with_gap


def lists_of(items: list[list[int]], positives: list[set[int]], n_items: int = 6) -> Lists:
    pairs = [(row, item) for row, liked in enumerate(positives) for item in sorted(liked)]
    rows, liked = zip(*pairs, strict=True) if pairs else ((), ())
    return Lists(np.array(items), np.array(rows, dtype=int), np.array(liked, dtype=int), n_items)


@given(st.lists(st.tuples(st.permutations(range(6)), st.sets(st.integers(0, 5), min_size=1)), min_size=1, max_size=6))
def test_user_accuracy_equals_the_definition(rows: list[tuple[list[int], set[int]]]) -> None:
    k = 4
    ndcg, recall = user_accuracy(lists_of([list(order)[:k] for order, _ in rows], [liked for _, liked in rows]))
    for row, (order, liked) in enumerate(rows):
        gain = sum(1 / math.log2(rank + 2) for rank, item in enumerate(order[:k]) if item in liked)
        ideal = sum(1 / math.log2(rank + 2) for rank in range(min(k, len(liked))))
        assert ndcg[row] == pytest.approx(gain / ideal)
        assert recall[row] == pytest.approx(len(liked & set(order[:k])) / len(liked))


def test_groups_by_hand() -> None:
    # Item groups: 0, 1 head; 2, 3 mid; 4, 5 tail. Row 0 is niche and finds its positive, row 1 does not.
    lists = lists_of([[4, 0], [0, 1]], [{4}, {2, 5}])
    groups = np.array([0, 0, 1, 1, 2, 2])
    users = by_user_group(lists, np.array([[1, 0, 1], [1, 0, 0]]), groups, np.array([0, 1]), 2)
    assert users[0] == pytest.approx({"users": 1, "ndcg": 1.0, "recall": 1.0, "upd": 0.0})
    assert users[1] == pytest.approx({"users": 1, "ndcg": 0.0, "recall": 0.0, "upd": 0.0})
    items = by_item_group(lists, np.array([4, 2, 1, 1, 1, 1]), groups, 3)
    first, second = 1.0, 1 / math.log2(3)
    exposure = 2 * (first + second)
    assert items[0]["training_share"] == pytest.approx(0.6)
    assert items[0]["recommendation_share"] == pytest.approx(0.75)
    assert items[0]["exposure_share"] == pytest.approx((first + 2 * second) / exposure)
    assert math.isnan(items[0]["recall"])
    assert [row["recall"] for row in items[1:]] == pytest.approx([0.0, 0.5])
    assert [row["items"] for row in items] == [2, 2, 2]


def test_items_that_are_shown_and_cold_ones_among_them_are_counted_once() -> None:
    lists = lists_of([[4, 0], [4, -1]], [{4}, {2}])
    rows = by_item_group(lists, np.array([4, 2, 1, 1, 0, 0]), np.array([0, 0, 1, 1, 2, 2]), 4)
    assert [(row["items"], row["shown"], row["cold"]) for row in rows] == [(2, 1, 0), (2, 0, 0), (2, 1, 1), (0, 0, 0)]


def test_the_gap_is_the_largest_minus_the_smallest_of_what_is_known() -> None:
    nan = math.nan
    rows = [
        {"group": "a", "users": 3, "ndcg@5": 0.2, "upd@5": nan, "recall@5": nan},
        {"group": "b", "users": 9, "ndcg@5": 0.5, "upd@5": 0.1, "recall@5": None},
        {"group": "c", "users": 1, "ndcg@5": nan, "upd@5": 0.4, "recall@5": 0.3},
    ]
    shown = with_gap(rows)
    assert shown[:-1] == rows
    expected = {"users": nan, "ndcg@5": 0.3, "upd@5": 0.3, "recall@5": nan}
    assert shown[-1].pop("group") == "gap"
    assert shown[-1] == pytest.approx(expected, nan_ok=True)
    assert with_gap(rows[:1]) == rows[:1]
    assert with_gap([]) == []


def test_an_empty_place_is_never_a_hit() -> None:
    lists = lists_of([[-1, 5]], [{4}], n_items=6)
    assert not lists.hits().any()
    assert not lists.found().any()
