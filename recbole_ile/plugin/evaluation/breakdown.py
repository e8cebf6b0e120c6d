"""The test result by user group and by item group, as the rows of a result."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from recbole.config import Config

from recbole_ile.functional.breakdown import Lists, by_item_group, by_user_group, user_accuracy
from recbole_ile.functional.measures import popularity_deviation
from recbole_ile.metric import Metric
from recbole_ile.plugin.data.popularity import TrainingPopularity
from recbole_ile.plugin.evaluation.collector import CANDIDATES, LISTS, POPULARITY, POSITIVE_ITEMS, POSITIVE_ROWS, USERS
from recbole_ile.plugin.evaluation.metrics import METRICS, ListMetric, UserMetric


def split_by_group(config: Config, details: dict[str, Any]) -> dict[str, Any]:
    """Split the result of an evaluation by user group and by item group, at the k of the validation metric.

    Args:
        config: tells k, and the metrics that are asked for; those that say something of one user group's lists are
            in its row too.
        details: what a ``ListCollector`` kept of the evaluation; empty if it kept nothing.
    """
    if not details:
        return {"test_by_user_group": [], "test_by_item_group": []}
    popularity: TrainingPopularity = details[POPULARITY]
    k = report_k(config)
    lists = _lists(details, k)
    users, num = details[USERS], len(popularity.user_group_names)
    groups = popularity.user_groups[users]
    user_rows = by_user_group(lists, popularity.profiles[users], popularity.item_groups, groups, num)
    asked = [metric for metric in _asked(config) if metric.of_user_groups]
    for group, row in enumerate(user_rows if asked else ()):
        own = _of_rows(details, groups == group)
        row.update({_key(metric): metric(config).of_lists(own[LISTS][:, :k], own) for metric in asked})
    item_rows = by_item_group(lists, popularity.counts, popularity.item_groups, len(popularity.group_names))
    of_lists = ("ndcg", "recall", "upd", *map(_key, asked))
    return {
        "test_by_user_group": _named_rows(popularity.user_group_names, user_rows, of_lists, k),
        "test_by_item_group": _named_rows(popularity.group_names, item_rows, of_lists, k),
    }


def split_by_user(config: Config, details: dict[str, Any], dataset: Any) -> pd.DataFrame:
    """Return the result of an evaluation for each user, at the k of the validation metric.

    Args:
        config: tells k, and the metrics that are asked for.
        details: what a ``ListCollector`` kept of the evaluation.
        dataset: of RecBole, which knows what the users are called.

    Returns:
        A row for each user: ``user``, ``user_group`` (0 = niche, or the value with the most interactions), ``ndcg@k``,
        ``upd@k`` and those of the metrics asked for that are means over users; NaN where a user has no positive or no
        profile.
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
            **{
                f"{_key(metric)}@{k}": metric(config).of_users(lists.items, details)
                for metric in _asked(config)
                if issubclass(metric, UserMetric)
            },
        }
    )


def report_k(config: Config) -> int:
    """Return the length of the lists that are looked at closely: that of the validation metric."""
    return Metric.parse(config["valid_metric"]).k or int(config["topk"][0])


def _asked(config: Config) -> list[type[ListMetric]]:
    """Return those of our metrics that are evaluated, in the order of ``METRICS``."""
    names = [name.lower() for name in config["metrics"]]
    return [metric for metric in METRICS if _key(metric) in names]


def _key(metric: type[ListMetric]) -> str:
    return metric.__name__.lower()


def _lists(details: dict[str, Any], k: int) -> Lists:
    return Lists(
        details[LISTS][:, :k], details[POSITIVE_ROWS], details[POSITIVE_ITEMS], n_items=len(details[POPULARITY].counts)
    )


def _of_rows(details: dict[str, Any], chosen: np.ndarray) -> dict[str, Any]:
    """Return the same of some of the lists.

    Args:
        details: what a ``ListCollector`` kept of the evaluation.
        chosen: ``[U]`` bool.
    """
    relevant = chosen[details[POSITIVE_ROWS]]
    rows = {name: details[name][chosen] for name in (LISTS, USERS, CANDIDATES) if name in details}
    return {
        **details,
        **rows,
        POSITIVE_ROWS: (np.cumsum(chosen) - 1)[details[POSITIVE_ROWS][relevant]],
        POSITIVE_ITEMS: details[POSITIVE_ITEMS][relevant],
    }


def _named_rows(
    names: list[str], rows: list[dict[str, float]], of_lists: tuple[str, ...], k: int
) -> list[dict[str, Any]]:
    """Put the group's name before the entries of its row, and ``@k`` behind those that depend on k."""
    return [
        {"group": name, **{f"{entry}@{k}" if entry in of_lists else entry: value for entry, value in row.items()}}
        for name, row in zip(names, rows, strict=True)
    ]
