"""Hits and mean ranks of a batch, against a look at every cell and SciPy's ranks."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import rankdata

from recbole_ile.kernels.list_ranks import list_hits, mean_ranks

ROWS, ITEMS = 3, 7
pairs = st.lists(st.tuples(st.integers(0, ROWS - 1), st.integers(0, ITEMS - 1)), max_size=15)
scores = st.lists(st.sampled_from([-torch.inf, -1.0, 0.0, 0.5, 2.0]), min_size=ROWS * ITEMS, max_size=ROWS * ITEMS)


def split(relevant: list[tuple[int, int]]) -> tuple[torch.Tensor, torch.Tensor]:
    return tuple(torch.tensor(relevant, dtype=torch.int64).reshape(-1, 2).T)


@given(pairs, st.permutations(range(ITEMS)))
def test_hits_are_the_relevant_items_of_the_lists(relevant: list[tuple[int, int]], order: list[int]) -> None:
    lists = torch.tensor([order[:4], order[2:6], order[3:]])
    hits, counts = list_hits(lists, *split(relevant), ITEMS)
    for row in range(ROWS):
        items = {item for of_row, item in relevant if of_row == row}
        assert hits[row].tolist() == [item in items for item in lists[row].tolist()]
        assert counts[row] == len(items)


@given(scores, pairs)
def test_ranks_are_those_of_scipy(values: list[float], relevant: list[tuple[int, int]]) -> None:
    table = torch.tensor(values).reshape(ROWS, ITEMS)
    sums, lengths, counts = mean_ranks(table, *split(relevant))
    for row in range(ROWS):
        items = sorted({item for of_row, item in relevant if of_row == row})
        ranks = rankdata(-table[row].numpy())
        assert sums[row].item() == ranks[items].sum()
        assert lengths[row] == (table[row] > table[row].min()).sum()
        assert counts[row] == len(items)
