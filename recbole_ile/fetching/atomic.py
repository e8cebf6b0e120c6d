"""Write interactions and features as atomic files of RecBole's."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from recbole_ile.fetching.features import Features
from recbole_ile.fetching.interactions import Interactions

FIELDS = {"user": "user_id", "item": "item_id", "rating": "rating", "timestamp": "timestamp"}
"""What the column of each role is called, as RecBole's own settings have it."""
_ROWS = 2**20
"""Rows that are turned into text at a time."""


def write_interactions(interactions: Interactions, path: Path, fields: Mapping[str, str] | None = None) -> None:
    """Write a ``.inter`` file, in the order of the interactions.

    Args:
        interactions: what is written.
        path: of the file.
        fields: by role what its column is called, for those that are not called as in ``FIELDS``.
    """
    names = {**FIELDS, **(fields or {})}
    columns = {
        f"{names['user']}:token": (interactions.users, np.array(interactions.user_ids, dtype=object)),
        f"{names['item']}:token": (interactions.items, np.array(interactions.item_ids, dtype=object)),
    }
    values = {f"{names[role]}:float": shortest(column) for role, column in interactions.values.items()}
    with open(path, "w", encoding="utf-8", newline="") as file:
        file.write("\t".join([*columns, *values]) + "\n")
        for start in range(0, len(interactions.users), _ROWS):
            rows = slice(start, start + _ROWS)
            table = pd.DataFrame({name: ids[numbers[rows]] for name, (numbers, ids) in columns.items()})
            for name, column in values.items():
                table[name] = column[rows]
            table.to_csv(
                file,
                sep="\t",
                header=False,
                index=False,
                lineterminator="\n",
                quoting=csv.QUOTE_NONE,
                encoding="utf-8",
            )


def write_features(features: Features, path: Path) -> None:
    """Write a ``.user`` or ``.item`` file."""
    with open(path, "w", encoding="utf-8", newline="") as file:
        for row in (features.header, *features.rows.values()):
            file.write("\t".join(row) + "\n")


def shortest(column: np.ndarray) -> np.ndarray:
    """Return whole numbers as such, so that they are written without a fraction."""
    whole = bool(np.all((column == np.floor(column)) & (np.abs(column) < 2**53)))
    return column.astype(np.int64) if whole else column
