"""What all trainings of a sweep or a comparison have in common, read from its command line."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any, NamedTuple

from recbole.evaluator import metric_types, smaller_metrics
from recbole.utils import EvaluatorType

from recbole_ile.plugin.config import IleConfig
from recbole_ile.plugin.logs import quiet_recbole
from recbole_ile.plugin.properties import preset_file
from recbole_ile.plugin.registry import get_model
from recbole_ile.sweeping.selection import Objective

PACKAGED = "ml-100k"
"""The data set that comes with RecBole, wherever ``data_path`` points."""


class Settings(NamedTuple):
    """What was read.

    Attributes:
        model: its name.
        dataset: its name.
        fixed: every option that was given, in files or on the command line; paths hold in every folder.
        seed: of the first training.
        metrics: all that are evaluated, ``ndcg@10`` say.
        valid_metric: chooses the epoch.
    """

    model: str
    dataset: str
    fixed: dict[str, Any]
    seed: int
    metrics: list[str]
    valid_metric: Objective


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that tell the data set and the settings."""
    parser.add_argument("--dataset", "-d", help="a folder of --data_path; ml-100k comes with RecBole")
    parser.add_argument("--config_files", nargs="+", default=[], metavar="YAML", help="the later ones win")
    parser.add_argument("--preset", help="ready-made settings: paper, for ml-1m and goodreads")
    parser.epilog = (
        "Every key of RecBole's and this plugin's configuration is an option too, the same for all trainings."
    )


def read_settings(model: str | None, arguments: argparse.Namespace, options: dict[str, Any]) -> Settings:
    """Read files and options, the latter winning.

    Raises:
        InputError: for whatever is not known or not allowed.
    """
    files = [file for entry in arguments.config_files for file in ([entry] if Path(entry).is_file() else entry.split())]
    if arguments.preset:
        files = [preset_file(arguments.preset, arguments.dataset), *files]
    with quiet_recbole():
        if model:
            get_model(model)
        config = IleConfig(model, arguments.dataset, files, options)
    own = {key: value for key, value in config.external_config_dict.items() if key not in ("model", "dataset")}
    fixed = {key: _absolute(key, value) for key, value in own.items() if key != "checkpoint_dir"}
    if config["dataset"] != PACKAGED:
        fixed.setdefault("data_path", os.path.abspath("dataset"))
    metrics = [
        name
        for metric in config["metrics"]
        for name in (
            [f"{metric.lower()}@{k}" for k in config["topk"]]
            if metric_types[metric.lower()] is EvaluatorType.RANKING
            else [metric.lower()]
        )
    ]
    valid = Objective(config["valid_metric"].lower(), bool(config["valid_metric_bigger"]))
    return Settings(config["model"], config["dataset"], fixed, config["seed"], metrics, valid)


def objective(metric: str) -> Objective:
    """Return a metric with its own direction."""
    return Objective(metric, metric.partition("@")[0] not in smaller_metrics)


def _absolute(key: str, value: Any) -> Any:
    """Return a path as one that holds in every folder that a trial may work in."""
    is_path = key == "data_path" or (key.endswith("_path") and isinstance(value, str) and os.path.exists(value))
    return os.path.abspath(value) if is_path else value
