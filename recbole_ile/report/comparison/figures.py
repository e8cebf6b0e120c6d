"""Figures of a comparison's test results: user groups, item groups, and accuracy against fairness."""

from __future__ import annotations

import math
from typing import Any

from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MaxNLocator, PercentFormatter

from recbole_ile.experiments.comparison.summary import Cell, Comparison, Row
from recbole_ile.metric import Metric, split_name
from recbole_ile.report.comparison.layout import legend_below, name_ticks, panels, place_width
from recbole_ile.report.comparison.looks import looks
from recbole_ile.report.figures import named, with_direction

ACCURACY = ("hit", "mrr", "map", "recall", "ndcg", "precision")
"""Metrics of which one stands for all in the figure of the trade-off."""
MARGIN = 1.0
"""Inches of a panel left and right of its axes."""
Groups = dict[str, list[dict[str, Any]]]
EDGE = withStroke(linewidth=4, foreground="white")
"""Around a black line, to be seen on dark bars too."""


def user_groups(comparison: Comparison) -> Figure | None:
    """Draw UPD and nDCG by user group, a line a method; ``None`` if there are no user groups."""
    known = _shown(comparison, comparison.user_groups)
    if not known:
        return None
    groups = _names(known)
    size = (min(8.0, max(4.4, MARGIN + place_width(groups) * len(groups))), 3.6)
    figure, axes = panels(2, size, comparison.title)
    found = looks(comparison.rows)
    for panel, metric in zip(axes, ("upd", "ndcg"), strict=True):
        shown = metric
        for label, rows in known.items():
            shown = next((key for key in rows[0] if split_name(key)[0] == metric), shown)
            look = found[label]
            panel.plot(
                [groups.index(row["group"]) for row in rows],
                [row.get(shown, math.nan) for row in rows],
                label=named(look.name),
                color=look.colour,
                marker=look.marker,
                linestyle=look.line,
                markersize=6,
            )
        name_ticks(panel, groups, (size[0] - MARGIN) / len(groups))
        panel.set(xlabel="user group", ylabel=with_direction(Metric.parse(shown)))
        panel.grid(alpha=0.3)
    legend_below(figure, [(found[label].name, line) for label, line in zip(known, axes[0].lines, strict=True)])
    return figure


def item_groups(comparison: Comparison) -> Figure | None:
    """Draw the exposure that each method gives to each item group, and the group's share of training interactions.

    Returns:
        ``None`` if there are no item groups.
    """
    known = _shown(comparison, comparison.item_groups)
    if not known:
        return None
    groups = _names(known)
    slot = 0.86 / len(known)
    width = MARGIN + max(place_width(groups), 0.12 * len(known)) * len(groups)
    size = (min(16.0, max(7.0, width)), 3.8)
    figure, (panel,) = panels(1, size, comparison.title)
    found = looks(comparison.rows)
    line: dict[str, Any] = {"color": "black", "linewidth": 2}
    entries: list[tuple[str, Artist]] = [("share of training interactions", Line2D([], [], **line))]
    for position, (label, rows) in enumerate(known.items()):
        look = found[label]
        centres = [groups.index(row["group"]) + (position + 0.5) * slot - 0.43 for row in rows]
        fill: dict[str, Any] = {"facecolor": look.fill, "edgecolor": "white", "hatch": look.hatch, "linewidth": 0.5}
        panel.bar(centres, [row["exposure_share"] for row in rows], slot, label=named(look.name), **fill)
        trained = [row["training_share"] for row in rows]
        left, right = ([centre + side * slot / 2 for centre in centres] for side in (-1, 1))
        panel.hlines(trained, left, right, zorder=3, path_effects=[EDGE], **line)
        entries.append((look.name, Patch(**fill)))
    name_ticks(panel, groups, (size[0] - MARGIN) / len(groups))
    panel.set(xlabel="item group", ylabel="share of exposure", xlim=(-0.5, len(groups) - 0.5), ylim=(0, None))
    panel.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    panel.grid(alpha=0.3, axis="y")
    panel.set_axisbelow(True)
    legend_below(figure, entries)
    return figure


def trade_off(comparison: Comparison) -> Figure | None:
    """Draw the first metric against each that is none of accuracy: a point a method, hollow if published.

    Bars are the spread over seeds.

    Returns:
        ``None`` if no method has values of two metrics.
    """
    accuracy = comparison.metrics[0] if comparison.metrics else None
    others = [metric for metric in comparison.metrics[1:] if metric.name not in ACCURACY]
    fairness = [metric for metric in others if _points(comparison, metric)]
    if accuracy is None or not fairness:
        return None
    figure, axes = panels(len(fairness), (3.6, 3.4), comparison.title, sharey=True)
    found = looks(comparison.rows)
    drawn: dict[str, Artist] = {}
    published: Artist | None = None
    for position, (panel, metric) in enumerate(zip(axes, fairness, strict=True)):
        for row, x, y in _points(comparison, metric):
            look = found[row.label]
            style: dict[str, Any] = {"color": look.colour, "marker": look.marker, "linestyle": "", "markersize": 8}
            if row.base:
                panel.axvline(x.mean, color="0.6", linewidth=0.8, linestyle="--", zorder=0)
                panel.axhline(y.mean, color="0.6", linewidth=0.8, linestyle="--", zorder=0)
            bars = [None if math.isnan(cell.spread) else cell.spread for cell in (x, y)]
            panel.errorbar(x.mean, y.mean, xerr=bars[0], yerr=bars[1], elinewidth=1, capsize=2, **style)
            drawn.setdefault(look.name, Line2D([], [], **style))
            if x.published is not None and y.published is not None:
                panel.plot(x.published, y.published, markerfacecolor="none", **style)
                published = Line2D([], [], **{**style, "color": "0.3", "marker": "o"}, markerfacecolor="none")
        panel.set(xlabel=with_direction(metric), ylabel="" if position % 3 else with_direction(accuracy))
        panel.xaxis.set_major_locator(MaxNLocator(5))
        panel.grid(alpha=0.3)
    legend_below(figure, [*drawn.items(), *([("hollow: published", published)] if published else [])])
    return figure


def _points(comparison: Comparison, metric: Metric) -> list[tuple[Row, Cell, Cell]]:
    """Return the methods with values of a metric and of accuracy, and the two cells."""
    cells = [(row, row.cells[str(metric)], row.cells[str(comparison.metrics[0])]) for row in comparison.rows]
    return [(row, x, y) for row, x, y in cells if not math.isnan(x.mean) and not math.isnan(y.mean)]


def _shown(comparison: Comparison, by_group: Groups) -> Groups:
    """Return the methods that have groups, in the order of the table."""
    return {row.label: by_group[row.label] for row in comparison.rows if by_group.get(row.label)}


def _names(by_group: Groups) -> list[str]:
    return list(dict.fromkeys(row["group"] for rows in by_group.values() for row in rows))
