"""Columns of the ``.item`` and ``.user`` files by which items or users are grouped or lists calibrated."""

from __future__ import annotations

from typing import Any

import numpy as np

from recbole_ile.errors import InputError, near_miss
from recbole_ile.plugin.config.needed_columns import FEATURE_COLUMNS

_WHAT = {"cp_field": "calibration needs", "ep_field": "exposure prices need"}


def feature_column(dataset: Any, option: str, field: str) -> np.ndarray:
    """Return ``[n, L]`` codes of the values of each item or user, 0 for none; ``field2id_token`` has their names.

    Args:
        dataset: RecBole's.
        option: which of ``FEATURE_COLUMNS`` names the column.
        field: the column.

    Raises:
        InputError: if the column is not there, or holds numbers.
    """
    kind = FEATURE_COLUMNS[option]
    table, ids = (dataset.item_feat, dataset.iid_field) if kind == "item" else (dataset.user_feat, dataset.uid_field)
    known = [] if table is None else [name for name in table.interaction if name != ids]
    if field not in known:
        raise InputError(
            f"{option} {field} is no column of {dataset.dataset_name}.{kind}{near_miss(field, known)}; "
            f"it has {', '.join(known) or 'none that is loaded'}"
        )
    if field not in dataset.field2id_token:
        what = _WHAT.get(option, "groups need")
        raise InputError(f"{option} {field} is a number; {what} a token or a token sequence")
    values = table[field].numpy()[1:]
    return values.reshape(len(values), -1)


def distinct_values(codes: np.ndarray) -> np.ndarray:
    """Return ``[n, L]`` each item's values, each once, then -1; 0, which is no value, only where there is no other."""
    ordered = np.sort(codes, axis=1)
    again = np.zeros(ordered.shape, dtype=bool)
    again[:, 1:] = ordered[:, 1:] == ordered[:, :-1]
    found = np.where(again | (ordered == 0), -1, ordered)
    found = -np.sort(-found, axis=1)
    found[(found == -1).all(axis=1), 0] = 0
    return found[:, : max(int((found >= 0).sum(axis=1).max(initial=1)), 1)]
