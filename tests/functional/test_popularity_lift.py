"""PopLift by property, by hand, against a slow reference, and at its edges."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from recbole_ile.functional.popularity_lift import list_popularity, popularity_lift, profile_popularity

N_ITEMS = 9
lists = hnp.arrays(np.int64, st.tuples(st.integers(1, 8), st.integers(1, 12)), elements=st.integers(-1, N_ITEMS - 1))


def reference(profiles: list[list[int]], rows: list[list[int]], counts: list[int], groups: list[int]) -> float:
    before: dict[int, list[float]] = {}
    after: dict[int, list[float]] = {}
    for profile, row, group in zip(profiles, rows, groups, strict=True):
        items = [item for item in row if item >= 0]
        if profile and items:
            before.setdefault(group, []).append(sum(counts[item] for item in profile) / len(profile))
            after.setdefault(group, []).append(sum(counts[item] for item in items) / len(items))
    gap = {group: (np.mean(before[group]), np.mean(after[group])) for group in before}
    lifts = [(listed - own) / own for own, listed in gap.values() if own > 0]
    return float(np.mean(lifts)) if lifts else math.nan


@given(lists, st.data())
def test_it_equals_the_reference(recommended: np.ndarray, data: st.DataObject) -> None:
    n_users = len(recommended)
    profiles = [data.draw(st.lists(st.integers(0, N_ITEMS - 1), max_size=5)) for _ in range(n_users)]
    counts = data.draw(hnp.arrays(np.int64, N_ITEMS, elements=st.integers(0, 7)))
    groups = data.draw(hnp.arrays(np.int64, n_users, elements=st.integers(0, 3)))
    users = np.array([user for user, items in enumerate(profiles) for _ in items], dtype=int)
    items = np.array([item for items in profiles for item in items], dtype=int)
    means = profile_popularity(users, items, counts, n_users)
    expected = reference(profiles, recommended.tolist(), counts.tolist(), groups.tolist())
    found = popularity_lift(means, recommended, counts, groups)
    assert found == pytest.approx(expected, abs=1e-9, nan_ok=True)
    assert math.isnan(found) or found >= -1


def test_by_hand_groups_weigh_alike() -> None:
    # The first group's lists are twice as popular as its profiles, the second's half as popular.
    means, counts = np.array([2.0, 2.0, 8.0]), np.array([4, 2])
    recommended = np.array([[0, 0], [0, -1], [0, 0]])
    assert popularity_lift(means, recommended, counts, np.array([0, 0, 1])) == pytest.approx((1.0 - 0.5) / 2)


def test_lists_like_profiles_have_no_lift() -> None:
    assert popularity_lift(np.array([3.0]), np.array([[0, 1]]), np.array([4, 2]), np.array([0])) == 0.0


def test_who_has_no_profile_or_no_list_takes_no_part() -> None:
    means, counts, groups = np.array([math.nan, 2.0, 2.0]), np.array([4, 2]), np.array([0, 1, 2])
    recommended = np.array([[0], [0], [-1]])
    assert popularity_lift(means, recommended, counts, groups) == 1.0
    assert math.isnan(popularity_lift(means[:1], recommended[:1], counts, groups[:1]))
    assert math.isnan(popularity_lift(means[2:], recommended[2:], counts, groups[2:]))


def test_torch_gives_the_same_numbers() -> None:
    arrays = np.array([2.0, 3.0]), np.array([[0, 1], [1, -1]]), np.array([4, 2]), np.array([0, 1])
    assert popularity_lift(*map(torch.from_numpy, arrays)) == popularity_lift(*arrays)
    tensors = [torch.tensor([0, 0, 1]), torch.tensor([0, 1, 1]), torch.tensor([4, 2])]
    assert profile_popularity(*tensors, 2).tolist() == [3.0, 2.0]
    assert list_popularity(torch.tensor([[0, 1], [1, -1]]), torch.tensor([4, 2])).tolist() == [3.0, 2.0]
