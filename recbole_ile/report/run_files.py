"""The files that a run leaves in its folder beside the checkpoint."""

from __future__ import annotations

import csv
import io
import json
import math
from pathlib import Path
from typing import Any

from recbole_ile.files import write_text
from recbole_ile.plugin.run_folder import RESULT


def write_run(result: dict[str, Any], config: Any, versions: dict[str, str], seconds: dict[str, float]) -> None:
    """Write the group losses, where there are any, as ``group_losses.csv`` and ``.png``, the course of a
    weight that was steered as ``ile_target.csv`` and ``.png``, and last ``result.json``.

    All but ``seconds`` and the paths is the same for two runs with the same seed.
    """
    folder = Path(result["output_dir"])
    if result["group_losses"]:
        _write_group_losses(result, folder)
    if result.get("target_course"):
        _write_target(result, folder)
    settings = {key: config[key] for key in sorted(config.final_config_dict)}
    content = {
        **result,
        "seed": config["seed"],
        "config": settings,
        "versions": versions,
        "seconds": {name: round(value, 3) for name, value in seconds.items()},
    }
    write_text(folder / RESULT, json.dumps(_without_nan(content), indent=2, default=str) + "\n")


def _write_group_losses(result: dict[str, Any], folder: Path) -> None:
    from recbole_ile.report.figures import group_loss_figure, save_figure  # after training, which need not wait for it

    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["epoch", "group", "mean_loss"])
    for epoch in result["group_losses"]:
        for name, loss in zip(result["group_names"], epoch["losses"], strict=True):
            table.writerow([epoch["epoch"], name, loss])
    write_text(folder / "group_losses.csv", text.getvalue())
    title = f"{result['model']} on {result['dataset']}"
    save_figure(group_loss_figure(result["group_names"], result["group_losses"], title), folder / "group_losses.png")


def _write_target(result: dict[str, Any], folder: Path) -> None:
    from recbole_ile.report.figures import save_figure, target_figure

    text = io.StringIO()
    table = csv.DictWriter(text, ["epoch", "value", "ile_lambda"], lineterminator="\n")
    table.writeheader()
    table.writerows(result["target_course"])
    write_text(folder / "ile_target.csv", text.getvalue())
    title = f"{result['model']} on {result['dataset']}"
    save_figure(target_figure(result["target"]["wanted"], result["target_course"], title), folder / "ile_target.png")


def _without_nan(value: Any) -> Any:
    """Replace NaN, which JSON does not have, by nothing."""
    if isinstance(value, dict):
        return {str(key): _without_nan(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
