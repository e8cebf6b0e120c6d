"""The table of a comparison: in the terminal, as CSV and in Markdown."""

from __future__ import annotations

import json
import math
import re
import textwrap
from typing import Any

import pandas as pd
from rich.console import Console
from rich.table import Table
from rich.text import Text

from recbole_ile.experiments.comparison.summary import FOOT, Cell, Comparison, Row
from recbole_ile.metric import Better, Metric
from recbole_ile.report.csv_text import frame_text
from recbole_ile.report.tables import decimal
from recbole_ile.report.terminal import Terminal, words
from recbole_ile.texts import one_line, printable

PUBLISHED = "published"
NAME, NUMBER = 16, 11
"""Characters of a terminal that a name and a metric take at least."""
ARROWS = {Better.HIGHER: "↑", Better.LOWER: "↓", Better.ZERO: "→0"}
COLUMNS = ["method", "model", "base", "settings", "seeds", "metric", "higher_is_better", "mean", "std", "low", "high"]
HIGHER = {Better.HIGHER: True, Better.LOWER: False, Better.ZERO: None}
"""What the column ``higher_is_better`` says."""
COLUMNS += ["p_base", "p_other", "marks", "best", PUBLISHED]


def name_of(row: Row) -> str:
    """Return what a table calls a method."""
    return f"{row.label} (base)" if row.base else row.label


def arrow_of(metric: Metric) -> str:
    """Return where better values of a metric lie."""
    return ARROWS[metric.better]


def spread_of(cell: Cell) -> str:
    """Return the spread over seeds behind its sign, nothing for one seed."""
    return "" if math.isnan(cell.spread) else f" ± {decimal(cell.spread)}"


def published_of(row: Row, metrics: list[Metric]) -> list[str]:
    """Return the published value of each metric, an empty list if there is none of any."""
    values = [row.cells[str(metric)].published for metric in metrics]
    return [] if all(value is None for value in values) else [decimal(value) for value in values]


def print_comparison(comparison: Comparison, console: Console | None = None) -> None:
    """Print a row for each method, the best mean of each metric in bold, and what a reader must know.

    Args:
        comparison: what there is to say.
        console: where to; metrics that do not fit beside each other get a table of their own.
    """
    console = console or Terminal()
    console.print()
    console.print(words(f"{comparison.title}, test part", "bold"))
    at_once = max(1, (console.width - NAME - 4) // NUMBER)
    for first in range(0, max(1, len(comparison.metrics)), at_once):
        console.print(_rich_table(comparison, comparison.metrics[first : first + at_once], console.width))
    for text in (FOOT, *comparison.notes):
        console.print(words(text, "dim"))


def _rich_table(comparison: Comparison, metrics: list[Metric], width: int) -> Table:
    lines = [("method", [words(f"{metric} {arrow_of(metric)}") for metric in metrics])]
    for row in comparison.rows:
        lines.append((printable(name_of(row)), [_rich_cell(row.cells[str(metric)]) for metric in metrics]))
        published = published_of(row, metrics)
        if published:
            lines.append((f"  {PUBLISHED}", [Text(text, "dim") for text in published]))
    # Names break between words before numbers break before their spread.
    room = width - 4 - sum(3 + max(map(len, column)) for column in zip(*(cells for _, cells in lines), strict=True))
    table = Table()
    table.add_column("method", no_wrap=True)
    for title in lines[0][1]:
        table.add_column(title, overflow="fold")
    for name, cells in lines[1:]:
        table.add_row(Text(textwrap.fill(name, max(room, NAME)), cells[0].style if cells else ""), *cells)
    return table


def _rich_cell(cell: Cell) -> Text:
    mean = (decimal(cell.mean), "bold" if cell.best else "")
    return Text.assemble(mean, spread_of(cell), cell.marks and f" {cell.marks}")


def comparison_csv(comparison: Comparison) -> str:
    """Return a row for each method and metric, in full precision; settings and seeds are JSON."""
    rows = [_record(row, metric, row.cells[str(metric)]) for row in comparison.rows for metric in comparison.metrics]
    return frame_text(pd.DataFrame(rows, columns=COLUMNS))


def _record(row: Row, metric: Metric, cell: Cell) -> list[Any]:
    return [
        *(row.label, row.model, row.base, json.dumps(row.settings, default=str), json.dumps(row.seeds)),
        *(str(metric), HIGHER[metric.better], cell.mean, cell.spread, *(cell.interval or (None, None))),
        *(cell.p_base, cell.p_other, cell.marks, cell.best, cell.published),
    ]


def comparison_markdown(comparison: Comparison) -> str:
    """Return the table with its title, foot and notes."""
    metrics = comparison.metrics
    lines = [["method", *(f"{_escaped(str(metric))} {arrow_of(metric)}" for metric in metrics)]]
    lines.append(["---", *("---:" for _ in metrics)])
    for row in comparison.rows:
        cells = [row.cells[str(metric)] for metric in metrics]
        lines.append([_escaped(name_of(row)), *map(_markdown_cell, cells)])
        published = published_of(row, metrics)
        if published:
            lines.append([f"*{PUBLISHED}*", *published])
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    notes = "".join(f"- {_escaped(note)}\n" for note in comparison.notes)
    return f"**{_escaped(comparison.title)}**\n\n{table}\n\n{_escaped(FOOT)}\n" + (f"\n{notes}" if notes else "")


def _markdown_cell(cell: Cell) -> str:
    mean = f"**{decimal(cell.mean)}**" if cell.best else decimal(cell.mean)
    return f"{mean}{spread_of(cell)}{' ' if cell.marks else ''}{_escaped(cell.marks)}"


def _escaped(text: str) -> str:
    shown = re.sub(r"([\\`*_{}\[\]<>|~#$&])", r"\\\1", one_line(text))
    return re.sub(r"^(\d*)([-+.)])", r"\1\\\2", shown)  # which would begin a list
