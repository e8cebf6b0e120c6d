"""The k-core is the largest part in which everybody has k interactions."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from recbole_ile.fetching.k_core import k_core


def k_core_one_by_one(pairs: list[tuple[int, int]], k: int) -> list[int]:
    kept = list(range(len(pairs)))
    while True:
        for place in kept:
            alike = [sum(pairs[other][side] == pairs[place][side] for other in kept) for side in (0, 1)]
            if min(alike) < k:
                kept.remove(place)
                break
        else:
            return kept


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=40), st.integers(0, 4))
def test_it_is_what_dropping_one_by_one_leaves(pairs: list[tuple[int, int]], k: int) -> None:
    columns = np.array(pairs, int).reshape(-1, 2)
    assert k_core(columns[:, 0], columns[:, 1], k).tolist() == k_core_one_by_one(pairs, k)


def test_dropping_an_item_can_drop_a_user_and_so_on() -> None:
    users, items = np.array([0, 0, 1, 1, 2, 2]), np.array([0, 1, 1, 2, 2, 3])
    assert k_core(users, items, 2).tolist() == []
    assert k_core(users, items, 1).tolist() == [0, 1, 2, 3, 4, 5]
