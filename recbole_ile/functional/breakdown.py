"""Test results of one evaluation split by user group and by item group."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from recbole_ile.functional.arrays import contained
from recbole_ile.functional.measures import item_exposure, popularity_deviation

GAP = "gap"
"""What the row of the gaps is called."""
SHOWN, COLD = "shown", "cold"
"""Entries of an item group: items in a list, and those of them that have no training interactions."""
NUMBERS = ("users", "items", SHOWN, COLD, "mean_profile")
"""Entries of rows that describe a group and are no result of it."""


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
        return contained(rows * self.n_items + self.items, self._positive_cells()) & (self.items >= 0)

    def found(self) -> np.ndarray:
        """Return ``[P]`` bool: the positive stands in its list."""
        rows, places = np.nonzero(self.items >= 0)
        return contained(self._positive_cells(), rows * self.n_items + self.items[rows, places])

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
        For each item group ``items``, how many of them are ``shown`` in a list and how many of those are ``cold``,
        without training interactions, its ``training_share`` of interactions, its ``recommendation_share``,
        its ``exposure_share`` (``1 / log2(r + 1)`` at rank r), and the ``recall`` of its positives.

    >>> lists = Lists(np.array([[2], [0]]), np.array([0, 1]), np.array([2, 1]), n_items=3)
    >>> head, tail = by_item_group(lists, np.array([3, 1, 1]), np.array([0, 0, 1]), n_groups=2)
    >>> head["training_share"], head["exposure_share"], head["recall"], tail["recall"]
    (0.8, 0.5, 0.0, 1.0)
    >>> [(row["items"], row["shown"], row["cold"]) for row in (head, tail)]
    [(2, 1, 0), (1, 1, 0)]
    """
    recommended = item_exposure(lists.items, lists.n_items)
    shown = recommended > 0
    numbers = {
        "items": _by_group(np.ones(lists.n_items), item_groups, n_groups),
        "shown": _by_group(shown, item_groups, n_groups),
        "cold": _by_group(shown & (counts == 0), item_groups, n_groups),
    }
    totals = {
        "training_share": _by_group(counts, item_groups, n_groups),
        "recommendation_share": _by_group(recommended, item_groups, n_groups),
        "exposure_share": _by_group(item_exposure(lists.items, lists.n_items, "dcg"), item_groups, n_groups),
    }
    found, positive_groups = lists.found(), item_groups[lists.positive_items]
    rows = []
    for group in range(n_groups):
        shares = {name: _share(total, group) for name, total in totals.items()}
        recall = _mean(found[positive_groups == group].astype(float))
        rows.append({**{name: int(each[group]) for name, each in numbers.items()}, **shares, "recall": recall})
    return rows


def with_gap(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows of groups and, below several, a last one of each entry's largest value minus its smallest.

    Args:
        rows: for each group its ``group``, a name, and numbers, the same entries in each; NaN or ``None`` where there
            is none.

    Returns:
        The rows and ``GAP``, in which what counts users or items, and what fewer than two groups have, is NaN.

    >>> with_gap([{"group": "a", "users": 2, "ndcg": 0.25}, {"group": "b", "users": 3, "ndcg": 0.75}])[-1]
    {'group': 'gap', 'users': nan, 'ndcg': 0.5}
    """
    if len(rows) < 2:
        return rows
    gaps = {name: _range([row.get(name) for row in rows]) for name in rows[0] if name not in ("group", *NUMBERS)}
    return [*rows, {"group": GAP, **{name: gaps.get(name, float("nan")) for name in rows[0] if name != "group"}}]


def _range(values: list[float | None]) -> float:
    known = [value for value in values if value is not None and not np.isnan(value)]
    return max(known) - min(known) if len(known) > 1 else float("nan")


def _by_group(values: np.ndarray, item_groups: np.ndarray, n_groups: int) -> np.ndarray:
    return np.bincount(item_groups, weights=values, minlength=n_groups)


def _share(totals: np.ndarray, group: int) -> float:
    return float(totals[group] / totals.sum()) if totals.sum() else float("nan")


def _mean(values: np.ndarray) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")
