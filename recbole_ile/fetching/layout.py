"""How the lines of a file hold users, items, ratings and times, read from its first line."""

from __future__ import annotations

import csv
import json
from typing import Any, NamedTuple

from recbole_ile.errors import InputError, near_miss

ROLES = ("user", "item", "rating", "timestamp")
SEPARATORS = {"dat": "::", "tsv": "\t", "csv": ","}
FORMATS = ("json", *SEPARATORS)

_HEADINGS = {
    "user": ("user_id", "user", "userid", "uid", "reviewerid"),
    "item": ("item_id", "item", "itemid", "iid", "movieid", "book_id", "bookid", "asin", "parent_asin"),
    "rating": ("rating", "ratings", "score", "stars", "overall"),
    "timestamp": ("timestamp", "time", "unixreviewtime", "date_added", "date"),
}
"""What publishers call the columns, in lower case; the first that is there is taken."""
_REMEDY = "say which with --user=<column> --item=<column>, by position from 1 if this is no line of names"


class Layout(NamedTuple):
    """What to find where.

    Attributes:
        separator: between fields, or ``None`` for a JSON object in each line.
        columns: for each role that is there, the position of its field from 0, or its key.
        fields: how many fields a line has; 0 for JSON.
        header: whether the first line only names the columns.
        first: of JSON, the first object.
    """

    separator: str | None
    columns: dict[str, Any]
    fields: int
    header: bool
    first: dict[str, Any]


def find_layout(line: str, name: str, format: str | None = None, columns: dict[str, str] | None = None) -> Layout:
    """Return the layout that the first line of a file shows.

    Args:
        line: without its line feed.
        name: of the file, for the error.
        format: one of ``FORMATS``; by default, what the line looks like.
        columns: for some roles, the name of a column, or its position from 1 where no line names them.

    Raises:
        InputError: if users or items are not found; names the columns that there are.
    """
    columns = columns or {}
    repeated = [column for column in columns.values() if list(columns.values()).count(column) > 1]
    if repeated:
        roles = [role for role, column in columns.items() if column == repeated[0]]
        raise InputError(f"options {' and '.join(roles)} name the same column, {repeated[0]}; each takes its own")
    if format == "json" or (format is None and line.lstrip().startswith(("{", "["))):
        return _json_layout(line, name, columns)
    separator = SEPARATORS[format] if format else next((s for s in SEPARATORS.values() if s in line), ",")
    if separator == "," and "," not in line and ";" in line:
        separator = ";"
    fields = _split(line, separator, name)
    plain = [field.partition(":")[0] for field in fields]  # atomic files write user_id:token
    header = any(heading.lower() in known for heading in plain for known in _HEADINGS.values())
    values = not header and _are_values(fields, separator)
    counted = bool(columns) and all(value.isdecimal() for value in columns.values())
    if counted and (values or not set(columns.values()) <= set(plain)):
        return Layout(separator, _places(columns, len(fields), name), len(fields), header, {})
    if values and not columns:
        places = {role: str(place) for place, role in enumerate(ROLES[: len(fields)], start=1)}
        return Layout(separator, _places(places, len(fields), name), len(fields), False, {})
    found = match_columns(plain, columns, name)
    return Layout(separator, {role: plain.index(heading) for role, heading in found.items()}, len(fields), True, {})


def _split(line: str, separator: str, name: str) -> list[str]:
    try:
        fields = next(csv.reader([line], delimiter=separator)) if separator in ",;" else line.split(separator)
    except csv.Error as error:
        raise InputError(f"{name}: line 1 holds no interaction: {error}") from error
    return [field.strip().strip('"') for field in fields]


def _json_layout(line: str, name: str, columns: dict[str, str]) -> Layout:
    try:
        first = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{name} is not JSON with an object in each line; its first line: {error}") from error
    if not isinstance(first, dict):
        raise InputError(f"{name} is JSON without an object in each line; write one interaction to a line")
    return Layout(None, match_columns(list(first), columns, name), 0, False, first)


def _are_values(fields: list[str], separator: str) -> bool:
    """Return whether these are the fields of an interaction and no headings."""
    if separator == "::":
        return len(fields) in (3, 4)
    return 2 <= len(fields) <= 4 and all(field.replace(".", "", 1).isdecimal() for field in fields)


def _places(columns: dict[str, str], fields: int, name: str) -> dict[str, int]:
    for role in ("user", "item"):
        if role not in columns:
            raise InputError(f"option {role} is missing: {name} needs the position of the {role} too, --{role}=2 say")
    for role, place in columns.items():
        if not 1 <= int(place) <= fields:
            raise InputError(
                f"option {role}={place} is not allowed; the first line of {name} has {fields} fields, counted from 1"
            )
    return {role: int(place) - 1 for role, place in columns.items()}


def match_columns(names: list[str], columns: dict[str, str], name: str, remedy: str = _REMEDY) -> dict[str, str]:
    """Return which column holds each role that is there.

    Args:
        names: of the columns.
        columns: for some roles, the name of a column.
        name: of the file, for the error.
        remedy: what to do if users or items are not found.

    Raises:
        InputError: if users or items are not found; names the columns that there are.
    """
    for role, wanted in columns.items():
        if wanted not in names:
            raise InputError(
                f"option {role}={wanted}: {name} has no such column{near_miss(wanted, names)}; "
                f"it has {', '.join(names)}"
            )
    by_lower = {heading.lower(): heading for heading in reversed(names)}
    found = dict(columns)
    for role, known in _HEADINGS.items():
        headings = [by_lower[candidate] for candidate in known if candidate in by_lower]
        heading = next((heading for heading in headings if heading not in columns.values()), None)
        if role not in found and heading is not None:
            found[role] = heading
    for role in ("user", "item"):
        if role not in found:
            raise InputError(
                f"{name} has no column that is known to hold the {role}s; it has {', '.join(names)[:200]}; {remedy}"
            )
    return {role: found[role] for role in ROLES if role in found}
