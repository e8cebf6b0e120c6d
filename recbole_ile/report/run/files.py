"""The files that a run leaves in its folder beside the checkpoint."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet

from recbole_ile.files import write_text, write_whole
from recbole_ile.plugin.output.run_folder import RESULT
from recbole_ile.report.csv_text import csv_text
from recbole_ile.report.json_text import without_nan


def write_run(result: dict[str, Any], config: Any, versions: dict[str, str], seconds: dict[str, float]) -> None:
    """Write what a run found out, and last ``result.json``.

    Where there are any, the group losses are ``group_losses.csv`` and ``.png``, the course of a weight that was steered
    ``ile_target.csv`` and ``.png``, and the weights that were tried for one of ``auto`` ``ranking.csv`` and ``.png``.

    All but ``seconds`` and the paths is the same for two runs with the same seed.
    """
    folder = Path(result["output_dir"])
    if result["group_losses"]:
        _write_group_losses(result, folder)
    if result.get("target_course"):
        _write_target(result, folder)
    if result.get("ranking"):
        _write_choice(result, folder)
    settings = {key: config[key] for key in sorted(config.final_config_dict)}
    content = {
        **result,
        "seed": config["seed"],
        "config": settings,
        "versions": versions,
        "seconds": {name: round(value, 3) for name, value in seconds.items()},
    }
    write_text(folder / RESULT, json.dumps(without_nan(content), indent=2, default=str) + "\n")


def write_users(users: pyarrow.Table, folder: Path) -> Path:
    """Write ``per_user.parquet`` into a run's folder and return its path.

    Args:
        users: the table of ``table_of_users``.
        folder: of the run.
    """
    path = folder / "per_user.parquet"
    write_whole(path, lambda temporary: pyarrow.parquet.write_table(users, temporary))
    return path


def write_run_page(
    result: dict[str, Any],
    numbers: dict[str, Any],
    config: Any,
    versions: dict[str, str],
    checkpoint: str | Path | None = None,
) -> Path:
    """Write ``report.html`` into a run's folder and return its path.

    Args:
        result: as ``run_recbole_ile`` returns it.
        numbers: what the page shows beyond it, as ``page_numbers`` returns it.
        config: of the run.
        versions: of what it stands on.
        checkpoint: what was evaluated without a training.
    """
    from recbole_ile.report.pages.frame import Made, data_in_words, typed  # plotly is slow to import
    from recbole_ile.report.run.page import run_page

    given = {key: value for key, value in config.external_config_dict.items() if key not in ("model", "dataset")}
    words = ["run", f"--model={result['model']}", f"--dataset={result['dataset']}"]
    words += [f"--checkpoint={checkpoint}"] if checkpoint else []
    words += ["--report", *(f"--{key}={value}" for key, value in given.items())]
    told = data_in_words(result["dataset"], {"data_path": given.get("data_path"), "eval_args": config["eval_args"]})
    counts = ", ".join(f"{number:,} {what}" for what, number in numbers["sizes"].items())
    told = f"{told}; {counts} interactions"
    path = Path(result["output_dir"]) / "report.html"
    write_text(path, run_page(result, numbers, Made(typed(words), told, versions)))
    return path


def _write_group_losses(result: dict[str, Any], folder: Path) -> None:
    from recbole_ile.report.figures import group_loss_figure, save_figure  # after training, which need not wait for it

    rows = [
        [epoch["epoch"], name, loss]
        for epoch in result["group_losses"]
        for name, loss in zip(result["group_names"], epoch["losses"], strict=True)
    ]
    write_text(folder / "group_losses.csv", csv_text(["epoch", "group", "mean_loss"], rows))
    title = f"{result['model']} on {result['dataset']}"
    save_figure(group_loss_figure(result["group_names"], result["group_losses"], title), folder / "group_losses.png")


def _write_choice(result: dict[str, Any], folder: Path) -> None:
    from recbole_ile.report.figures import choice_figure, save_figure

    ranking = result["ranking"]
    columns, curve = ["option", "weight", "value"], ranking["curve"]
    metrics = list(dict.fromkeys(name for entry in curve for name in entry.get("metrics", {})))
    rows = [
        [*(entry[name] for name in columns), *(entry.get("metrics", {}).get(name) for name in metrics)]
        for entry in curve
    ]
    write_text(folder / "ranking.csv", csv_text([*columns, *metrics], rows))
    title = f"{result['model']} on {result['dataset']}"
    save_figure(choice_figure(curve, ranking["chosen"], title), folder / "ranking.png")


def _write_target(result: dict[str, Any], folder: Path) -> None:
    from recbole_ile.report.figures import save_figure, target_figure

    columns = ["epoch", "value", "ile_lambda"]
    rows = [[entry[column] for column in columns] for entry in result["target_course"]]
    write_text(folder / "ile_target.csv", csv_text(columns, rows))
    title = f"{result['model']} on {result['dataset']}"
    save_figure(target_figure(result["target"]["wanted"], result["target_course"], title), folder / "ile_target.png")
