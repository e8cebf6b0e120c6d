"""What an evaluation says of each user: accuracy, fairness, profile and list."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pandas as pd
import pyarrow
import torch
from recbole.evaluator import register
from recbole.evaluator.base_metric import TopkMetric

from recbole_ile.kernels.list_ranks import list_hits
from recbole_ile.plugin.evaluation.breakdown import report_k, split_by_user
from recbole_ile.plugin.evaluation.collector import LISTS, POPULARITY, POSITIVE_ITEMS, POSITIVE_ROWS, USERS

PROFILE = "profile_"
"""Begins the name of the column with an item group's share of a user's training interactions."""


def measures_by_user(config: Any, details: dict[str, Any], dataset: Any) -> pd.DataFrame:
    """Return every metric of an evaluation that each user has a value of, at the k of the validation metric.

    Args:
        config: tells k, and the metrics that are asked for.
        details: what a ``ListCollector`` kept of the evaluation.
        dataset: which knows what the users are called.

    Returns:
        The columns of ``split_by_user``, and those of RecBole's metrics of lists that are asked for, whose mean over
        users the result of the evaluation has.
    """
    table = split_by_user(config, details, dataset)
    k = report_k(config)
    hits, relevant = _hits(details, k)
    for name in (name.lower() for name in config["metrics"]):
        kind = register.metrics_dict[name]
        if issubclass(kind, TopkMetric) and f"{name}@{k}" not in table and kind.metric_need == TopkMetric.metric_need:
            metric = kind(config)
            given = (hits, relevant)[: len(inspect.signature(metric.metric_info).parameters)]
            with np.errstate(invalid="ignore", divide="ignore"):
                table[f"{name}@{k}"] = metric.metric_info(*given)[:, k - 1].astype(float)
    return table


def table_of_users(config: Any, details: dict[str, Any], dataset: Any) -> pyarrow.Table:
    """Return ``measures_by_user``, and beside it what each user is made of and was shown.

    Args:
        config: as for ``measures_by_user``.
        details: as for ``measures_by_user``.
        dataset: RecBole's, which knows what users and items are called.

    Returns:
        ``user_group`` has the name of the group. There is ``profile_<item group>`` for each group, the share of the
        user's training interactions that it has, and ``list``, the ids of the items that were recommended, best first.
    """
    popularity, users = details[POPULARITY], details[USERS]
    table = measures_by_user(config, details, dataset)
    table["user_group"] = np.array(popularity.user_group_names, dtype=object)[table["user_group"]]
    profiles = popularity.profiles[users].astype(float)
    totals = profiles.sum(axis=1)
    shares = np.divide(profiles, totals[:, None], out=np.full_like(profiles, np.nan), where=totals[:, None] > 0)
    for group, name in enumerate(popularity.group_names):
        table[f"{PROFILE}{name}"] = shares[:, group]
    lists = details[LISTS][:, : report_k(config)]
    filled = lists >= 0
    names = pyarrow.array(dataset.field2id_token[dataset.iid_field].astype(str))
    shown = pyarrow.ListArray.from_arrays(
        np.concatenate([[0], filled.sum(axis=1).cumsum()]).astype(np.int32),
        names.take(pyarrow.array(lists[filled] + 1)),
    )
    return pyarrow.Table.from_pandas(table, preserve_index=False).append_column("list", shown)


def _hits(details: dict[str, Any], k: int) -> tuple[np.ndarray, np.ndarray]:
    """Return ``[U, k]``, whether an item is relevant, and ``[U]``, how many are."""
    n_items = len(details[POPULARITY].counts)
    hits, relevant = list_hits(
        torch.from_numpy(details[LISTS][:, :k] + 1),
        torch.from_numpy(np.asarray(details[POSITIVE_ROWS])),
        torch.from_numpy(np.asarray(details[POSITIVE_ITEMS]) + 1),
        n_items + 1,
    )
    return hits.numpy(), relevant.numpy()
