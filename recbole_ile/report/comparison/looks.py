"""How each method of a comparison looks in all of its figures."""

from __future__ import annotations

from typing import NamedTuple

from recbole_ile.experiments.comparison.summary import Row
from recbole_ile.report.figures import COLOURS, MARKERS

BASE_COLOUR, BASE_FILL = COLOURS[7], "0.45"
OTHER_COLOURS = COLOURS[:6]  # without yellow, too faint for a line, and black, the base's
OTHER_MARKERS = (*MARKERS[1:], "<", ">", "p", "h")
OTHER_LINES = ("-", "-.", ":", (0, (6, 1)))
OTHER_HATCHES = ("///", "\\\\\\", "...", "xxx", "---", "+++", "|||", "ooo", "OO", "**")


class Look(NamedTuple):
    """The name of a method in a legend, and what tells it from others with and without colour."""

    name: str
    colour: str
    fill: str
    marker: str
    line: str | tuple[int, tuple[int, ...]]
    hatch: str


def looks(rows: list[Row]) -> dict[str, Look]:
    """Return the look of each method by its label: the base black and dashed, no two others alike."""
    found = {}
    others = [row for row in rows if not row.base]
    for row in rows:
        if row.base:
            found[row.label] = Look(f"{row.label} (base)", BASE_COLOUR, BASE_FILL, MARKERS[0], "--", "")
            continue
        position = others.index(row)
        colour, marker, line, hatch = (
            kinds[position % len(kinds)] for kinds in (OTHER_COLOURS, OTHER_MARKERS, OTHER_LINES, OTHER_HATCHES)
        )
        found[row.label] = Look(row.label, colour, colour, marker, line, hatch)  # type: ignore[arg-type]
    return found
