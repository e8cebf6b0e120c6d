"""Room for words in figures: names that fit their place, and a legend that gets the height it needs."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.textpath import TextPath

from recbole_ile.report.figures import plain
from recbole_ile.texts import one_line, shortened

SIZE, TITLE = 10.0, 12.0
"""Of the font in points, and of a figure's title."""
INCH = 72.0
"""Points in it."""
GAP, MAX_PLACE = 0.12, 1.3
"""Inches between two names, and for a place beyond which a word is broken."""
LONGEST_WRAPPED = 200
"""Characters of a text in several lines."""


def width_of(text: str, size: float = SIZE) -> float:
    """Return the inches that a line of text takes."""
    return float(TextPath((0, 0), plain(text), size=size).get_extents().width) / INCH if text.strip() else 0.0


def wrapped(text: str, inches: float, size: float = SIZE) -> str:
    """Return a text in lines of at most about ``inches``, for Matplotlib to show as it is in a font of that size."""
    text = shortened(one_line(text), LONGEST_WRAPPED)
    width = width_of(text, size)
    if width <= inches:
        return plain(text)
    # Measured, since capitals are twice as wide as other letters; the tenth is for lines of more capitals than others.
    return plain("\n".join(textwrap.wrap(text, max(1, int(0.9 * inches / width * len(text))))))


def panels(count: int, size: tuple[float, float], title: str, **options: Any) -> tuple[Figure, list[Axes]]:
    """Return a figure of at most three panels in a row.

    Args:
        count: number of panels.
        size: width and height of each in inches.
        title: of the whole figure.
        options: what ``Figure.subplots`` is to share.
    """
    columns = min(count, 3)
    rows = -(-count // columns)
    heading = wrapped(title, size[0] * columns - 0.3, TITLE)
    lines = heading.count("\n") + 1
    figure = Figure(figsize=(size[0] * columns, size[1] * rows + 0.2 * lines), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False, **options).ravel()
    for unused in grid[count:]:
        unused.remove()
    figure.suptitle(heading, fontsize=TITLE)
    return figure, list(grid[:count])


def place_width(names: Sequence[str]) -> float:
    """Return the inches that each of the places 0, 1, … of a horizontal axis needs for its name."""
    longest = max((width_of(word) for name in names for word in name.split()), default=0.0)
    return min(max(longest + GAP, 0.5), MAX_PLACE)


def name_ticks(axes: Axes, names: Sequence[str], inches: float) -> None:
    """Name the places 0, 1, … of a horizontal axis, upright where their words do not fit.

    Args:
        axes: the panel.
        names: of the places.
        inches: width of a place.
    """
    upright = inches < min(place_width(names), 0.7)
    shown = [wrapped(name, 1.8 if upright else inches - GAP) for name in names]
    axes.set_xticks(range(len(names)), shown, rotation=90 if upright else 0)


def legend_below(figure: Figure, entries: list[tuple[str, Artist]]) -> None:
    """Put a legend under the panels in as many columns as fit, and make the figure higher by its height.

    Args:
        figure: what it explains.
        entries: names and what stands for them.
    """
    width = figure.get_figwidth()
    names = [wrapped(name, width - 0.8) for name, _ in entries]
    for columns in range(len(entries), 0, -1):
        style: dict[str, Any] = {"loc": "outside lower center", "ncols": columns, "handlelength": 2.8, "frameon": False}
        legend = figure.legend([artist for _, artist in entries], names, **style)
        box = legend.get_window_extent()
        if box.width <= figure.bbox.width or columns == 1:
            figure.set_figheight(figure.get_figheight() + box.height / figure.dpi)
            return
        legend.remove()
