"""Write interactions and features as atomic files of RecBole's."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.compute

from recbole_ile.fetching.features import Features
from recbole_ile.fetching.interactions import Interactions

FIELDS = {"user": "user_id", "item": "item_id", "rating": "rating", "timestamp": "timestamp"}
"""What the column of each role is called, as RecBole's own settings have it."""
_ROWS = 2**20
"""Rows that are turned into text at a time."""
_TEXT = pyarrow.large_string()


def write_interactions(interactions: Interactions, path: Path, fields: Mapping[str, str] | None = None) -> None:
    """Write a ``.inter`` file, in the order of the interactions.

    Args:
        interactions: what is written.
        path: of the file.
        fields: by role what its column is called, for those that are not called as in ``FIELDS``.
    """
    names = {**FIELDS, **(fields or {})}
    ids = [
        (f"{names['user']}:token", interactions.users, pyarrow.array(interactions.user_ids, _TEXT)),
        (f"{names['item']}:token", interactions.items, pyarrow.array(interactions.item_ids, _TEXT)),
    ]
    values = {f"{names[role]}:float": shortest(column) for role, column in interactions.values.items()}
    with open(path, "wb") as file:
        file.write(("\t".join([*(name for name, _, _ in ids), *values]) + "\n").encode("utf-8"))
        for start in range(0, len(interactions.users), _ROWS):
            rows = slice(start, start + _ROWS)
            texts = [known.take(pyarrow.array(numbers[rows])) for _, numbers, known in ids]
            file.write(_lines([*texts, *(_texts(column[rows]) for column in values.values())]))


def _lines(columns: list[pyarrow.Array]) -> pyarrow.Buffer:
    """Return the lines of a file whose fields are texts."""
    join, text = pyarrow.compute.binary_join_element_wise, functools.partial(pyarrow.scalar, type=_TEXT)
    lines = join(join(*columns, text("\t")), text(""), text("\n"))
    ends = np.frombuffer(lines.buffers()[1], np.int64, len(lines) + 1)
    return lines.buffers()[2].slice(int(ends[0]), int(ends[-1] - ends[0]))


def _texts(column: np.ndarray) -> pyarrow.Array:
    """Return numbers as the shortest texts that are read as the same."""
    if np.issubdtype(column.dtype, np.integer):
        return pyarrow.array(column).cast(_TEXT)
    distinct, place = np.unique(column, return_inverse=True)
    return pyarrow.array(list(map(repr, distinct.tolist())), _TEXT).take(pyarrow.array(place))


def write_features(features: Features, path: Path) -> None:
    """Write a ``.user`` or ``.item`` file."""
    with open(path, "w", encoding="utf-8", newline="") as file:
        for row in (features.header, *features.rows.values()):
            file.write("\t".join(row) + "\n")


def shortest(column: np.ndarray) -> np.ndarray:
    """Return whole numbers as such, so that they are written without a fraction."""
    whole = bool(np.all((column == np.floor(column)) & (np.abs(column) < 2**53)))
    return column.astype(np.int64) if whole else column
