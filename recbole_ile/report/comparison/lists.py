"""The files that an evaluation of lists has besides those of a comparison."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

from recbole_ile.files import write_text
from recbole_ile.functional.breakdown import with_gap
from recbole_ile.report.csv_text import frame_text
from recbole_ile.report.json_text import without_nan


def write_lists_report(folder: Path, results: dict[str, dict[str, Any]], notes: list[str]) -> None:
    """Write ``metrics.csv``, ``user_groups.csv``, ``item_groups.csv`` and ``result.json``.

    Args:
        folder: where to; it is there.
        results: by list, as ``ListEvaluation`` has them.
        notes: what a reader must know.
    """
    metrics = [
        {"lists": name, "metric": metric, "value": value}
        for name, result in results.items()
        for metric, value in result["test_result"].items()
    ]
    write_text(folder / "metrics.csv", frame_text(pd.DataFrame(metrics)))
    for kind in ("user", "item"):
        rows = [
            {"lists": name, **row}
            for name, result in results.items()
            for row in with_gap(result[f"test_by_{kind}_group"])
        ]
        write_text(folder / f"{kind}_groups.csv", frame_text(pd.DataFrame(rows)))
    content = {"lists": results, "notes": notes}
    write_text(folder / "result.json", json.dumps(without_nan(content), indent=2) + "\n")
