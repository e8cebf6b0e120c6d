"""RecBole's metrics that loop over users or items in Python, with the same values from whole arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
from recbole.evaluator import metrics


class MRR(metrics.MRR):
    """Mean reciprocal rank of the first relevant item."""

    def metric_info(self, pos_index: np.ndarray) -> np.ndarray:
        """Return ``[U, k]`` reciprocal ranks of ``[U, k]`` hits, 0 before the first."""
        reciprocal = 1.0 / (pos_index.argmax(axis=1) + 1)
        return np.where(np.logical_or.accumulate(pos_index, axis=1), reciprocal[:, None], 0.0)


class NDCG(metrics.NDCG):
    """Normalized discounted cumulative gain."""

    def metric_info(self, pos_index: np.ndarray, pos_len: np.ndarray) -> np.ndarray:
        """Return ``[U, k]`` values of ``[U, k]`` hits and ``[U]`` numbers of relevant items."""
        gains = 1.0 / np.log2(np.arange(2.0, pos_index.shape[1] + 2))
        ideal = np.cumsum(gains)[_reachable(pos_index, pos_len)]
        return np.cumsum(np.where(pos_index, gains, 0.0), axis=1) / ideal


class MAP(metrics.MAP):
    """Mean average precision."""

    def metric_info(self, pos_index: np.ndarray, pos_len: np.ndarray) -> np.ndarray:
        """Return ``[U, k]`` values of ``[U, k]`` hits and ``[U]`` numbers of relevant items."""
        precision = pos_index.cumsum(axis=1) / np.arange(1, pos_index.shape[1] + 1)
        return np.cumsum(precision * pos_index, axis=1) / (_reachable(pos_index, pos_len) + 1)


def _reachable(pos_index: np.ndarray, pos_len: np.ndarray) -> np.ndarray:
    """Return ``[U, k]`` positions ``0 .. k - 1``, from the number of relevant items on the last before it."""
    last = np.where(pos_len > 0, pos_len, pos_index.shape[1]) - 1
    return np.minimum(np.arange(pos_index.shape[1]), last[:, None])


class AveragePopularity(metrics.AveragePopularity):
    """Mean training count of the recommended items."""

    def get_pop(self, item_matrix: np.ndarray, item_count: dict[int, int]) -> np.ndarray:
        """Return ``[U, k]`` training counts of ``[U, k]`` item ids."""
        ids, counts = _as_arrays(item_count)
        table = np.zeros(1 + max(item_matrix.max(initial=0), ids.max(initial=0)), dtype=item_matrix.dtype)
        table[ids] = counts
        return table[item_matrix]


class TailPercentage(metrics.TailPercentage):
    """Share of the recommended items that are among the least popular of the training items."""

    def get_tail(self, item_matrix: np.ndarray, count_items: dict[int, int]) -> np.ndarray:
        """Return ``[U, k]`` 1 where the item id is of the tail: ``tail_ratio`` of the items, or at most that count."""
        ids, counts = _as_arrays(count_items)
        if self.tail > 1:
            tail = ids[counts <= self.tail]
        else:
            tail = ids[np.lexsort((ids, counts))[: max(int(len(ids) * self.tail), 1)]]
        return np.isin(item_matrix, tail).astype(item_matrix.dtype)


class GiniIndex(metrics.GiniIndex):
    """Gini index of the items' appearances in lists."""

    def get_gini(self, item_matrix: np.ndarray, num_items: int) -> float:
        """Return the index of ``[U, k]`` item ids, those that never appear counted as 0."""
        appearances = np.sort(np.unique(item_matrix, return_counts=True)[1])
        ranks = np.arange(num_items - len(appearances) + 1, num_items + 1)
        return float(((2 * ranks - num_items - 1) * appearances).sum() / item_matrix.size / num_items)


class ShannonEntropy(metrics.ShannonEntropy):
    """Entropy of the recommended items, as RecBole divides it by their number."""

    def get_entropy(self, item_matrix: np.ndarray) -> float:
        """Return it of ``[U, k]`` item ids, in nats."""
        shares = np.unique(item_matrix, return_counts=True)[1] / item_matrix.size
        return float(-(shares * np.log(shares)).sum() / len(shares))


ARRAY_METRICS: tuple[Any, ...] = (MRR, NDCG, MAP, AveragePopularity, TailPercentage, GiniIndex, ShannonEntropy)


def _as_arrays(counts: dict[int, int]) -> tuple[np.ndarray, np.ndarray]:
    return np.fromiter(counts.keys(), np.int64, len(counts)), np.fromiter(counts.values(), np.int64, len(counts))
