"""Lists that any program made, measured as an evaluation measures those of a model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
import torch
from recbole.evaluator import Evaluator, register
from recbole.evaluator.collector import DataStruct

from recbole_ile.errors import InputError
from recbole_ile.functional.arrays import contained, distinct
from recbole_ile.kernels.list_ranks import list_hits
from recbole_ile.plugin.data.given_data import TEST, TRAIN, VALID, GivenData
from recbole_ile.plugin.data.popularity import TrainingPopularity
from recbole_ile.plugin.evaluation.breakdown import split_by_group
from recbole_ile.plugin.evaluation.by_user import measures_by_user
from recbole_ile.plugin.evaluation.collector import (
    ARRAYS,
    CANDIDATES,
    HITS,
    ITEMS,
    LISTS,
    POPULARITY,
    POSITIVE_ITEMS,
    POSITIVE_ROWS,
    USERS,
)

OF_DATA = ("data.num_items", "data.num_users", "data.count_items", "data.count_users")
KNOWN = frozenset([*ARRAYS, *OF_DATA, POPULARITY, ITEMS, HITS])
"""What is known of lists without the scores of what is not in them."""


def check_of_lists(names: Iterable[str]) -> None:
    """Refuse metrics that need scores of the whole catalogue.

    Args:
        names: metrics in RecBole's registry.

    Raises:
        InputError: names the first.
    """
    for name in names:
        if not set(register.metric_information[name.lower()]) <= KNOWN:
            raise InputError(
                f"option metrics: {name} is not of lists but of the scores of all items, which lists do not tell"
            )


class ListMeasures:
    """Measures lists of one data set.

    Attributes:
        users: ``[U]`` indices of the users with test interactions, whose lists are measured.
        popularity: of the training interactions.

    Args:
        settings: metrics, ``topk`` and what else an evaluation asks its configuration; ``None`` where it says nothing.
        data: the interactions.

    Raises:
        InputError: for a column that cannot group.
    """

    def __init__(self, settings: Any, data: GivenData) -> None:
        self._settings, self._data = settings, data
        self.popularity = TrainingPopularity.of(settings, data)
        test = data.parts[TEST]
        positives = distinct(data.keys(test))
        n_items = len(data.item_names)
        self.users, rows = np.unique(positives // n_items, return_inverse=True)
        self._shared = {
            POPULARITY: self.popularity,
            USERS: self.users,
            POSITIVE_ROWS: rows,
            POSITIVE_ITEMS: positives % n_items,
            CANDIDATES: self._candidates(positives),
        }
        train = data.parts[TRAIN]
        self._of_data = {
            "data.num_items": data.item_num,
            "data.num_users": data.user_num,
            "data.count_items": Counter((train.items + 1).tolist()),
            "data.count_users": Counter((train.users + 1).tolist()),
        }

    def _candidates(self, positives: np.ndarray) -> np.ndarray:
        """Return ``[U, G]``, how many items of each group could be recommended, as RecBole has it."""
        data, groups = self._data, self.popularity.item_groups
        n_groups = len(self.popularity.group_names)
        seen = distinct(np.concatenate([data.keys(data.parts[part]) for part in (TRAIN, VALID)]))
        hidden = seen[~contained(seen, positives)]
        users, items = np.divmod(hidden, len(data.item_names))
        cells = np.bincount(users * n_groups + groups[items], minlength=len(data.user_names) * n_groups)
        return (np.bincount(groups, minlength=n_groups) - cells.reshape(-1, n_groups))[self.users]

    def measure(self, lists: np.ndarray) -> tuple[dict[str, Any], pd.DataFrame]:
        """Return what is to be said about lists.

        Args:
            lists: ``[U, K]`` item indices of the ``users``, best first, -1 for an empty place; K is the largest k.

        Returns:
            ``test_result``, ``test_by_user_group`` and ``test_by_item_group`` as a run has them, and the table of
            ``measures_by_user``.

        Raises:
            InputError: for a metric of RecBole's that counts what stands in lists, if there are empty places.
        """
        details = {LISTS: lists, **self._shared}
        ids = torch.from_numpy(lists + 1)
        rows, items = (torch.from_numpy(self._shared[name]) for name in (POSITIVE_ROWS, POSITIVE_ITEMS))
        hits, relevant = list_hits(ids, rows, items + 1, self._data.item_num)
        if (lists < 0).any():
            self._check_filled()
        struct = DataStruct()
        for name, value in {**details, **self._of_data, ITEMS: ids}.items():
            struct.set(name, value)
        struct.set(HITS, torch.cat([hits.long(), relevant[:, None]], dim=1))
        result = {name: float(value) for name, value in Evaluator(self._settings).evaluate(struct).items()}
        groups = split_by_group(self._settings, details)
        return {"test_result": result, **groups}, measures_by_user(self._settings, details, self._data)

    def _check_filled(self) -> None:
        for name in self._settings["metrics"]:
            if ITEMS in register.metric_information[name.lower()]:
                k = max(self._settings["topk"])
                raise InputError(
                    f"option metrics: {name} would count the empty places of lists that hold fewer than {k} items; "
                    "leave it out, or give a smaller topk"
                )
