"""Figure of a comparison's trainings: the loss of each item group beside the base's."""

from __future__ import annotations

from typing import Any

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from recbole_ile.experiments.comparison.summary import Comparison
from recbole_ile.report.comparison.layout import legend_below, panels, wrapped
from recbole_ile.report.figures import COLOURS, MARKERS, named


def group_losses(comparison: Comparison) -> Figure | None:
    """Draw the mean loss of each item group over the epochs, a panel a method, the base dashed in each.

    Returns:
        ``None`` if no method has any.
    """
    base = next((row.label for row in comparison.rows if row.base), None)
    known = {label: found for label, found in comparison.group_losses.items() if found[1]}
    others = [label for label in known if label != base]
    if not known:
        return None
    groups = list(dict.fromkeys(name for names, _ in known.values() for name in names))
    styles: dict[str, dict[str, Any]] = {
        name: {"color": COLOURS[position % len(COLOURS)], "marker": MARKERS[(position + position // 8) % len(MARKERS)]}
        for position, name in enumerate(groups)
    }
    size = (3.6, 3.0) if len(others) > 1 else (6.0, 3.8)
    figure, axes = panels(len(others) or 1, size, comparison.title, sharex=True, sharey=True)
    for position, panel in enumerate(axes):
        label = others[position] if others else None
        for drawn in (base, label):
            if drawn in known:
                _draw(panel, *known[drawn], styles, drawn == base)
        if label and len(others) > 1:
            panel.set_title(wrapped(label, size[0] - 0.7), fontsize="medium")
        panel.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        panel.set(
            xlabel="epoch" if position + 3 >= len(axes) else "",
            ylabel="" if position % 3 else "mean training loss per interaction",
        )
        panel.tick_params(labelbottom=True)
        panel.grid(alpha=0.3)
    entries: list[tuple[str, Artist]] = [(name, Line2D([], [], **style)) for name, style in styles.items()]
    if base in known:
        entries.append((f"{base} (base)", Line2D([], [], color="0.3", marker="o", **_line(True, 1))))
    if others:
        name = others[0] if len(others) == 1 else "the panel's method"
        entries.append((name, Line2D([], [], color="0.3", marker="o", **_line(False, 1))))
    legend_below(figure, entries)
    return figure


def _draw(
    panel: Axes, names: list[str], epochs: list[dict[str, Any]], styles: dict[str, dict[str, Any]], base: bool
) -> None:
    known = [each for each in epochs if each["losses"] is not None]
    for group, name in enumerate(names):
        found = [(each["epoch"] + 1, each["losses"][group]) for each in known if each["losses"][group] is not None]
        if found:
            panel.plot(*zip(*found, strict=True), label=named(name), **_line(base, len(found)), **styles[name])


def _line(base: bool, points: int) -> dict[str, Any]:
    kind = {"linestyle": "--", "markerfacecolor": "white", "linewidth": 1.1} if base else {"linestyle": "-"}
    return {"markevery": max(1, points // 10), "markersize": 4, **kind}
