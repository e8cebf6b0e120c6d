"""The files that describe a data set."""

from __future__ import annotations

import json
from pathlib import Path

from recbole_ile.experiments.data.description import Description
from recbole_ile.files import write_text
from recbole_ile.report.csv_text import csv_text
from recbole_ile.report.json_text import without_nan

CURVES = ("counts", "profiles")


def write_description(folder: Path, found: Description, name: str) -> list[Path]:
    """Write the description of a data set and its figures, and return the paths.

    ``description.json`` holds the tables, ``popularity.csv`` the training interactions of each rank of items;
    ``popularity.png`` and ``profiles.png`` draw them.

    Args:
        folder: where to; it is made.
        found: what is in the data set.
        name: of the data set.
    """
    from recbole_ile.report.data.figures import popularity_figure, profile_figure
    from recbole_ile.report.figures import save_figure

    folder.mkdir(parents=True, exist_ok=True)
    content = {"dataset": name, **{key: value for key, value in found._asdict().items() if key not in CURVES}}
    write_text(folder / "description.json", json.dumps(without_nan(content), indent=2) + "\n")
    ranks = [[rank, int(count)] for rank, count in enumerate(found.counts.tolist(), start=1)]
    write_text(folder / "popularity.csv", csv_text(["rank", "training_interactions"], ranks))
    save_figure(popularity_figure(found, f"{name}: popularity of items"), folder / "popularity.png")
    save_figure(profile_figure(found, f"{name}: profiles of users"), folder / "profiles.png")
    return [folder / each for each in ("description.json", "popularity.csv", "popularity.png", "profiles.png")]
