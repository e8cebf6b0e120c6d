"""Blocks of lines as tables of text, a row for each line that has the fields of the layout."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.json

from recbole_ile.errors import InputError
from recbole_ile.fetching.layout import Layout

Wrong = list[tuple[np.ndarray, str]]
"""Positions of lines in their block, and what is wrong with them."""

_FEED, _UNIT = b"\n", b"\x1f"
_ID_KINDS = {str: pa.string(), int: pa.int64()}
_NUMBER_KINDS = {str: pa.string(), int: pa.float64(), float: pa.float64()}
_IDS = ("user", "item")
_LONE_SURROGATE = re.compile(r"[\ud800-\udfff]")
"""What JSON can escape and UTF-8 cannot hold."""


def read_fields(block: bytes, layout: Layout) -> tuple[pd.DataFrame, Wrong]:
    """Read the lines of a block.

    A blank line holds nothing and is no row; neither is a line that is malformed.

    Args:
        block: whole lines.
        layout: what to find where.

    Returns:
        A column for each role, indexed by the position of the line in the block, and the malformed lines.
    """
    if layout.separator is None:
        return _read_json(block, layout)
    if b'"' in block and layout.separator in (",", ";"):
        return _read_quoted(block, layout)
    return _read_plain(block, layout)


def _read_plain(block: bytes, layout: Layout) -> tuple[pd.DataFrame, Wrong]:
    """Read lines without quotes: fields are counted in bulk, then pandas' parser in C reads what is well formed."""
    assert layout.separator is not None
    separator = layout.separator.encode()
    unreadable = _not_utf8(block)
    if len(separator) > 1:  # the parser in C knows separators of one character
        unreadable |= np.array([_UNIT in line for line in block.split(_FEED)[:-1]]) if _UNIT in block else False
        block, separator = block.replace(separator, _UNIT), _UNIT
    content = np.frombuffer(block, np.uint8)
    ends = np.flatnonzero(content == _FEED[0])
    lengths = np.diff(ends, prepend=-1)
    fields = np.diff(np.searchsorted(np.flatnonzero(content == separator[0]), ends), prepend=0) + 1
    blank = lengths == 1
    miscounted = (fields != layout.fields) & ~blank & ~unreadable
    good = ~(blank | unreadable | miscounted)
    wrong = [*_unreadable(unreadable), *_miscounted(np.flatnonzero(miscounted), fields, layout)]
    if not good.all():
        block = content[np.repeat(good, lengths)].tobytes()
    places = sorted(layout.columns.values())
    table = pd.DataFrame({place: [] for place in places}, dtype=str)
    if good.any():
        table = pd.read_csv(
            io.BytesIO(block),
            sep=separator.decode(),
            encoding="utf-8",
            header=None,
            names=list(range(layout.fields)),
            usecols=places,
            dtype=str,
            na_filter=False,
            quoting=csv.QUOTE_NONE,
            lineterminator="\n",
            skip_blank_lines=False,
            engine="c",
        )
    table = table[list(layout.columns.values())]
    table.columns, table.index = pd.Index(list(layout.columns)), pd.Index(np.flatnonzero(good))
    return table, wrong


def _read_quoted(block: bytes, layout: Layout) -> tuple[pd.DataFrame, Wrong]:
    """Read lines with quotes, inside which a separator is none; a line feed always ends an interaction."""
    assert layout.separator is not None
    unreadable = _not_utf8(block)
    lines = block.decode(errors="replace").split("\n")[:-1]
    rows = _split_quoted(lines, layout.separator)
    fields = np.array([len(row) for row in rows])
    blank = np.array([not line for line in lines])
    miscounted = (fields != layout.fields) & ~blank & ~unreadable
    good = np.flatnonzero(~(blank | unreadable | miscounted))
    columns = {role: [rows[line][place] for line in good] for role, place in layout.columns.items()}
    wrong = [*_unreadable(unreadable), *_miscounted(np.flatnonzero(miscounted), fields, layout)]
    return pd.DataFrame(columns, index=good, dtype=str), wrong


def _split_quoted(lines: list[str], separator: str) -> list[list[str]]:
    """Return the fields of each line, none where a quote is not closed."""
    try:
        rows = list(csv.reader(lines, delimiter=separator, strict=True))
    except csv.Error:
        rows = []
    if len(rows) == len(lines):
        return rows
    return [_split_quoted([line], separator)[0] if _is_closed(line, separator) else [] for line in lines]


def _is_closed(line: str, separator: str) -> bool:
    try:
        return len(list(csv.reader([line], delimiter=separator, strict=True))) == 1
    except csv.Error:
        return False


def _read_json(block: bytes, layout: Layout) -> tuple[pd.DataFrame, Wrong]:
    """Read an object from each line, in bulk where nothing in the block is out of the ordinary."""
    kinds = {
        key: (_ID_KINDS if role in _IDS else _NUMBER_KINDS).get(type(layout.first[key]))
        for role, key in layout.columns.items()
    }
    lines = block.split(_FEED)[:-1]
    if all(kinds.values()) and all(line.startswith(b"{") for line in lines):
        options = pa.json.ParseOptions(explicit_schema=pa.schema(kinds), unexpected_field_behavior="ignore")
        try:
            found = pa.json.read_json(io.BytesIO(block), parse_options=options)
        except (pa.ArrowInvalid, UnicodeDecodeError):
            return _read_objects(lines, layout)
        if len(found) == len(lines) and not any(column.null_count for column in found.columns):
            table = pd.DataFrame({role: found[key].to_pandas() for role, key in layout.columns.items()})
            return table.astype(dict.fromkeys(_IDS, str)), []
    return _read_objects(lines, layout)


def _read_objects(lines: list[bytes], layout: Layout) -> tuple[pd.DataFrame, Wrong]:
    rows, good, wrong = [], [], []
    for position, line in enumerate(lines):
        if not line.strip():
            continue
        try:
            rows.append(_values(json.loads(line), layout))
            good.append(position)
        except InputError as error:
            wrong.append((np.array([position]), str(error)))
        except (ValueError, RecursionError):
            wrong.append((np.array([position]), "it is no JSON object"))
    return pd.DataFrame(rows, columns=pd.Index(list(layout.columns)), index=pd.Index(good, dtype=int)), wrong


def _values(entry: Any, layout: Layout) -> list[Any]:
    if not isinstance(entry, dict):
        raise ValueError("no object")
    values = []
    for role, key in layout.columns.items():
        value = entry.get(key)
        kinds = (str, int) if role in _IDS else (str, int, float)
        if isinstance(value, bool) or not isinstance(value, kinds):
            raise InputError(f"its {key} is {json.dumps(value)[:40]}" if key in entry else f"it has no {key}")
        if isinstance(value, str) and _LONE_SURROGATE.search(value):
            raise InputError(f"its {key} is not UTF-8 text")
        values.append(str(value) if role in _IDS else value)
    return values


def _not_utf8(block: bytes) -> np.ndarray:
    """Return for each line of a block whether it cannot be decoded."""
    try:
        block.decode()
    except UnicodeDecodeError:
        return np.array([not _is_utf8(line) for line in block.split(_FEED)[:-1]])
    return np.zeros(block.count(_FEED), bool)


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def _miscounted(lines: np.ndarray, fields: np.ndarray, layout: Layout) -> Wrong:
    return [(lines[fields[lines] == count], _counted(int(count), layout.fields)) for count in np.unique(fields[lines])]


def _counted(count: int, wanted: int) -> str:
    if not count:
        return f"unclosed quotes instead of {wanted} fields"
    return f"{count} field{'s' * (count > 1)} instead of {wanted}"


def _unreadable(lines: np.ndarray) -> Wrong:
    return [(np.flatnonzero(lines), "it is not UTF-8 text")] if lines.any() else []
