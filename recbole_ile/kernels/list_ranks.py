"""What a batch of scores says about its relevant items: which are in the lists, and where the others rank."""

from __future__ import annotations

import numpy as np
import torch

from recbole_ile.kernels.compiling import compiled
from recbole_ile.kernels.sampling import are_known, interaction_keys


def list_hits(
    lists: torch.Tensor, rows: torch.Tensor, items: torch.Tensor, n_items: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Find the relevant items in recommendation lists.

    Args:
        lists: ``[B, k]`` items in ``0 .. n_items - 1``.
        rows: ``[P]`` list that each relevant item belongs to.
        items: ``[P]`` the item; one that is named twice for a list counts once.
        n_items: number of items.

    Returns:
        ``[B, k]`` bool, whether the item is relevant, and ``[B]`` int64, how many relevant items there are.

    >>> hits, counts = list_hits(torch.tensor([[2, 0]]), torch.tensor([0, 0]), torch.tensor([0, 1]), n_items=3)
    >>> hits.tolist(), counts.tolist()
    ([[False, True]], [2])
    """
    keys = interaction_keys(rows, items, n_items)
    if lists.device.type == "cpu":
        hits = torch.empty(lists.shape, dtype=torch.bool)
        counts = torch.empty(len(lists), dtype=torch.int64)
        _mark_hits(lists.numpy(), keys.numpy(), n_items, hits.numpy(), counts.numpy())
        return hits, counts
    starts = torch.arange(len(lists), device=lists.device) * n_items
    counts = torch.bincount(torch.div(keys, n_items, rounding_mode="floor"), minlength=len(lists))
    return are_known(lists + starts[:, None], keys), counts


@compiled
def _mark_hits(lists: np.ndarray, keys: np.ndarray, n_items: int, hits: np.ndarray, counts: np.ndarray) -> None:
    """Write which items of ``[B, k]`` lists are among the ascending keys, and how many keys each list has."""
    first = 0
    for row in range(len(lists)):
        last = first
        while last < len(keys) and keys[last] < (row + 1) * n_items:
            last += 1
        counts[row] = last - first
        for place in range(lists.shape[1]):
            wanted = row * n_items + lists[row, place]
            low, high = first, last
            while low < high:
                middle = (low + high) // 2
                if keys[middle] < wanted:
                    low = middle + 1
                else:
                    high = middle
            hits[row, place] = low < last and keys[low] == wanted
        first = last


def mean_ranks(
    scores: torch.Tensor, rows: torch.Tensor, items: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Add up the ranks of each row's relevant items, 1 the best; equal scores share the mean of their ranks.

    Args:
        scores: ``[B, n]``; a row's lowest score stands for what takes no part.
        rows: ``[P]`` row that each relevant item belongs to.
        items: ``[P]`` the item; one that is named twice for a row counts once.

    Returns:
        ``[B]`` float64 sums of ranks, ``[B]`` int64 number of scores above the row's lowest, and ``[B]``
        int64 number of relevant items.

    >>> sums, above, relevant = mean_ranks(torch.tensor([[0.1, 0.9, 0.5]]), torch.tensor([0]), torch.tensor([2]))
    >>> sums.tolist(), above.tolist(), relevant.tolist()
    ([2.0], [2], [1])
    """
    n_rows, n_items = scores.shape
    keys = interaction_keys(rows, items, n_items)
    rows, items = torch.div(keys, n_items, rounding_mode="floor"), keys % n_items
    counts = torch.bincount(rows, minlength=n_rows)
    ascending = _sorted(scores)
    places = torch.arange(len(keys), device=keys.device) - (counts.cumsum(0) - counts)[rows]
    relevant = scores.new_zeros(n_rows, int(counts.max()) if len(keys) else 0)
    relevant[rows, places] = scores[rows, items]
    below = torch.searchsorted(ascending, relevant)[rows, places]
    up_to = torch.searchsorted(ascending, relevant, right=True)[rows, places]
    ranks = (n_items - up_to).double() + (up_to - below + 1).double() / 2
    sums = torch.zeros(n_rows, dtype=torch.float64, device=scores.device).index_add_(0, rows, ranks)
    lowest = torch.searchsorted(ascending, ascending[:, :1].contiguous(), right=True)
    return sums, n_items - lowest[:, 0], counts


def _sorted(scores: torch.Tensor) -> torch.Tensor:
    if scores.device.type != "cpu":
        return scores.sort(dim=-1).values
    return torch.from_numpy(np.sort(scores.numpy(), axis=-1))  # many times faster than torch, which sorts indices too
