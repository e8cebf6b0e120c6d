"""Interactions from files that hold columns and their types: parquet, and Arrow's own format."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow
import pyarrow.compute
import pyarrow.dataset

from recbole_ile.errors import InputError
from recbole_ile.fetching.layout import match_columns
from recbole_ile.fetching.values import Identifiers, identifiers, ratings, timestamps
from recbole_ile.plugin.data.plain_types import check_plain
from recbole_ile.plugin.data.tables import id_texts
from recbole_ile.texts import one_line

COLUMNAR = {".parquet": "parquet", ".pq": "parquet", ".feather": "ipc", ".arrow": "ipc"}
"""What Arrow calls the format, by the suffix of a file."""
ROWS = 1 << 20
"""Rows that are read at a time."""
_OF_FRAMES = "rename the columns, or say which they are with the options USER_ID_FIELD and ITEM_ID_FIELD"


class Rows(NamedTuple):
    """Some rows of a file.

    Attributes:
        number: how many, ``R``.
        ids: of users and items.
        values: ``[R]`` ratings and timestamps, those that there are, NaN for what is none.
    """

    number: int
    ids: dict[str, Identifiers]
    values: dict[str, np.ndarray]


def row_blocks(path: Path, columns: dict[str, str]) -> Iterator[Rows]:
    """Read the columns of interactions from a file, some rows at a time.

    Args:
        path: of a suffix in ``COLUMNAR``.
        columns: for some roles, the name of their column.

    Raises:
        InputError: for a file that cannot be read, columns that are not found, and values of a type that cannot be.
    """
    try:
        table = pyarrow.dataset.dataset(path, format=COLUMNAR[path.suffix])
        found = _found(table.schema, columns, str(path), f"file {path}")
        for batch in table.to_batches(columns=list(found.values()), batch_size=ROWS):
            yield _rows(dict(zip(found, batch.columns, strict=True)), batch.num_rows, f"file {path}")
    except (pyarrow.ArrowException, OSError) as error:
        raise InputError(f"file {path} cannot be read: {one_line(error)}") from error


def table_blocks(table: pyarrow.Table, columns: dict[str, str], where: str) -> Iterator[Rows]:
    """Read the columns of interactions from a table in memory, as ``row_blocks`` does from a file.

    Args:
        table: of Arrow.
        columns: for some roles, the name of their column.
        where: what errors call it.

    Raises:
        InputError: for columns that are not found, and values of a type that cannot be.
    """
    found = _found(table.schema, columns, where, where, remedy=_OF_FRAMES)
    try:
        for batch in table.select(list(found.values())).to_batches(max_chunksize=ROWS):
            yield _rows(dict(zip(found, batch.columns, strict=True)), batch.num_rows, where)
    except pyarrow.ArrowException as error:
        raise InputError(f"{where} cannot be read: {one_line(error)}") from error


def _found(schema: pyarrow.Schema, columns: dict[str, str], name: str, where: str, **remedy: str) -> dict[str, str]:
    """Return by role the column of a table that holds it, of a type that no package defines."""
    plain = {written.partition(":")[0]: written for written in schema.names}
    found = {role: plain[heading] for role, heading in match_columns(list(plain), columns, name, **remedy).items()}
    check_plain(map(schema.field, found.values()), where)
    return found


def _rows(columns: dict[str, pyarrow.Array], number: int, where: str) -> Rows:
    ids = {role: _identifiers(columns[role], role, where) for role in ("user", "item")}
    values = {}
    for role, read in (("rating", ratings), ("timestamp", timestamps)):
        if role in columns:
            numbers = numbers_of(columns[role])
            values[role] = read(columns[role].to_pandas()) if numbers is None else numbers
    return Rows(number, ids, values)


def _identifiers(column: pyarrow.Array, role: str, where: str) -> Identifiers:
    """Return what ``identifiers`` would of the column as texts, of which only the distinct ones are looked at."""
    encoded = column if pyarrow.types.is_dictionary(column.type) else column.dictionary_encode()
    distinct = np.append(id_texts(encoded.dictionary, role, where), "")  # the last one stands for none
    numbers, names, reasons = identifiers(pd.Series(distinct, name=role, dtype=object))
    codes = encoded.indices.fill_null(len(distinct) - 1).to_numpy(zero_copy_only=False)
    found = {reason: mask[codes] for reason, mask in reasons.items()}
    return numbers[codes], names, {reason: mask for reason, mask in found.items() if mask.any()}


def numbers_of(column: pyarrow.Array) -> np.ndarray | None:
    """Return a column of numbers, or of dates as seconds since 1970; ``None`` for texts."""
    kind = column.type
    if pyarrow.types.is_date(kind):
        column, kind = column.cast(pyarrow.timestamp("s")), pyarrow.timestamp("s")
    if pyarrow.types.is_timestamp(kind):
        micros = column.cast(pyarrow.timestamp("us", tz=kind.tz), safe=False).cast(pyarrow.int64())
        return micros.cast(pyarrow.float64(), safe=False).to_numpy(zero_copy_only=False) / 1e6
    if pyarrow.types.is_dictionary(kind):
        return None
    if pyarrow.types.is_integer(kind) or pyarrow.types.is_floating(kind) or pyarrow.types.is_decimal(kind):
        found = column.cast(pyarrow.float64(), safe=False).to_numpy(zero_copy_only=False)
        return np.where(np.isfinite(found), found, np.nan)
    return None
