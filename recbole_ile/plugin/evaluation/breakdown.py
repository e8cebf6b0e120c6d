"""The test result by user group and by item group, as the rows of a result."""

from __future__ import annotations

from typing import Any

import pandas as pd
from recbole.config import Config

from recbole_ile.functional.breakdown import Lists, by_item_group, by_user_group, user_accuracy
from recbole_ile.functional.measures import popularity_deviation
from recbole_ile.metric import Metric
from recbole_ile.plugin.data.popularity import TrainingPopularity
from recbole_ile.plugin.evaluation.collector import LISTS, POPULARITY, POSITIVE_ITEMS, POSITIVE_ROWS, USERS


def split_by_group(config: Config, details: dict[str, Any]) -> dict[str, Any]:
    """Split the result of an evaluation by user group and by item group, at the k of the validation metric.

    Args:
        config: tells k.
        details: what a ``ListCollector`` kept of the evaluation; empty if it kept nothing.
    """
    if not details:
        return {"test_by_user_group": [], "test_by_item_group": []}
    popularity: TrainingPopularity = details[POPULARITY]
    k = report_k(config)
    lists = _lists(details, k)
    users, num = details[USERS], popularity.user_group_num
    user_rows = by_user_group(
        lists, popularity.profiles[users], popularity.item_groups, popularity.user_groups[users], num
    )
    item_rows = by_item_group(lists, popularity.counts, popularity.item_groups, len(popularity.group_names))
    user_names = ["niche", *(str(group + 1) for group in range(1, num - 1)), "mainstream"][:num]
    return {
        "test_by_user_group": _named_rows(user_names, user_rows, k),
        "test_by_item_group": _named_rows(popularity.group_names, item_rows, k),
    }


def split_by_user(config: Config, details: dict[str, Any], dataset: Any) -> pd.DataFrame:
    """Return the result of an evaluation for each user, at the k of the validation metric.

    Args:
        config: tells k.
        details: what a ``ListCollector`` kept of the evaluation.
        dataset: of RecBole, which knows what the users are called.

    Returns:
        A row for each user: ``user``, ``user_group`` (0 = niche), ``ndcg@k`` and ``upd@k``; NaN where a user has no
        positive or no profile.
    """
    popularity: TrainingPopularity = details[POPULARITY]
    k, users = report_k(config), details[USERS]
    lists = _lists(details, k)
    return pd.DataFrame(
        {
            "user": dataset.id2token(dataset.uid_field, users + 1),
            "user_group": popularity.user_groups[users],
            f"ndcg@{k}": user_accuracy(lists)[0],
            f"upd@{k}": popularity_deviation(popularity.profiles[users], lists.items, popularity.item_groups),
        }
    )


def report_k(config: Config) -> int:
    """Return the length of the lists that are looked at closely: that of the validation metric."""
    return Metric.parse(config["valid_metric"]).k or int(config["topk"][0])


def _lists(details: dict[str, Any], k: int) -> Lists:
    return Lists(
        details[LISTS][:, :k], details[POSITIVE_ROWS], details[POSITIVE_ITEMS], n_items=len(details[POPULARITY].counts)
    )


def _named_rows(names: list[str], rows: list[dict[str, float]], k: int) -> list[dict[str, Any]]:
    """Put the group's name before the entries of its row, and ``@k`` behind those that depend on k."""
    of_lists = ("ndcg", "recall", "upd")
    return [
        {"group": name, **{f"{entry}@{k}" if entry in of_lists else entry: value for entry, value in row.items()}}
        for name, row in zip(names, rows, strict=True)
    ]
