"""The page of a comparison: tables and figures in one file that needs no network."""

from __future__ import annotations

import base64
import html
from pathlib import Path
from string import Template
from typing import Any

from recbole_ile.experiments.comparison.summary import FOOT, Cell, Comparison
from recbole_ile.report.comparison.tables import PUBLISHED, arrow_of, name_of, published_of, spread_of
from recbole_ile.report.tables import decimal, user_groups
from recbole_ile.texts import printable

CAPTIONS = {
    "trade_off": "Accuracy against the other metrics; bars are the standard deviation over seeds, broken lines mark "
    "the base.",
    "group_losses": "Mean training loss of each item group, of each method's first seed.",
    "user_groups": "UPD and nDCG by user group, {user_groups}.",
    "item_groups": "Exposure of each item group against its share of the training interactions.",
}
"""What each figure shows, in the order of the page; what user groups are of is put in its place."""


def escape(text: str) -> str:
    """Return a text as HTML shows it, control characters as escapes."""
    return html.escape(printable(text))


def comparison_page(comparison: Comparison, figures: dict[str, bytes]) -> str:
    """Return the page.

    Args:
        comparison: what it says.
        figures: PNG files by the names in ``CAPTIONS``, as many as there are.
    """
    template = Template(Path(__file__).with_name("page.html").read_text(encoding="utf-8"))
    methods = [
        [name_of(row), row.model, ", ".join(map(str, row.seeds)), _settings(row.settings)] for row in comparison.rows
    ]
    shared = [[key, str(value)] for key, value in comparison.settings.items()]
    taste = user_groups(comparison.settings.get("user_group_field"))
    captions = {name: caption.replace("{user_groups}", taste) for name, caption in CAPTIONS.items()}
    return template.substitute(
        title=escape(comparison.title),
        notes=f"<ul>{''.join(f'<li>{escape(note)}</li>' for note in comparison.notes)}</ul>" * bool(comparison.notes),
        table=_results(comparison),
        foot=escape(FOOT),
        figures="\n".join(_figure(caption, figures[name]) for name, caption in captions.items() if name in figures),
        methods=_words(["method", "model", "seeds", "settings"], methods),
        shared=_words(["setting", "value"], shared),
    )


def _results(comparison: Comparison) -> str:
    metrics = comparison.metrics
    lines = [_row("th", ["method", *(escape(f"{metric} {arrow_of(metric)}") for metric in metrics)])]
    for row in comparison.rows:
        lines.append(_row("td", [escape(name_of(row)), *(_cell(row.cells[str(metric)]) for metric in metrics)]))
        published = published_of(row, metrics)
        if published:
            lines.append(_row("td", [PUBLISHED, *published], f' class="{PUBLISHED}"'))
    return _table(lines)


def _cell(cell: Cell) -> str:
    mean = f"<b>{decimal(cell.mean)}</b>" if cell.best else decimal(cell.mean)
    small = [f"[{decimal(cell.interval[0])}, {decimal(cell.interval[1])}]"] if cell.interval else []
    small += [
        f"{name}: p {_p_value(value)}"
        for name, value in (("base", cell.p_base), ("others", cell.p_other))
        if value is not None
    ]
    return mean + escape(spread_of(cell) + cell.marks) + "".join(f"<small>{escape(line)}</small>" for line in small)


def _p_value(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"= {value:.3f}"


def _figure(caption: str, png: bytes) -> str:
    caption, data = escape(caption), base64.b64encode(png).decode("ascii")
    width = int.from_bytes(png[16:20], "big") * 2 // 3  # from the PNG's header: words of one size in all figures
    image = f'<img alt="{caption}" width="{width}" src="data:image/png;base64,{data}">'
    return f"<figure><figcaption>{caption}</figcaption>{image}</figure>"


def _settings(settings: dict[str, Any]) -> str:
    return ", ".join(f"{key}: {value}" for key, value in settings.items())


def _words(head: list[str], rows: list[list[str]]) -> str:
    return _table([_row("th", head), *(_row("td", [escape(text) for text in row]) for row in rows)], ' class="words"')


def _row(tag: str, cells: list[str], attributes: str = "") -> str:
    return f"<tr{attributes}>{''.join(f'<{tag}>{cell}</{tag}>' for cell in cells)}</tr>"


def _table(lines: list[str], attributes: str = "") -> str:
    body = "\n".join(lines)
    return f"<table{attributes}>\n{body}\n</table>"
