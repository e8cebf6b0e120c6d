"""Figures of results, readable in grey and without colour vision."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from recbole_ile.files import write_whole
from recbole_ile.metric import Bound, Metric
from recbole_ile.texts import printable, shortened

COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
LINES = ("-", "--", "-.", ":")


def plain(text: str) -> str:
    """Return a text for Matplotlib, which takes what stands between two dollar signs for mathematics.

    Its own line ends stay; control characters are shown as escapes.
    """
    return "\n".join(map(printable, text.split("\n"))).replace("$", r"\$")


def named(text: str) -> str:
    """Return the name of a line for a legend of Matplotlib: plain, of one line, cut if it is very long.

    Matplotlib leaves a name that begins with ``_`` out of legends; a zero-width space before it prevents that.
    """
    name = plain(shortened(printable(text)))
    return f"\u200b{name}" if name.startswith("_") else name


UNITS = {
    **dict.fromkeys(("upd", "miscalibration", "logloss"), "nats"),
    **dict.fromkeys(("ad", "itemcoverage"), "share of items"),
    "tailcoverage": "share of the tail",
    "aplt": "share of a list",
    "averagepopularity": "interactions",
}
"""What the values of a metric are in, of those that are no mere numbers from 0 to 1."""


def axis_title(metric: Metric) -> str:
    """Return what an axis of a metric is called: the metric, which values of it are better, and their unit."""
    unit = UNITS.get(metric.name)
    return f"{metric} ({metric.better.value} is better{f', {unit}' if unit else ''})"


def with_direction(metric: Metric) -> str:
    """Return ``axis_title`` for a figure of Matplotlib."""
    return plain(axis_title(metric))


def group_loss_figure(names: list[str], epochs: list[dict[str, Any]], title: str) -> Figure:
    """Draw the mean loss of each item group over the epochs, a line a group.

    Args:
        names: the ``G`` groups.
        epochs: for each epoch its number and its ``[G]`` mean losses, ``None`` for a group without any.
        title: what was trained on what.
    """
    figure = Figure(figsize=(6.0, 3.8), layout="constrained")
    axes = figure.subplots()
    places = max(1, len(epochs) // 12)
    for group, name in enumerate(names):
        known = [(epoch["epoch"] + 1, epoch["losses"][group]) for epoch in epochs if epoch["losses"][group] is not None]
        if not known:
            continue
        axes.plot(
            *zip(*known, strict=True),
            label=named(name),
            color=COLOURS[group % len(COLOURS)],
            linestyle=LINES[group % len(LINES)],
            marker=MARKERS[group % len(MARKERS)],
            markevery=places,
            markersize=4,
        )
    axes.set(xlabel="epoch", ylabel="mean training loss per interaction", title=named(title))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.grid(alpha=0.3)
    axes.legend(title="item group", frameon=False)
    return figure


def trade_off_figure(
    lines: dict[str, list[dict[str, float]]], accuracy: str, fairness: dict[str, str], title: str
) -> Figure:
    """Draw accuracy against each fairness metric, a line a method, its points in the order given.

    Args:
        lines: for each method its points, each a dictionary of metrics.
        accuracy: the metric on the vertical axis.
        fairness: the metrics on the horizontal axes, and what a reader calls them.
        title: of the whole figure.
    """
    figure = Figure(figsize=(3.6 * len(fairness), 3.8), layout="constrained")
    panels = figure.subplots(1, len(fairness), sharey=True, squeeze=False)[0]
    for axes, (metric, label) in zip(panels, fairness.items(), strict=True):
        for number, (name, points) in enumerate(lines.items()):
            axes.plot(
                [point[metric] for point in points],
                [point[accuracy] for point in points],
                label=named(name),
                color=COLOURS[number % len(COLOURS)],
                linestyle=LINES[number % len(LINES)] if len(points) > 1 else "",
                marker=MARKERS[number % len(MARKERS)],
                markersize=5 if len(points) > 1 else 9,
            )
        axes.set_xlabel(named(label))
        axes.grid(alpha=0.3)
    panels[0].set_ylabel(accuracy)
    figure.suptitle(named(title))
    handles, names = panels[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=len(names), frameon=False)
    return figure


def target_figure(wanted: str, course: list[dict[str, Any]], title: str) -> Figure:
    """Draw the metric of a fairness target over the epochs, and below it the weight that was adapted to it.

    Args:
        wanted: the target, ``upd@10<=0.07``.
        course: for each validation ``epoch``, ``value`` of the metric and ``ile_lambda`` after it.
        title: what was trained on what.
    """
    figure = Figure(figsize=(6.0, 4.6), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True)
    epochs = [entry["epoch"] + 1 for entry in course]
    bound = Bound.parse(wanted)
    above.plot(epochs, [entry["value"] for entry in course], color=COLOURS[0], label="validation")
    above.axhline(bound.limit, color="0.3", linestyle="--", label=f"target {wanted}")
    above.set(ylabel=with_direction(bound.metric), title=named(title))
    above.legend(frameon=False)
    below.plot(epochs, [entry["ile_lambda"] for entry in course], color=COLOURS[1], drawstyle="steps-post")
    below.set(xlabel="epoch", ylabel="ile_lambda", yscale="log")
    for ticks in (below.yaxis.set_major_formatter, below.yaxis.set_minor_formatter):
        ticks("{x:g}")
    below.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    for axes in (above, below):
        axes.grid(alpha=0.3)
    return figure


FAIR = {"upd": "o", "ad": "s", "ee": "^"}
"""The metrics of fairness that are drawn over weights, with their markers."""


def choice_figure(curve: list[dict[str, Any]], chosen: dict[str, float], title: str) -> Figure:
    """Draw metrics of the validation part over the weights that were tried, with those that were chosen.

    Args:
        curve: for each weight ``option``, ``weight``, ``value`` of the accuracy, and ``metrics`` where they are known.
        chosen: the weight of each option.
        title: what was ranked on what.
    """
    figure = Figure(figsize=(10.0, 3.2), layout="constrained")
    accuracy, fairness = figure.subplots(1, 2)
    figure.suptitle(named(title))
    for colour, option in zip(COLOURS, dict.fromkeys(entry["option"] for entry in curve), strict=False):
        entries = [entry for entry in curve if entry["option"] == option]
        weights = [entry["weight"] for entry in entries]
        accuracy.plot(weights, [entry["value"] for entry in entries], color=colour, marker=".", label=option)
        accuracy.axvline(chosen[option], color=colour, linestyle="--", label=f"chosen: {chosen[option]:.4g}")
        for (kind, marker), style in zip(FAIR.items(), ("-", "--", ":"), strict=True):
            for name in [name for name in entries[0].get("metrics", {}) if Metric.parse(name).name == kind]:
                values = [entry["metrics"][name] for entry in entries]
                label = f"{name}, {option}"
                fairness.plot(weights, values, color=colour, linestyle=style, marker=marker, label=label)
    accuracy.set(xlabel="weight", ylabel="accuracy on the validation part")
    fairness.set(xlabel="weight", ylabel="fairness on the validation part")
    accuracy.legend(frameon=False, fontsize="small")
    handles, labels = fairness.get_legend_handles_labels()
    if handles:
        figure.legend(handles, labels, frameon=False, fontsize="small", loc="outside right upper")
    for axes in (accuracy, fairness):
        axes.grid(alpha=0.3)
    return figure


def save_figure(figure: Figure, path: str | Path) -> None:
    """Write a figure in the format of the suffix, whole or not at all; the same figure gives the same bytes."""
    kind = Path(path).suffix.removeprefix(".")
    undated = {"CreationDate": None} if kind == "pdf" else {}
    write_whole(path, lambda temporary: figure.savefig(temporary, format=kind, dpi=150, metadata=undated))
