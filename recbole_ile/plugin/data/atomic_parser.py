"""Read an atomic file as RecBole's reader does, with every id as the text that it is, and fast where that is the same.

RecBole reads with pandas' parser in Python, which is slow, and in which ``NA`` or ``None`` is no text but nothing.
"""

from __future__ import annotations

import codecs
import contextlib
import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from typing import Any

import numpy as np
import pandas as pd
import pyarrow
import pyarrow.csv
from pandas import RangeIndex
from pandas._libs.parsers import STR_NA_VALUES

from recbole_ile.errors import InputError
from recbole_ile.plugin.data.atomic_lines import is_blank, look_at_lines, records

_BOTH_COMPARED = int(pd.__version__.split(".")[0]) >= 3
"""Whether this is a pandas whose two parsers we have compared."""
_ARROW = {np.float64: pyarrow.float64()}
_notes: ContextVar[list[str] | None] = ContextVar("notes", default=None)


@contextlib.contextmanager
def noted() -> Iterator[list[str]]:
    """Collect what is to be said about the files that are read within this context."""
    notes: list[str] = []
    token = _notes.set(notes)
    try:
        yield notes
    finally:
        _notes.reset(token)


def read_csv(stock: Callable[..., Any], path: str, **keywords: Any) -> Any:
    """Return the rows that ``stock(path, **keywords)`` reads, with texts kept as they are.

    Columns whose name ends in ``:float`` or ``:float_seq`` have the missing values that pandas knows; in all others
    only an empty field is missing.

    Args:
        stock: ``pandas.read_csv``.
        path: a text file.
        keywords: its settings; those that ask for another parser than Python's are left alone.

    Raises:
        InputError: names the file, and line and column as far as they are known.
    """
    separator, encoding = keywords.get("delimiter") or "", keywords.get("encoding") or "utf-8"
    if keywords.get("engine") != "python":
        return stock(path, **keywords)
    kinds = keywords.get("dtype") or {}
    keywords.update(encoding=encoding, keep_default_na=False, na_values={name: missing_of(name) for name in kinds})
    if len(separator) != 1:
        return _stock(stock, path, keywords)
    try:
        lines = look_at_lines(path, separator, encoding)
    except (UnicodeDecodeError, LookupError) as error:
        raise unreadable(path, encoding, error) from error
    notes = _notes.get()
    if notes is not None:
        notes += lines.notes(path)
    wanted = set(keywords.get("usecols") or ())
    if not (_BOTH_COMPARED and lines.plain and lines.regular and wanted) or separator == " ":
        return _stock(stock, path, keywords)
    frame = _through_arrow(path, separator, encoding, kinds)
    if frame is None:
        # All columns are read, for with some of them the parser in C takes lines of any length.
        fast = {
            "engine": "c",
            "float_precision": "round_trip",
            "usecols": None,
            "dtype": defaultdict(lambda: str, kinds),
        }
        try:
            frame = stock(path, **{**keywords, **fast})
        except (ValueError, OverflowError):  # numbers as only Python spells them
            return _stock(stock, path, keywords)
    # In a file of one column a blank is a row or none.
    if not isinstance(frame.index, RangeIndex) or frame.shape[1] < 2 or not wanted <= set(frame.columns):
        return _stock(stock, path, keywords)
    return frame[[column for column in frame.columns if column in wanted]]


def missing_of(column: str) -> list[str]:
    """Return what stands for a missing value in a column of the header, ``item_id:token`` say."""
    return sorted(STR_NA_VALUES) if column.rpartition(":")[2].startswith("float") else [""]


def unreadable(path: Any, encoding: str, error: Exception) -> InputError:
    """Return the error for a file that is no text in its encoding, with the line where that is seen."""
    place = ""
    if isinstance(error, UnicodeDecodeError) and "\n".encode(encoding) == b"\n":
        with open(path, "rb") as file:
            place = next((f", line {number}" for number, line in enumerate(file, 1) if _is_wrong(line, encoding)), "")
    return InputError(f"{path}{place} cannot be read as text (option encoding={encoding!r}): {error}")


def misspelt_number(path: str, separator: str, encoding: str, seq_separator: str | None) -> str | None:
    """Return the line, column and value of the first field that is no number but has to be one.

    Args:
        path: an atomic file.
        separator: between fields.
        encoding: of the file.
        seq_separator: between the numbers of a sequence.
    """
    if len(separator) != 1:
        return None
    rows = (record for record in records(path, separator, encoding) if not is_blank(record.fields))
    header = next(rows).fields
    for line, fields in rows:
        for column, field in zip(header, fields, strict=False):
            kind = column.rpartition(":")[2]
            if not kind.startswith("float") or field in STR_NA_VALUES:
                continue
            for value in filter(None, field.split(seq_separator)) if kind == "float_seq" else [field]:
                if not _is_number(value):
                    return f"line {line}, column {column.rpartition(':')[0]}: {value!r} is not a number"
    return None


def _through_arrow(path: str, separator: str, encoding: str, kinds: Mapping[str, Any]) -> pd.DataFrame | None:
    """Return all columns of a file as Arrow reads them, which is the fastest, ``None`` where another parser has to.

    That is for sequences, whose missing values a shim fills as pandas reads them, and for numbers that Arrow does not
    read, such as what stands for a missing one. Whole and decimal numbers are rounded as Python rounds them.
    """
    if codecs.lookup(encoding).name != "utf-8":
        return None
    try:
        with open(path, encoding=encoding, newline="") as file:
            names = file.readline().rstrip("\r\n").split(separator)
        if len(set(names)) < len(names) or any(name.endswith("_seq") for name in names):
            return None
        types = {name: _ARROW.get(kinds.get(name, str), pyarrow.string()) for name in names}
        return pyarrow.csv.read_csv(
            path,
            pyarrow.csv.ReadOptions(column_names=names, skip_rows=1, encoding="utf8"),
            pyarrow.csv.ParseOptions(delimiter=separator, quote_char=False),
            pyarrow.csv.ConvertOptions(column_types=types, null_values=[""], strings_can_be_null=True),
        ).to_pandas()
    except (pyarrow.ArrowException, UnicodeDecodeError):
        return None


def _stock(stock: Callable[..., Any], path: str, keywords: dict[str, Any]) -> Any:
    try:
        return stock(path, **keywords)
    except UnicodeDecodeError as error:
        raise unreadable(path, keywords["encoding"], error) from error


def _is_wrong(line: bytes, encoding: str) -> bool:
    try:
        line.decode(encoding)
    except UnicodeDecodeError:
        return True
    return False


def _is_number(text: str) -> bool:
    try:
        return not math.isnan(float(text)) or text.strip().lower().lstrip("+-") == "nan"
    except ValueError:
        return False
