"""Columns of the ``.item`` file by which items are grouped or lists calibrated."""

from __future__ import annotations

from typing import Any

import numpy as np

from recbole_ile.errors import InputError, near_miss


def item_column(dataset: Any, option: str, field: str) -> np.ndarray:
    """Return ``[n, L]`` codes of the values of each item, 0 for none; ``field2id_token`` has their names.

    Raises:
        InputError: if the column is not there, or holds numbers.
    """
    table = dataset.item_feat
    if table is None or field not in table.interaction:
        known = [] if table is None else [name for name in table.interaction if name != dataset.iid_field]
        raise InputError(
            f"{option} {field} is no column of {dataset.dataset_name}.item{near_miss(field, known)}; "
            f"it has {', '.join(known) or 'none that is loaded'}"
        )
    if field not in dataset.field2id_token:
        raise InputError(f"{option} {field} is a number; {_WHAT[option]} a token or a token sequence")
    values = table[field].numpy()[1:]
    return values.reshape(len(values), -1)


_WHAT = {"item_group_field": "groups need", "cp_field": "calibration needs"}


def distinct_values(codes: np.ndarray) -> np.ndarray:
    """Return ``[n, L]`` each item's values, each once, then -1; 0, which is no value, only where there is no other."""
    ordered = np.sort(codes, axis=1)
    again = np.zeros(ordered.shape, dtype=bool)
    again[:, 1:] = ordered[:, 1:] == ordered[:, :-1]
    found = np.where(again | (ordered == 0), -1, ordered)
    found = -np.sort(-found, axis=1)
    found[(found == -1).all(axis=1), 0] = 0
    return found[:, : max(int((found >= 0).sum(axis=1).max(initial=1)), 1)]
