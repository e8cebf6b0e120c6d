"""Item sets of users as compressed rows, against Python's own sets."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from recbole_ile.kernels.item_sets import ItemSets, expand
from recbole_ile.kernels.sampling import interaction_keys

pairs = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 6)), max_size=30)


@given(pairs, st.lists(st.integers(0, 5), max_size=8))
def test_users_get_their_items_in_any_order_and_as_often_as_asked(
    used: list[tuple[int, int]], asked: list[int]
) -> None:
    users, items = torch.tensor(used, dtype=torch.int64).reshape(-1, 2).T
    sets = ItemSets(interaction_keys(users, items, 7), 6, 7)
    for order in (asked, sorted(set(asked)), list(range(6))):
        rows, found = sets.of(torch.tensor(order, dtype=torch.int64))
        expected = [(row, item) for row, user in enumerate(order) for item in sorted({i for u, i in used if u == user})]
        assert list(zip(rows.tolist(), found.tolist(), strict=True)) == expected
        assert sets.sizes(torch.tensor(order, dtype=torch.int64)).sum() == len(expected)


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 9)), max_size=6))
def test_ranges_are_written_out(ranges: list[tuple[int, int]]) -> None:
    sizes, starts = torch.tensor(ranges, dtype=torch.int64).reshape(-1, 2).T
    rows, values = expand(sizes, starts)
    expected = [(row, start + place) for row, (size, start) in enumerate(ranges) for place in range(size)]
    assert list(zip(rows.tolist(), values.tolist(), strict=True)) == expected
