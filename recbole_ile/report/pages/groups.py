"""Tables of groups in pages, as the terminal shows them: shares in per cent, the gaps in the last row."""

from __future__ import annotations

from typing import Any

from recbole_ile.functional.breakdown import with_gap
from recbole_ile.report.pages.elements import escape, row, table
from recbole_ile.report.tables import group_column


def group_rows(rows: list[dict[str, Any]], before: list[str]) -> tuple[list[str], list[str]]:
    """Return the titles of the columns and the rows of a table of groups.

    Args:
        rows: for each group its ``group``, a name, and numbers.
        before: texts that stand before the name in each row.
    """
    shown = with_gap(rows)
    columns = [group_column(shown, name) for name in rows[0] if name != "group"]
    lines = []
    for number, each in enumerate(shown):
        cells = [*before, str(each["group"]), *(column[number + 1] for column in columns)]
        kind = "last" if number >= len(rows) else ""
        lines.append(row([escape(cell) for cell in cells], kind, len(before) + 1))
    return ["group", *(title.replace("_", " ") for title, *_ in columns)], lines


def group_table(caption: str, rows: list[dict[str, Any]]) -> str:
    """Return a table of groups.

    Args:
        caption: a text that says what it shows.
        rows: for each group its ``group``, a name, and numbers.
    """
    head, lines = group_rows(rows, [])
    return table(caption, head, lines)


def groups_of_several(caption: str, found: dict[str, list[dict[str, Any]]]) -> str:
    """Return one table with the groups of several methods, one below the other.

    Args:
        caption: a text that says what it shows.
        found: by method its rows, which are not empty.
    """
    parts = [group_rows(rows, [name]) for name, rows in found.items()]
    return table(caption, ["method", *parts[0][0]], [line for _, lines in parts for line in lines], "numbers two")
