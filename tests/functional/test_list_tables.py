"""Lists from rows, against a loop over the rows."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from recbole_ile.functional.list_tables import arrange_lists, first_repeated, order_of_lists, unsorted_lists

rows = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 9), st.integers(-3, 3)), max_size=40)


def columns(table: list[tuple[int, int, int]]) -> np.ndarray:
    return np.array(table, dtype=np.int64).reshape(-1, 3).T


@given(rows, st.integers(1, 5), st.sampled_from(["rows", "scores", "ranks"]))
def test_lists_are_those_of_a_loop_over_rows(table: list[tuple[int, int, int]], k: int, by: str) -> None:
    users, items, values = columns(table)
    given_values = {"rows": (None, None), "scores": (values.astype(float), None), "ranks": (-values, values)}[by]
    order = order_of_lists(users, *given_values)
    lists, lengths = arrange_lists(users[order], items[order], 5, k)
    for user in range(5):
        own = [(item, value) for other, item, value in table if other == user]
        key = {"rows": lambda _: 0, "scores": lambda row: -row[1], "ranks": lambda row: row[1]}[by]
        expected = [item for item, _ in sorted(own, key=key)][:k]
        assert lists[user].tolist() == expected + [-1] * (k - len(expected))
        assert lengths[user] == len(own)


@given(rows)
def test_the_first_repeated_row_is_that_of_a_loop(table: list[tuple[int, int, int]]) -> None:
    users, items, _ = columns(table)
    pairs = [row[:2] for row in table]
    again = [place for place, pair in enumerate(pairs) if pair in pairs[:place]]
    assert first_repeated(users, items) == (again[0] if again else None)


@given(rows)
def test_unsorted_lists_are_those_in_which_a_score_rises(table: list[tuple[int, int, int]]) -> None:
    users, _, scores = columns(table)
    own = [[value for other, _, value in table if other == user] for user in range(5)]
    assert unsorted_lists(users, scores) == sum(each != sorted(each, reverse=True) for each in own)
