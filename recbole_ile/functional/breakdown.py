"""Test results of one evaluation split by user group and by item group."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from recbole_ile.functional.measures import item_exposure, popularity_deviation


class Lists(NamedTuple):
    """What was recommended to whom, and what they turned out to like.

    Attributes:
        items: ``[U, k]`` item indices, best first, negative for an empty place.
        positive_rows: ``[P]`` the row of ``items`` that each positive belongs to.
        positive_items: ``[P]`` its item index.
        n_items: size of the catalogue ``n``.

    >>> lists = Lists(np.array([[2, 0], [1, -1]]), np.array([0, 1]), np.array([0, 3]), n_items=4)
    >>> lists.hits().tolist(), lists.found().tolist()
    ([[False, True], [False, False]], [True, False])
    """

    items: np.ndarray
    positive_rows: np.ndarray
    positive_items: np.ndarray
    n_items: int

    def hits(self) -> np.ndarray:
        """Return ``[U, k]`` bool: the recommended item is a positive of its row."""
        rows = np.arange(len(self.items))[:, None]
        return np.isin(rows * self.n_items + self.items, self._positive_cells()) & (self.items >= 0)

    def found(self) -> np.ndarray:
        """Return ``[P]`` bool: the positive stands in its list."""
        rows, places = np.nonzero(self.items >= 0)
        return np.isin(self._positive_cells(), rows * self.n_items + self.items[rows, places])

    def _positive_cells(self) -> np.ndarray:
        return self.positive_rows * self.n_items + self.positive_items


def user_accuracy(lists: Lists) -> tuple[np.ndarray, np.ndarray]:
    """Return each row's nDCG and recall, as RecBole defines them: two ``[U]`` arrays, NaN without positives.

    >>> lists = Lists(np.array([[2, 0]]), np.array([0]), np.array([0]), n_items=4)
    >>> ndcg, recall = user_accuracy(lists)
    >>> ndcg.round(4).tolist(), recall.tolist()
    ([0.6309], [1.0])
    """
    hits = lists.hits()
    k = hits.shape[1]
    gains = 1.0 / np.log2(np.arange(2, k + 2))
    positives = np.bincount(lists.positive_rows, minlength=len(hits))
    ideal = np.concatenate([[0.0], np.cumsum(gains)])[np.minimum(positives, k)]
    with np.errstate(invalid="ignore", divide="ignore"):
        return (hits * gains).sum(axis=1) / ideal, hits.sum(axis=1) / positives


def by_user_group(
    lists: Lists, profiles: np.ndarray, item_groups: np.ndarray, user_groups: np.ndarray, num: int
) -> list[dict[str, float]]:
    """Average nDCG, recall and popularity deviation over the users of each group.

    Args:
        lists: the evaluation.
        profiles: ``[U, G]`` training interactions of each row's user in each item group.
        item_groups: ``[n]`` group of each item.
        user_groups: ``[U]`` group of each row's user.
        num: number of user groups.

    Returns:
        For each user group ``users``, ``ndcg``, ``recall`` and ``upd``; NaN for a group without users.

    >>> lists = Lists(np.array([[2, 0]]), np.array([0]), np.array([2]), n_items=4)
    >>> by_user_group(lists, np.array([[1, 1]]), np.array([0, 1, 1, 0]), np.array([0]), num=1)
    [{'users': 1, 'ndcg': 1.0, 'recall': 1.0, 'upd': 0.0}]
    """
    ndcg, recall = user_accuracy(lists)
    measured = {"ndcg": ndcg, "recall": recall, "upd": popularity_deviation(profiles, lists.items, item_groups)}
    rows = []
    for group in range(num):
        members = user_groups == group
        means = {name: _mean(values[members]) for name, values in measured.items()}
        rows.append({"users": int(members.sum()), **means})
    return rows


def by_item_group(lists: Lists, counts: np.ndarray, item_groups: np.ndarray, n_groups: int) -> list[dict[str, float]]:
    """Compare what each item group gives to training with what it gets from the lists.

    Args:
        lists: the evaluation.
        counts: ``[n]`` training interactions of each item.
        item_groups: ``[n]`` group of each item.
        n_groups: number of item groups ``G``.

    Returns:
        For each item group ``items``, its ``training_share`` of interactions, its ``recommendation_share``,
        its ``exposure_share`` (``1 / log2(r + 1)`` at rank r), and the ``recall`` of its positives.

    >>> lists = Lists(np.array([[2], [0]]), np.array([0, 1]), np.array([2, 1]), n_items=3)
    >>> head, tail = by_item_group(lists, np.array([3, 1, 1]), np.array([0, 0, 1]), n_groups=2)
    >>> head["training_share"], head["exposure_share"], head["recall"], tail["recall"]
    (0.8, 0.5, 0.0, 1.0)
    """
    totals = {
        "training_share": np.bincount(item_groups, weights=counts, minlength=n_groups),
        "recommendation_share": _by_group(item_exposure(lists.items, lists.n_items), item_groups, n_groups),
        "exposure_share": _by_group(item_exposure(lists.items, lists.n_items, "dcg"), item_groups, n_groups),
    }
    found, positive_groups = lists.found(), item_groups[lists.positive_items]
    rows = []
    for group in range(n_groups):
        shares = {name: _share(total, group) for name, total in totals.items()}
        recall = _mean(found[positive_groups == group].astype(float))
        rows.append({"items": int((item_groups == group).sum()), **shares, "recall": recall})
    return rows


def _by_group(values: np.ndarray, item_groups: np.ndarray, n_groups: int) -> np.ndarray:
    return np.bincount(item_groups, weights=values, minlength=n_groups)


def _share(totals: np.ndarray, group: int) -> float:
    return float(totals[group] / totals.sum()) if totals.sum() else float("nan")


def _mean(values: np.ndarray) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")
