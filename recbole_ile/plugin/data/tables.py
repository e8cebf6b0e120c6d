"""Tables that other programs wrote, or that a caller has in memory, as columns of known names and types."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import pandas as pd
import pyarrow
import pyarrow.compute
import pyarrow.csv
import pyarrow.interchange
import pyarrow.parquet

from recbole_ile.errors import InputError, near_miss
from recbole_ile.plugin.data.plain_types import check_plain
from recbole_ile.texts import printable

ALIASES = {
    "user": ("user", "user_id"),
    "item": ("item", "item_id"),
    "score": ("score",),
    "rank": ("rank",),
}
"""The names under which a column is found if nobody says another one, the first that is there."""
IDS = ("user", "item")
PARQUET = (".parquet", ".pq")
_TEXTS = pyarrow.dictionary(pyarrow.int32(), pyarrow.string())


def read_table(
    path: str | Path,
    option: str,
    needed: Sequence[str],
    wanted: Sequence[str] = (),
    names: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Read columns of a file: parquet, or text whose first line names its columns, with tabs or commas between them.

    A folder of parquet files is read as one table, in the order of their names without those that begin with ``_`` or
    ``.``. Names may have RecBole's types behind a colon, ``user_id:token``.

    Args:
        path: of the file or folder.
        option: that names it, for errors.
        needed: columns that must be there, by their names in ``ALIASES``.
        wanted: columns that are read if they are there.
        names: what columns are called in the file, where it is none of their ``ALIASES``.

    Returns:
        The table that ``as_table`` describes.

    Raises:
        InputError: names the option and the file, the line or column, and what is expected.
    """
    columns, where = _columns_of(path, option)
    return as_table(columns, where, needed, wanted, names)


def as_table(
    table: Any, where: str, needed: Sequence[str], wanted: Sequence[str] = (), names: Mapping[str, str] | None = None
) -> pd.DataFrame:
    """Return columns of a table under our names.

    Args:
        table: a frame of pandas or polars, a table of Arrow, or whatever else speaks Arrow's protocol.
        where: what errors call it.
        needed: columns that must be there, by their names in ``ALIASES``.
        wanted: columns that are returned if they are there.
        names: what columns are called in the table, where it is none of their ``ALIASES``.

    Returns:
        ``user`` and ``item`` are categories of texts: whole numbers, dates and texts that are written alike are the
        same id. Other columns of ``ALIASES`` are float64.

    Raises:
        InputError: for a column that is missing, an id that is missing or empty, or a value that is no number.
    """
    columns = table if isinstance(table, _Columns) else _Columns.of(table, where)
    found: dict[str, str] = {}
    for role in (*needed, *wanted):
        given = (names or {}).get(role)
        candidates = (given,) if given else ALIASES[role]
        present = [name for name in candidates if name in columns.names]
        if present:
            found[role] = present[0]
        elif role in needed or given:
            miss = near_miss(candidates[0], columns.names)
            raise InputError(
                f"{where} has no column {' or '.join(candidates)}{miss}; it has "
                f"{', '.join(map(printable, columns.names)) or 'none'}"
            )
    read = columns.read({name: role in IDS for role, name in found.items()})
    made = {
        role: _ids(read.column(name), role, where) if role in IDS else _numbers(read.column(name), role, where)
        for role, name in found.items()
    }
    return pd.DataFrame(made)


def feature_columns(source: Any, option: str, id_role: str, names: Mapping[str, str] | None = None) -> pd.DataFrame:
    """Return an item or user table: ``item`` or ``user`` as in ``as_table``, and all other columns under their names.

    Args:
        source: a path, or a table as for ``as_table``.
        option: that names it, for errors.
        id_role: ``item`` or ``user``.
        names: as for ``as_table``.

    Raises:
        InputError: as for ``as_table``, and for an id that is there twice.
    """
    if isinstance(source, str | Path):
        columns, where = _columns_of(source, option)
    else:
        columns, where = _Columns.of(source, option), option
    ids = as_table(columns, where, (id_role,), (), names)
    twice = ids[id_role].duplicated()
    if twice.any():
        raise InputError(f"{where} has {id_role} {printable(ids[id_role][twice.idxmax()])} twice")
    own = (names or {}).get(id_role) or next(name for name in ALIASES[id_role] if name in columns.names)
    others = [name for name in columns.names if name != own]
    if not others:
        return ids
    read = columns.read(dict.fromkeys(others, False), as_they_are=True)
    for name in others:
        ids[name] = read.column(name).to_pandas().to_numpy()
    return ids.rename(columns={name: columns.typed(name) for name in others})


def arrow_table(table: Any, where: str) -> pyarrow.Table:
    """Return a table of Arrow with the columns of a frame, whoever made it; no value of them is looked at.

    Args:
        table: a frame of pandas, a table of Arrow, columns by name, or what speaks Arrow's protocol or that of the
            interchange of data frames, or has ``to_arrow``.
        where: what errors call it.

    Raises:
        InputError: if it is no such table.
    """
    if isinstance(table, pyarrow.Table):
        return table
    try:
        if isinstance(table, pd.DataFrame):
            return pyarrow.Table.from_pandas(table, preserve_index=False)
        if isinstance(table, _ToArrow) and not isinstance(table, _ArrowStream):
            return pyarrow.table(table.to_arrow())
        if isinstance(table, _Interchanged) and not isinstance(table, _ArrowStream):
            return pyarrow.interchange.from_dataframe(table)
        return pyarrow.table(table)
    except (pyarrow.ArrowException, TypeError, ValueError) as error:
        kind = f"{type(table).__module__}.{type(table).__qualname__}"
        raise InputError(
            f"{where} is no table that can be read, but {kind}: {printable(' '.join(str(error).split()))}; it takes a "
            "frame of pandas or polars, a table of Arrow, or a dictionary of columns"
        ) from error


@runtime_checkable
class _ArrowStream(Protocol):
    def __arrow_c_stream__(self, requested_schema: object = None) -> object: ...


@runtime_checkable
class _ToArrow(Protocol):
    def to_arrow(self) -> pyarrow.Table: ...


@runtime_checkable
class _Interchanged(Protocol):
    def __dataframe__(self, nan_as_null: bool = False, allow_copy: bool = True) -> Any: ...


def _columns_of(source: str | Path, option: str) -> tuple[_Columns, str]:
    """Return the columns of a file, and what errors call it."""
    path = Path(source)
    if path.is_dir():
        where = f"option {option}: folder {printable(path)}"
        files = sorted(each for each in path.iterdir() if each.suffix in PARQUET and each.name[0] not in "._")
        if not files:
            raise InputError(f"{where} has no file that ends in {' or '.join(PARQUET)}")
        return _Columns(files, where), where
    where = f"option {option}: file {printable(path)}"
    if not path.is_file():
        siblings = [each.name for each in path.parent.iterdir()] if path.parent.is_dir() else []
        raise InputError(f"{where} does not exist{near_miss(path.name, siblings)}")
    return _Columns([path], where), where


class _Columns:
    """A table of which some columns are read: a file, several of parquet, or what somebody has in memory."""

    def __init__(self, paths: list[Path], where: str, table: pyarrow.Table | None = None) -> None:
        self._paths, self._where, self._table = paths, where, table
        self._separator = ","
        self._written = self._guarded(self._names)
        self.names = [name.partition(":")[0] for name in self._written]
        twice = [name for place, name in enumerate(self.names) if name in self.names[:place]]
        if twice:
            raise InputError(f"{where} has two columns {printable(twice[0])}")

    @classmethod
    def of(cls, table: Any, where: str) -> _Columns:
        """Return those of a frame, whoever made it."""
        return cls([], where, arrow_table(table, where))

    def typed(self, name: str) -> str:
        """Return a column's name with the type that stands behind it in the file, if there is one."""
        return self._written[self.names.index(name)]

    def read(self, columns: Mapping[str, bool], as_they_are: bool = False) -> pyarrow.Table:
        """Return columns under their names without types.

        Args:
            columns: whether each holds ids, which text files do not say.
            as_they_are: whether texts stay texts where they look like numbers.
        """
        written = {self.typed(name): name for name in columns}
        found = self._guarded(lambda: self._read({self.typed(name): ids for name, ids in columns.items()}, as_they_are))
        return found.rename_columns([written[name] for name in found.column_names])

    def _names(self) -> list[str]:
        if self._table is not None:
            return list(map(str, self._table.column_names))
        if self._paths[0].suffix in PARQUET:
            return list(pyarrow.parquet.read_schema(self._paths[0]).names)
        with open(self._paths[0], encoding="utf-8-sig", newline="") as file:
            header = file.readline().rstrip("\r\n")
        self._separator = "\t" if "\t" in header else ","
        return [name.strip().strip('"') for name in header.split(self._separator)]

    def _read(self, columns: dict[str, bool], as_they_are: bool) -> pyarrow.Table:
        if self._table is not None:
            check_plain(map(self._table.schema.field, columns), self._where)
            return self._table.select(list(columns))
        if self._paths[0].suffix in PARQUET:
            return pyarrow.concat_tables([self._read_parquet(path, list(columns)) for path in self._paths])
        atomic = any(":" in name for name in self._written)
        texts = pyarrow.string() if as_they_are else pyarrow.float64()
        return pyarrow.csv.read_csv(
            self._paths[0],
            pyarrow.csv.ReadOptions(column_names=self._written, skip_rows=1, encoding="utf8"),
            pyarrow.csv.ParseOptions(delimiter=self._separator, quote_char=False if atomic else '"'),
            pyarrow.csv.ConvertOptions(
                column_types={name: _TEXTS if ids else texts for name, ids in columns.items()},
                include_columns=list(columns),
                strings_can_be_null=False,
            ),
        )

    def _read_parquet(self, path: Path, columns: list[str]) -> pyarrow.Table:
        schema = pyarrow.parquet.read_schema(path)
        missing = [name for name in columns if name not in schema.names]
        if missing:
            raise InputError(f"{self._where}: file {printable(path.name)} has no column {printable(missing[0])}")
        check_plain(map(schema.field, columns), self._where)
        return pyarrow.parquet.read_table(path, columns=columns)

    def _guarded(self, read: Callable[[], Any]) -> Any:
        try:
            return read()
        except (pyarrow.ArrowException, OSError, ValueError) as error:
            raise InputError(f"{self._where} cannot be read: {printable(' '.join(str(error).split()))}") from error


def _ids(column: pyarrow.ChunkedArray, role: str, where: str) -> pd.Categorical:
    """Return ids as categories of texts; only the distinct ones are converted."""
    if pyarrow.types.is_dictionary(column.type):
        column = column.unify_dictionaries()
    else:
        column = pyarrow.compute.dictionary_encode(column)
    encoded = column.combine_chunks()
    if isinstance(encoded, pyarrow.ChunkedArray):  # of no chunks
        encoded = pyarrow.array([], encoded.type) if encoded.num_chunks == 0 else encoded.chunk(0)
    names = id_texts(encoded.dictionary, role, where)
    codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    distinct, place = np.unique(names, return_inverse=True) if len(names) else (names, np.zeros(0, np.int64))
    empty = np.append((names == ""), True)[codes]  # the last place is that of -1
    if empty.any():
        raise InputError(f"{where}: row {int(empty.argmax()) + 1} has no {role}; an id is a text that is not empty")
    return pd.Categorical.from_codes(place[codes] if len(codes) else codes, categories=pd.Index(distinct, dtype=object))


def id_texts(values: pyarrow.Array, role: str, where: str) -> np.ndarray:
    """Return ``[D]`` values of a column of ids as texts, an empty one for none.

    Args:
        values: whole numbers, texts, dates or times.
        role: of the column, for errors.
        where: what errors call the table.

    Raises:
        InputError: for bytes, fractions and what else is no id.
    """
    kind = values.type
    types = pyarrow.types
    if types.is_floating(kind):
        numbers = values.drop_null().to_numpy(zero_copy_only=False)
        odd = ~(np.isfinite(numbers) & (numbers == np.floor(numbers)) & (np.abs(numbers) < 2.0**53))
        if odd.any():
            raise InputError(
                f"{where}: the {role} {numbers[odd.argmax()]} is no whole number; an id is a text or a whole number"
            )
        values = values.cast(pyarrow.int64())
    elif types.is_binary(kind) or types.is_large_binary(kind) or types.is_fixed_size_binary(kind):
        raise InputError(f"{where}: column {role} holds bytes; write its ids as texts")
    try:
        texts = values.cast(pyarrow.string())
    except pyarrow.ArrowException as error:
        raise InputError(f"{where}: column {role} holds {kind}; an id is a text or a whole number") from error
    return np.array(texts.fill_null("").to_pylist(), dtype=object)


def _numbers(column: pyarrow.ChunkedArray, role: str, where: str) -> np.ndarray:
    try:
        numbers = column.cast(pyarrow.float64()).to_numpy()
    except pyarrow.ArrowException as error:
        raise InputError(f"{where}: column {role}: {printable(' '.join(str(error).split()))}") from error
    wrong = ~np.isfinite(numbers)
    if wrong.any():
        raise InputError(f"{where}: row {int(wrong.argmax()) + 1} has no {role} that is a finite number")
    return numbers
