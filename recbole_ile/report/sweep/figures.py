"""Figures of a sweep: accuracy against fairness with the front, and every metric against the swept number."""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

from matplotlib.figure import Figure

from recbole_ile.experiments.sweep.selection import Candidate
from recbole_ile.metric import Metric
from recbole_ile.report.figures import COLOURS, LINES, MARKERS, named, with_direction

MOST_BARS = 30
"""Settings beyond which the standard deviations over seeds would hide the points."""
SHADES = (*COLOURS[:6], "#8B4513", COLOURS[7])  # brown for yellow, which is too faint for a line


def line_of(each: Candidate) -> str:
    """Return the name of the line that a setting belongs to: its method, or its values that are no numbers."""
    if each.baseline or each.method:
        return "baseline" if each.baseline else each.method
    words = [str(value) for value in each.point.values() if not _is_number(value)]
    return ", ".join(words) or ", ".join(each.point) or "setting"


class Style(NamedTuple):
    """How a line of the figures looks."""

    color: str
    marker: str
    joined: str


def styles(found: list[Candidate], several: bool) -> dict[str, Style]:
    """Return how each line looks, by its name.

    Args:
        found: the settings.
        several: whether they are of several models: then the colour tells the base model and the marker the method
            on it; otherwise both tell the line.
    """
    lines: dict[str, list[Candidate]] = {}
    for each in found:
        lines.setdefault(line_of(each), []).append(each)
    colours: dict[str, int] = {}
    of_base: Counter[str] = Counter()
    looks = {}
    for position, name in enumerate(sorted(lines)):
        base = lines[name][0].model.base
        colour, shape = position, position
        if several:
            colour, shape = colours.setdefault(base, len(colours)), of_base[base]
            of_base[base] += 1
        looks[name] = Style(SHADES[colour % len(SHADES)], MARKERS[shape % len(MARKERS)], LINES[shape % len(LINES)])
    return looks


def swept_number(found: list[Candidate]) -> str | None:
    """Return the key of a number with the most different values."""
    values: dict[str, set[Any]] = {}
    for each in found:
        for key, value in each.point.items():
            if _is_number(value):
                values.setdefault(key, set()).add(value)
    several = {key: len(different) for key, different in values.items() if len(different) > 1}
    return max(several, key=lambda key: several[key], default=None)


def sweep_figure(
    found: list[Candidate], objectives: list[Metric], fairness: list[Metric], title: str, several: bool = False
) -> Figure:
    """Draw accuracy against each fairness metric: a line a distance, the front, the recommendation and the baseline.

    Args:
        found: the settings, with validation means and, unless they are many, the standard deviations over seeds.
        objectives: what the front was chosen by; the first, accuracy, is the vertical axis.
        fairness: the horizontal axis of each panel.
        title: of the whole figure.
        several: whether they are of several models.
    """
    looks = styles(found, several)
    accuracy = objectives[0]
    figure = Figure(figsize=(4.0 * len(fairness), 4.4), layout="constrained")
    panels = figure.subplots(1, len(fairness), sharey=True, squeeze=False)[0]
    number = swept_number(found)
    lines: dict[str, list[Candidate]] = {}
    for each in found:
        lines.setdefault(line_of(each), []).append(each)
    for axes, metric in zip(panels, fairness, strict=True):
        for name, members in sorted(lines.items()):
            label: str | None = named(name)
            look = looks[name]
            for ordered in series_of(members, number):
                xs, ys, dx, dy = (
                    [getattr(each, part)[str(one)] for each in ordered]
                    for part, one in (("mean", metric), ("mean", accuracy), ("spread", metric), ("spread", accuracy))
                )
                style = {"color": look.color, "marker": look.marker}
                joined = look.joined if len(ordered) > 1 else ""
                bars = {"xerr": dx, "yerr": dy} if len(found) <= MOST_BARS else {}
                axes.errorbar(xs, ys, **bars, label=label, linestyle=joined, markersize=5, elinewidth=0.7, **style)
                label = None
        front = sorted((each.mean[str(metric)], each.mean[str(accuracy)]) for each in found if each.front)
        joined = "-" if len(objectives) == 2 and metric in objectives else ""  # of more, no panel shows a line
        halo = {"color": "0.35", "alpha": 0.25, "zorder": 0, "marker": "o", "markersize": 12, "linewidth": 5}
        axes.plot(*zip(*front, strict=True), linestyle=joined, label="front", **halo)
        for each in found:
            if each.recommended:
                place_of = (each.mean[str(metric)], each.mean[str(accuracy)])
                ring = {"marker": "o", "markersize": 14, "markerfacecolor": "none", "markeredgecolor": "black"}
                axes.plot(*place_of, linestyle="", label="recommended", **ring)
        axes.set_xlabel(with_direction(metric))
        axes.grid(alpha=0.3)
    panels[0].set_ylabel(f"{with_direction(accuracy)}, validation")
    figure.suptitle(named(title))
    handles, names = panels[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=min(len(names), 6), frameon=False)
    return figure


def lambda_figure(found: list[Candidate], metrics: list[Metric], title: str, several: bool = False) -> Figure | None:
    """Draw each metric against the swept number, a line a distance; ``None`` if no number was swept."""
    number = swept_number(found)
    if number is None:
        return None
    figure = Figure(figsize=(3.6 * len(metrics), 3.6), layout="constrained")
    panels = figure.subplots(1, len(metrics), squeeze=False)[0]
    lines: dict[str, list[Candidate]] = {}
    for each in found:
        if number in each.point and not each.baseline:
            lines.setdefault(line_of(each), []).append(each)
    base = next((each for each in found if each.baseline), None)
    looks = styles([each for members in lines.values() for each in members], several)
    for axes, metric in zip(panels, metrics, strict=True):
        for name, members in sorted(lines.items()):
            label: str | None = named(name)
            for ordered in series_of(members, number):
                axes.errorbar(
                    [float(each.point[number]) for each in ordered],
                    [each.mean[str(metric)] for each in ordered],
                    yerr=[each.spread[str(metric)] for each in ordered],
                    label=label,
                    color=looks[name].color,
                    marker=looks[name].marker,
                    linestyle=looks[name].joined,
                    markersize=4,
                    elinewidth=0.7,
                )
                label = None
        if base is not None:
            axes.axhline(base.mean[str(metric)], color="0.5", linewidth=1, linestyle=":", label="baseline")
        axes.set(xlabel=named(number), ylabel=with_direction(metric))
        axes.grid(alpha=0.3)
    figure.suptitle(named(title))
    handles, names = panels[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=min(len(names), 6), frameon=False)
    return figure


def series_of(members: list[Candidate], number: str | None) -> list[list[Candidate]]:
    """Return the settings that differ in nothing but a number, each series in its order."""
    found: dict[str, list[Candidate]] = {}
    for each in members:
        found.setdefault(repr([(key, value) for key, value in each.point.items() if key != number]), []).append(each)
    return [sorted(series, key=lambda each: float(each.point.get(number or "", 0))) for series in found.values()]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
