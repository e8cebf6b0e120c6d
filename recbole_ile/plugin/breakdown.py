"""The test result by user group and by item group, as the rows of a result."""

from __future__ import annotations

from typing import Any

from recbole.config import Config

from recbole_ile.functional.breakdown import Lists, by_item_group, by_user_group
from recbole_ile.plugin.collector import LISTS, POPULARITY, POSITIVE_ITEMS, POSITIVE_ROWS, USERS
from recbole_ile.plugin.popularity import TrainingPopularity


def split_by_group(config: Config, details: dict[str, Any]) -> dict[str, Any]:
    """Split the result of an evaluation by user group and by item group, at the k of the validation metric.

    Args:
        config: tells k.
        details: what a ``ListCollector`` kept of the evaluation; empty if it kept nothing.
    """
    if not details:
        return {"test_by_user_group": [], "test_by_item_group": []}
    popularity: TrainingPopularity = details[POPULARITY]
    k = int(config["valid_metric"].partition("@")[2] or config["topk"][0])
    lists = Lists(
        details[LISTS][:, :k], details[POSITIVE_ROWS], details[POSITIVE_ITEMS], n_items=len(popularity.counts)
    )
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


def _named_rows(names: list[str], rows: list[dict[str, float]], k: int) -> list[dict[str, Any]]:
    """Put the group's name before the entries of its row, and ``@k`` behind those that depend on k."""
    of_lists = ("ndcg", "recall", "upd")
    return [
        {"group": name, **{f"{entry}@{k}" if entry in of_lists else entry: value for entry, value in row.items()}}
        for name, row in zip(names, rows, strict=True)
    ]
