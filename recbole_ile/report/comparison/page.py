"""The page of a comparison: tables and figures in one file that needs no network."""

from __future__ import annotations

from pathlib import Path
from string import Template
from typing import Any

from recbole_ile.experiments.comparison.summary import FOOT, Cell, Comparison
from recbole_ile.report.comparison.tables import PUBLISHED, arrow_of, name_of, published_of, spread_of
from recbole_ile.report.pages.elements import escape, folded, image, row, table, text_table
from recbole_ile.report.pages.frame import Made, framed
from recbole_ile.report.pages.groups import groups_of_several
from recbole_ile.report.tables import decimal, user_groups

CAPTIONS = {
    "trade_off": "Accuracy against the other metrics; bars are the standard deviation over seeds, broken lines mark "
    "the base.",
    "group_losses": "Mean training loss of each item group, of each method's first seed.",
    "user_groups": "UPD and nDCG by user group, {user_groups}.",
    "item_groups": "Exposure of each item group against its share of the training interactions.",
}
"""What each figure shows, in the order of the page; what user groups are of is put in its place."""


def comparison_page(comparison: Comparison, figures: dict[str, bytes], made: Made | None = None) -> str:
    """Return the page.

    Args:
        comparison: what it says.
        figures: PNG files by the names in ``CAPTIONS``, as many as there are.
        made: how it was made, if that is known.
    """
    template = Template(Path(__file__).with_name("page.html").read_text(encoding="utf-8"))
    methods = [
        [name_of(each), each.model, ", ".join(map(str, each.seeds)), _settings(each.settings)]
        for each in comparison.rows
    ]
    shared = [[key, str(value)] for key, value in comparison.settings.items()]
    main = template.substitute(
        table=_results(comparison),
        foot=escape(FOOT),
        figures=_figures(comparison, figures),
        methods=text_table("Settings of each method", ["method", "model", "seeds", "settings"], methods, "words"),
        shared=text_table("Settings that all share", ["setting", "value"], shared, "words"),
    )
    notes = "".join(f"<li>{escape(note)}</li>" for note in comparison.notes)
    return framed(comparison.title, main, made, lead=f"<ul>{notes}</ul>" if notes else "")


def _figures(comparison: Comparison, figures: dict[str, bytes]) -> str:
    """Return the figures, those of groups with their numbers below them."""
    taste = user_groups(comparison.settings.get("user_group_field"))
    numbers = {"user_groups": comparison.user_groups, "item_groups": comparison.item_groups}
    parts = ["<h2>Figures</h2>"] if figures else []
    for name, caption in CAPTIONS.items():
        if name not in figures:
            continue
        parts.append(image(caption.replace("{user_groups}", taste), figures[name]))
        by_group = {label: rows for label, rows in numbers.get(name, {}).items() if rows}
        if by_group:
            what = name.replace("_", " ")
            parts.append(
                folded(f"Numbers by {what.removesuffix('s')}", groups_of_several(f"Test part by {what}", by_group))
            )
    return "\n".join(parts)


def _results(comparison: Comparison) -> str:
    metrics = comparison.metrics
    lines = []
    for each in comparison.rows:
        lines.append(row([escape(name_of(each)), *(_cell(each.cells[str(metric)]) for metric in metrics)]))
        published = published_of(each, metrics)
        if published:
            lines.append(row([PUBLISHED, *published], PUBLISHED))
    return table("Test part", ["method", *(f"{metric} {arrow_of(metric)}" for metric in metrics)], lines)


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


def _settings(settings: dict[str, Any]) -> str:
    return ", ".join(f"{key}: {value}" for key, value in settings.items())
