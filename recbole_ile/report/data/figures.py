"""Figures of a data set: the popularity curve of its items and the sizes of its users' profiles."""

from __future__ import annotations

import itertools

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from recbole_ile.experiments.data.description import Description
from recbole_ile.report.figures import COLOURS, LINES, named

_POINTS = 2000
"""Places of a curve that are drawn, however many items there are."""


def popularity_figure(found: Description, title: str) -> Figure:
    """Draw the training interactions of items by their rank, and the share of all that the first ranks have.

    Args:
        found: what is in the data set.
        title: of the figure.
    """
    figure = Figure(figsize=(9.0, 3.8), layout="constrained")
    curve, whole = figure.subplots(1, 2)
    counts = found.counts
    places = _places(len(counts))
    curve.step(places + 1, counts[places], where="mid", color=COLOURS[0])
    curve.set(xlabel="rank of the item", ylabel="training interactions", xscale="log", yscale="symlog")
    curve.set_ylim(bottom=0)
    shares = 100 * np.cumsum(counts) / max(counts.sum(), 1)
    whole.plot(100 * (places + 1) / len(counts), shares[places], color=COLOURS[0])
    whole.plot([0, 100], [0, 100], color="grey", linestyle=":", label="all items alike")
    whole.set(xlabel="% of the items, the most popular first", ylabel="% of the training interactions")
    _mark_groups(found, curve, whole)
    for axes in (curve, whole):
        axes.grid(alpha=0.3)
    whole.legend(frameon=False, fontsize="small", loc="lower right")
    figure.suptitle(named(title))
    return figure


def profile_figure(found: Description, title: str) -> Figure:
    """Draw how many users have how many training interactions, in bins whose widths grow as the numbers do.

    Args:
        found: what is in the data set.
        title: of the figure.
    """
    figure = Figure(figsize=(6.0, 3.8), layout="constrained")
    axes = figure.subplots()
    lengths = found.profiles[found.profiles > 0]
    edges = np.unique(
        np.geomspace(lengths.min(initial=lengths.max(initial=1)), lengths.max(initial=1) + 1, 40).astype(int)
    )
    axes.hist(lengths, bins=edges.tolist(), color=COLOURS[0], edgecolor="white", linewidth=0.5)
    for name, line in (("median", LINES[1]), ("mean", LINES[2])):
        value = found.profile_sizes[name]
        axes.axvline(value, color=COLOURS[7], linestyle=line, label=f"{name} {value:.4g}")
    axes.set(xlabel="training interactions of a user", ylabel="users", xscale="log", title=named(title))
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    return figure


def _mark_groups(found: Description, curve: Axes, whole: Axes) -> None:
    """Draw where one item group ends and the next begins, if groups are cut from the ranking of the items."""
    groups = [row for row in found.item_groups if row["items"]]
    falling = all(before["least"] >= after["most"] for before, after in itertools.pairwise(groups))
    if not falling:
        return
    ends = np.cumsum([row["items"] for row in groups])
    for number, (row, end) in enumerate(zip(groups[:-1], ends[:-1], strict=True)):
        colour, style = COLOURS[1 + number % 5], LINES[1 + number % 3]
        curve.axvline(end + 0.5, color=colour, linestyle=style, linewidth=1.0)
        label = f"end of {named(str(row['group']))}"
        whole.axvline(100 * end / len(found.counts), color=colour, linestyle=style, linewidth=1.0, label=label)


def _places(length: int) -> np.ndarray:
    """Return ascending positions of a curve of a length, close to each other at its beginning."""
    return np.unique(np.geomspace(1, max(length, 1), _POINTS).astype(int)) - 1
