"""Groups of items and users, by hand, by property and against slow references."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from recbole_ile.functional.popularity import check_split, popularity_groups, user_groups, user_profiles

counts_lists = st.lists(st.integers(0, 50), min_size=1, max_size=40)


@st.composite
def splits(draw: st.DrawFn) -> tuple[float, ...]:
    weights = draw(st.lists(st.integers(1, 9), min_size=2, max_size=5))
    return tuple(weight / sum(weights) for weight in weights)


def reference_groups(counts: list[int], split: tuple[float, ...]) -> list[int]:
    """Cut groups item by item, as the definition reads."""
    ranking = sorted(range(len(counts)), key=lambda item: (-counts[item], item))
    total, last, labels = sum(counts), len(split) - 1, {}
    for group in range(last - 1):
        taken = 0
        while ranking and split[group] * total - taken > 1e-9:
            labels[ranking[0]] = group
            taken += counts[ranking.pop(0)]
    taken = 0
    while ranking and split[last] * total - taken > 1e-9:
        labels[ranking[-1]] = last
        taken += counts[ranking.pop()]
    labels.update(dict.fromkeys(ranking, last - 1))
    return [last if not counts[item] else labels[item] for item in range(len(counts))]


@given(counts_lists, splits())
def test_groups_equal_the_definition(counts: list[int], split: tuple[float, ...]) -> None:
    assert popularity_groups(np.array(counts), split).tolist() == reference_groups(counts, split)


def test_groups_by_hand() -> None:
    # 20 interactions: the head needs 4 and takes the item with 5, the tail needs 4 and takes 1 + 1 + 2.
    assert popularity_groups(np.array([5, 4, 3, 2, 2, 2, 1, 1])).tolist() == [0, 1, 1, 1, 1, 2, 2, 2]


def test_equal_counts_keep_the_order_of_their_ids() -> None:
    assert popularity_groups(np.array([1, 1, 1, 1, 1])).tolist() == [0, 1, 1, 1, 2]


def test_a_share_that_is_met_exactly_takes_no_further_item() -> None:
    # 0.2 * 15 is above 3 in floating point.
    assert popularity_groups(np.array([3, 3, 3, 3, 3])).tolist() == [0, 1, 1, 1, 2]


def test_head_is_cut_first_and_never_overlapped() -> None:
    assert popularity_groups(np.array([100, 1])).tolist() == [0, 2]
    assert popularity_groups(np.array([7])).tolist() == [0]


def test_an_item_without_interactions_is_in_the_last_group() -> None:
    assert popularity_groups(np.array([4, 0, 4, 4, 4, 4])).tolist() == [0, 2, 1, 1, 1, 2]
    assert popularity_groups(np.zeros(3)).tolist() == [2, 2, 2]
    assert popularity_groups(np.array([4, 0]), by="items", split=(1.0, 0.0)).tolist() == [0, 1]


@given(counts_lists.filter(lambda counts: min(counts) > 0), splits())
def test_groups_by_items_have_rounded_sizes(counts: list[int], split: tuple[float, ...]) -> None:
    labels = popularity_groups(np.array(counts), split, by="items")
    n, left = len(counts), len(counts)
    for group in [*range(len(split) - 2), len(split) - 1]:
        expected = min(round(split[group] * n), left)
        assert (labels == group).sum() == expected
        left -= expected


@given(counts_lists, splits(), st.sampled_from(["interactions", "items"]))
def test_a_more_popular_item_is_never_in_a_later_group(counts: list[int], split: tuple[float, ...], by: str) -> None:
    labels = popularity_groups(np.array(counts), split, by)
    ranking = np.argsort(-np.array(counts), kind="stable")
    assert (np.diff(labels[ranking]) >= 0).all()
    assert set(labels.tolist()) <= set(range(len(split)))


def test_torch_in_torch_out() -> None:
    labels = popularity_groups(torch.tensor([5, 4, 3, 2, 2, 2, 1, 1]))
    assert isinstance(labels, torch.Tensor)
    assert labels.dtype == torch.int64
    assert isinstance(user_groups(torch.tensor([[1, 1], [2, 0]]), 2), torch.Tensor)


@pytest.mark.parametrize("split", [(0.5, 0.6), (1.0,), (-0.2, 1.2), (float("nan"), 1.0)])
def test_impossible_splits_are_refused(split: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="split"):
        check_split(split)


def test_other_wrong_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match="genre"):
        popularity_groups(np.array([1, 2]), by="genre")
    with pytest.raises(ValueError, match="negative"):
        popularity_groups(np.array([1, -2]))
    with pytest.raises(ValueError, match="at least 1"):
        user_groups(np.array([[1, 1]]), 0)


def test_profiles_count_interactions_by_group() -> None:
    users, items = np.array([0, 0, 0, 2]), np.array([0, 1, 1, 2])
    profiles = user_profiles(users, items, np.array([0, 1, 1]), n_users=3, n_groups=2)
    assert profiles.tolist() == [[1, 2], [0, 0], [0, 1]]


def test_user_groups_by_hand() -> None:
    # Head shares 1, 0, 1/2, none, 1/4: niche to mainstream, the user without profile at 0.
    profiles = np.array([[2, 0], [0, 3], [1, 1], [0, 0], [1, 3]])
    assert user_groups(profiles, 5).tolist() == [4, 0, 3, 1, 2]
    assert user_groups(profiles, 2).tolist() == [1, 0, 1, 0, 0]


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=60), st.integers(1, 9))
def test_user_groups_are_of_equal_size_and_ordered_by_head_share(profiles: list[tuple[int, int]], num: int) -> None:
    labels = user_groups(np.array(profiles), num)
    sizes = np.bincount(labels, minlength=num)
    assert sizes.max() - sizes.min() <= 1
    shares = np.array([head / (head + rest) if head + rest else 0.0 for head, rest in profiles])
    for lower, upper in zip(range(num - 1), range(1, num), strict=True):
        if sizes[lower] and sizes[upper]:
            assert shares[labels == lower].max() <= shares[labels == upper].min()
