"""The shares of all processes together are the whole, in its order."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from recbole.data.interaction import Interaction

from recbole_ile.plugin.evaluation.collector import LISTS, POSITIVE_ROWS
from recbole_ile.plugin.evaluation.gathering import joined
from recbole_ile.plugin.processes import shares
from recbole_ile.plugin.processes.shares import Share, ShareOfRows, ShareOfUsers


class Loader(list):
    """Batches, and something else that a loader has."""

    n_items = 7


class EntryLoader:
    """A loader that can be told what to evaluate."""

    def __init__(self, entries: torch.Tensor, step: int) -> None:
        self.entries, self.step = entries, step

    def __len__(self) -> int:
        return -(-len(self.entries) // self.step)

    def __iter__(self) -> Any:
        return (batch.tolist() for batch in self.entries.split(self.step) if len(batch))


def of_each(share: type[Share], loader: Any, n: int) -> list[list[Any]]:
    """What each of ``n`` processes gets of a loader."""
    found = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shares, "n_processes", lambda: n)
        for rank in range(n):
            patch.setattr(shares, "rank", lambda rank=rank: rank)
            found.append(list(share(loader)))
    return found


@given(st.lists(st.integers(1, 9), max_size=5), st.integers(1, 4))
def test_rows_of_a_batch_are_shared_out(sizes: list[int], n: int) -> None:
    batches = [Interaction({"item_id": torch.arange(size)}) for size in sizes]
    for number, parts in enumerate(zip(*of_each(ShareOfRows, batches, n), strict=True)):
        rows = sorted(row for part in parts for row in part["item_id"].tolist())
        lengths = [len(part) for part in parts]
        assert max(lengths) - min(lengths) <= 1
        assert min(lengths) >= 1, "a process without a row would have no loss"
        if sizes[number] >= n:
            assert rows == list(range(sizes[number]))


@given(st.integers(0, 12), st.integers(1, 4), st.integers(1, 5))
def test_users_are_shared_out_in_their_order(size: int, step: int, n: int) -> None:
    loader = EntryLoader(torch.arange(size), step)
    parts = [[user for batch in part for user in batch] for part in of_each(ShareOfUsers, loader, n)]
    assert [user for part in parts for user in part] == list(range(size))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
    assert len(loader.entries) == size, "the loader is as it was"
    batches = Loader([row] for row in range(size))
    assert [row for part in of_each(ShareOfUsers, batches, n) for row in part] == batches


def test_a_share_passes_for_its_loader() -> None:
    share = ShareOfUsers(Loader())
    assert isinstance(share, Loader)
    assert share.n_items == 7
    assert share, "without a user too"


@given(st.lists(st.lists(st.integers(0, 3), max_size=4), min_size=1, max_size=4))
def test_positive_rows_count_the_lists_of_all(shares_of_counts: list[list[int]]) -> None:
    collected = [
        {
            LISTS: torch.arange(len(counts)),
            POSITIVE_ROWS: torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts, dtype=torch.int64)),
        }
        for counts in shares_of_counts
    ]
    whole = joined([share if len(share[LISTS]) else {} for share in collected])
    counts = [count for part in shares_of_counts for count in part]
    expected = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts, dtype=torch.int64))
    assert torch.equal(torch.as_tensor(whole.get(POSITIVE_ROWS, torch.empty(0, dtype=torch.int64))), expected)
