"""Groups and their parts are those of RecBole's loops over them."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from recbole.data.dataset import Dataset

from recbole_ile.kernels.grouping import cut_groups, group_rows, sizes_by_ratio, sizes_left_out

keys = st.lists(st.integers(0, 6), min_size=1, max_size=60)
parts = st.lists(st.floats(0.0, 5.0), min_size=2, max_size=4).filter(lambda ratios: sum(ratios) > 0)


def grouped(values: list[int]) -> list[list[int]]:
    found: dict[int, list[int]] = defaultdict(list)
    for row, key in enumerate(values):
        found[key].append(row)
    return list(found.values())


@given(keys)
def test_groups_stand_in_the_order_in_which_they_are_met(values: list[int]) -> None:
    groups = group_rows(np.array(values))
    assert groups.rows.tolist() == [row for rows in grouped(values) for row in rows]
    assert groups.sizes.tolist() == [len(rows) for rows in grouped(values)]


@given(keys, parts)
def test_parts_by_ratio_are_recboles(values: list[int], ratios: list[float]) -> None:
    shares = [ratio / sum(ratios) for ratio in ratios]
    expected: list[list[int]] = [[] for _ in shares]
    for rows in grouped(values):
        bounds = [0, *Dataset._calcu_split_ids(None, len(rows), shares), len(rows)]
        for part, begin, end in zip(expected, bounds[:-1], bounds[1:], strict=True):
            part.extend(rows[begin:end])
    groups = group_rows(np.array(values))
    found = cut_groups(groups, sizes_by_ratio(groups.sizes, shares))
    assert [part.tolist() for part in found] == expected


@given(keys, st.integers(1, 2))
def test_left_out_are_the_last_rows_of_each_group(values: list[int], number: int) -> None:
    expected: list[list[int]] = [[] for _ in range(1 + number)]
    for rows in grouped(values):
        single = min(number, len(rows) - 1)
        expected[0].extend(rows[: len(rows) - single])
        for place, row in enumerate(rows[len(rows) - single :]):
            expected[1 + number - single + place].append(row)
    groups = group_rows(np.array(values))
    found = cut_groups(groups, sizes_left_out(groups.sizes, number))
    assert [part.tolist() for part in found] == expected


def test_keys_may_be_words() -> None:
    assert [part.tolist() for part in group_rows(np.array(["b", "a", "b"], dtype=object))] == [[0, 2, 1], [2, 1]]
