"""Tables as CSV, from which every text comes back as it went in."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd


class _UnixLines(io.StringIO):
    """Takes rows that end in CR LF, for which ``csv`` quotes both characters in a text, and ends them in LF."""

    def write(self, row: str) -> int:
        return super().write(row.removesuffix("\r\n") + "\n")


def csv_text(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return a table as CSV with a line a row, which ends in LF.

    What is promised is that a reader of CSV gets every text back as it was: nothing is cut off, replaced or put
    before it, and what holds a comma, a quotation mark or a line end stands in quotation marks. A spreadsheet takes
    a text that begins with ``=``, ``+``, ``-`` or ``@`` for a formula however it is quoted; a mark before it would
    make it another id, so there is none: import such a file with its columns as texts. The lists of ``recommend``
    hold to the same.

    Args:
        header: names of the columns.
        rows: of as many values; ``None`` is an empty field.
    """
    text = _UnixLines(newline="")
    table = csv.writer(text, lineterminator="\r\n")
    table.writerow(header)
    table.writerows(rows)
    return text.getvalue()


def frame_text(frame: pd.DataFrame) -> str:
    """Return a table of pandas without its index, as ``csv_text`` does; missing values are empty fields."""
    text = _UnixLines(newline="")
    frame.to_csv(text, index=False, encoding="utf-8", lineterminator="\r\n")
    return text.getvalue()
