"""The lists of many users as a function of prices, from scores in bounded memory."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

from recbole_ile.kernels.price_loops import add_lists
from recbole_ile.kernels.row_threads import over_rows

LARGEST_IN_MEMORY = 3 << 29
"""Bytes of scores that are kept in memory; more of them go to a temporary file."""


class Candidates:
    """The scaled scores of users, of every item or of each user's best, and their lists under some prices.

    Of equal items, those with the lowest index are in a list; the result is the same to the bit for any number of
    threads and any size of the blocks that were added.

    Args:
        n_users: how many are going to be added.
        n_items: of the catalogue.
        k: length of the lists.
        width: candidates of each user; ``n_items`` if all are.

    >>> found = Candidates(n_users=1, n_items=2, k=1, width=2)
    >>> found.add(np.array([[2.0, 1.0]], np.float32))
    >>> found.at(np.array([1.5, 0.0], np.float32))
    (array([0, 1]), 1.0)
    """

    def __init__(self, n_users: int, n_items: int, k: int, width: int) -> None:
        self.n_items, self.n_users, self.k = n_items, n_users, min(k, width)
        self.whole = width >= n_items
        self._file: Any = None
        self._scores = self._room((n_users, min(width, n_items)), np.float32)
        self._items = np.empty((0, 0), np.int32) if self.whole else self._room((n_users, width), np.int32)
        self._filled = 0

    def add(self, scores: np.ndarray, items: np.ndarray | None = None) -> None:
        """Add users.

        Args:
            scores: ``[B, width]`` float32, scaled, ``-inf`` where there is no candidate.
            items: ``[B, width]`` int, the item of each, rising in each row; nothing if all items are candidates.
        """
        block = slice(self._filled, self._filled + len(scores))
        self._scores[block] = scores
        if items is not None:
            self._items[block] = items
        self._filled = block.stop

    def at(self, prices: np.ndarray) -> tuple[np.ndarray, float]:
        """Return ``[n]`` lists that hold each item under ``[n]`` float32 prices, and the sum of the scores in them."""
        exposure, sums = demand(self._scores, self._items, prices, self.k, self.n_items)
        return exposure, float(sums.sum())

    def _room(self, shape: tuple[int, int], kind: Any) -> np.ndarray:
        if shape[0] * shape[1] * np.dtype(kind).itemsize <= LARGEST_IN_MEMORY:
            return np.empty(shape, kind)
        self._file = self._file or tempfile.TemporaryDirectory(prefix="recbole-ile-prices-")
        return np.lib.format.open_memmap(Path(self._file.name) / f"{np.dtype(kind)}.npy", "w+", kind, shape)


def demand(
    scores: np.ndarray, items: np.ndarray, prices: np.ndarray, k: int, n_items: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return how many lists hold each item, ``[n]``, and the ``[U]`` sums of the scores in each list.

    Args:
        scores: ``[U, m]`` float32.
        items: ``[U, m]`` item of each score; without rows, the position is the item.
        prices: ``[n]`` float32.
        k: length of the lists.
        n_items: of the catalogue.

    >>> scores, items = np.array([[2.0, 1.0]], np.float32), np.array([[4, 7]], np.int32)
    >>> exposure, sums = demand(scores, items, np.zeros(8, np.float32), k=1, n_items=8)
    >>> exposure.tolist(), sums.tolist()
    ([0, 0, 0, 0, 1, 0, 0, 0], [2.0])
    """
    exposure, sums = np.zeros((torch.get_num_threads(), n_items), np.int64), np.zeros(len(scores))

    def count(part: int, users: slice) -> None:
        add_lists(scores[users], items[users], prices, k, exposure[part], sums[users])

    over_rows(count, *scores.shape)
    return exposure.sum(axis=0), sums
