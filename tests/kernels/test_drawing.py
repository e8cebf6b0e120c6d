"""Orders and negatives from a seed: every one as likely as it should be, and none that the user has used."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recbole_ile.kernels.drawing import draw_popular, draw_unused, shuffled

N_ITEMS = 6
profiles = st.lists(st.sets(st.integers(0, N_ITEMS - 1), max_size=N_ITEMS - 1), min_size=1, max_size=5)


def rows(profiles: list[set[int]]) -> tuple[np.ndarray, np.ndarray]:
    used = [item for profile in profiles for item in sorted(profile)]
    return np.cumsum([0, *map(len, profiles)]), np.array(used, dtype=np.int32)


def seed(number: int) -> np.uint64:
    return np.uint64(number)


@given(st.integers(0, 200), st.integers(0, 1000))
def test_an_order_has_every_number_once(number: int, start: int) -> None:
    assert sorted(shuffled(number, seed(start)).tolist()) == list(range(number))


def test_every_number_is_as_likely_at_every_place() -> None:
    counts = np.zeros((5, 5))
    for start in range(20_000):
        counts[np.arange(5), shuffled(5, seed(start * 7919))] += 1
    assert np.abs(counts / 20_000 - 0.2).max() < 0.015


@given(profiles, st.integers(0, 1000))
def test_what_is_drawn_is_unused(profiles: list[set[int]], start: int) -> None:
    offsets, used = rows(profiles)
    users = np.repeat(np.arange(len(profiles)), 20)
    cumulative = np.arange(1.0, N_ITEMS + 1)
    for drawn in (
        draw_unused(users, offsets, used, N_ITEMS, seed(start)),
        draw_popular(users, offsets, used, cumulative, seed(start)),
    ):
        assert all(0 <= item < N_ITEMS for item in drawn)
        assert not any(item in profiles[user] for user, item in zip(users, drawn, strict=True))


@pytest.mark.parametrize("profile", [set(), {0}, {5}, {0, 1, 2}, {1, 3, 4}, {0, 2, 3, 4, 5}])
def test_every_unused_item_has_its_chance(profile: set[int]) -> None:
    offsets, used = rows([profile])
    users = np.zeros(60_000, dtype=np.int64)
    chances = np.array([1.0, 2.0, 0.0, 4.0, 1.0, 0.5])
    for drawn, weights in (
        (draw_unused(users, offsets, used, N_ITEMS, seed(3)), np.ones(N_ITEMS)),
        (draw_popular(users, offsets, used, np.cumsum(chances), seed(3)), chances),
    ):
        left = np.where(np.isin(np.arange(N_ITEMS), list(profile)), 0.0, weights)
        found = np.bincount(drawn, minlength=N_ITEMS) / len(users)
        np.testing.assert_allclose(found, left / left.sum(), atol=0.01)


def test_what_is_rarely_left_is_drawn_from_what_is_left() -> None:
    chances = np.array([1e12, 1.0, 3.0, 0.0])
    offsets, used = rows([{0}])
    drawn = draw_popular(np.zeros(20_000, dtype=np.int64), offsets, used, np.cumsum(chances), seed(1))
    np.testing.assert_allclose(np.bincount(drawn, minlength=4) / 20_000, [0, 0.25, 0.75, 0], atol=0.02)


def test_a_draw_depends_on_the_seed_and_its_place_alone() -> None:
    offsets, used = rows([{0}, {1}, {2}])
    users = np.arange(3).repeat(100)
    every = draw_unused(users, offsets, used, N_ITEMS, seed(9))
    np.testing.assert_array_equal(every[:150], draw_unused(users[:150], offsets, used, N_ITEMS, seed(9)))
    assert (every != draw_unused(users, offsets, used, N_ITEMS, seed(10))).any()
