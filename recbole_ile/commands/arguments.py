"""What the command line says: options that several commands share, and the options of the configuration."""

from __future__ import annotations

import argparse
import contextlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recbole_ile.errors import InputError, near_miss
from recbole_ile.metric import Metric
from recbole_ile.plugin.catalogue.metric_keys import evaluated
from recbole_ile.plugin.catalogue.model_names import ModelName
from recbole_ile.plugin.catalogue.models import get_model
from recbole_ile.plugin.catalogue.properties import preset_file
from recbole_ile.plugin.config.config import IleConfig
from recbole_ile.plugin.output.logs import quiet_recbole

PACKAGED = "ml-100k"
"""The data set that comes with RecBole, wherever ``data_path`` points."""


@dataclass(frozen=True)
class Settings:
    """What all trainings of a sweep or a comparison have in common.

    Attributes:
        model: its name.
        dataset: its name.
        fixed: every option that was given, in files or on the command line; paths hold in every folder.
        seed: of the first training.
        metrics: all that are evaluated, ``ndcg@10`` say.
        valid_metric: chooses the epoch.
    """

    model: ModelName
    dataset: str
    fixed: dict[str, Any]
    seed: int
    metrics: list[str]
    valid_metric: Metric


def parse_options(arguments: list[str]) -> dict[str, str]:
    """Read what is left of a command line as options of the configuration; values stay strings.

    Raises:
        InputError: for a word that is no option, an option without a value, or one given twice with
            different values.
    """
    options: dict[str, str] = {}
    words = iter(arguments)
    for word in words:
        if not word.startswith("--") or word == "--":
            raise InputError(f"unexpected argument {word}; an option is written --key=value or --key value")
        key, equals, value = word[2:].partition("=")
        if not equals:
            following = next(words, None)
            if following is None or following.startswith("--"):
                raise InputError(f"option --{key} has no value; write --{key}=value")
            value = following
        if options.get(key, value) != value:
            raise InputError(f"option --{key} is given twice, as {options[key]} and as {value}")
        options[key] = value
    return options


def first_given(arguments: argparse.Namespace, names: Iterable[str]) -> str | None:
    """Return the first of these options that the command line has, ``None`` if it has none.

    Args:
        arguments: of a parser in which none of them has a default, which ``fill_in`` sets later.
        names: of the options.
    """
    return next((name for name in names if getattr(arguments, name) is not None), None)


def fill_in(arguments: argparse.Namespace, defaults: Mapping[str, Any]) -> None:
    """Set the options that the command line does not have."""
    for name, value in defaults.items():
        if getattr(arguments, name) is None:
            setattr(arguments, name, value)


def add_settings_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that tell the data set and the settings."""
    parser.add_argument("--dataset", "-d", help="a folder of --data_path; ml-100k comes with RecBole")
    parser.add_argument("--config_files", nargs="+", metavar="YAML", help="the later ones win")
    parser.add_argument("--preset", help="ready-made settings: paper, for ml-1m and goodreads")
    parser.epilog = (
        "Every key of RecBole's and this plugin's configuration is an option too, the same for all trainings."
    )


def read_settings(model: str | None, arguments: argparse.Namespace, options: dict[str, Any]) -> Settings:
    """Read files and options, the latter winning.

    Raises:
        InputError: for whatever is not known or not allowed.
    """
    files = separate_files(arguments.config_files or [])
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
    metrics = [name.lower() for name in evaluated(config["metrics"], config["topk"])]
    valid = Metric.parse(config["valid_metric"])
    return Settings(config.name, config["dataset"], fixed, config["seed"], metrics, valid)


def separate_files(entries: list[str]) -> list[str]:
    """Return the names of files, of which one entry may hold several with spaces between, as RecBole's may."""
    return [file for entry in entries for file in ([entry] if Path(entry).is_file() else entry.split())]


def _absolute(key: str, value: Any) -> Any:
    """Return a path as one that holds in every folder that a trial may work in."""
    is_path = key == "data_path" or (key.endswith("_path") and isinstance(value, str) and os.path.exists(value))
    return os.path.abspath(value) if is_path else value


def out_file(text: str, suffixes: tuple[str, ...], folder: bool | None = None) -> Path:
    """Return the path of ``--out``, a file that can be written.

    Args:
        text: what was given.
        suffixes: of which it ends in one.
        folder: whether it means a folder, where it may; ``None`` where it may not.

    Raises:
        InputError: for another suffix, a folder, or a file in a folder that is not there.
    """
    path = Path(text)
    if path.suffix not in suffixes and not folder:
        miss, else_ = near_miss(path.suffix, suffixes), "" if folder is None else ", or in / for a folder"
        raise InputError(f"option out={text} is not allowed{miss}; it ends in {' or '.join(suffixes)}{else_}")
    if not path.parent.is_dir():
        known = [folder.name for folder in path.parent.parent.glob("*/")] if path.parent.parent.is_dir() else []
        miss = near_miss(path.parent.name, known)
        raise InputError(f"option out={text}: the folder {path.parent} does not exist{miss}")
    if path.is_dir() and not folder:
        raise InputError(f"option out={text} is a folder; it takes a file")
    return path


def length_of_lists(text: str) -> int:
    """Return what ``--k`` says.

    Raises:
        InputError: if that is no whole number of at least 1.
    """
    if not text.isdecimal() or int(text) < 1:
        raise InputError(f"option k={text} is not allowed; it takes a whole number of at least 1")
    return int(text)


def add_machine_arguments(parser: argparse.ArgumentParser, at_once: str) -> None:
    """Add the options that say where trainings run; ``at_once`` names the one for how many at a time."""
    machines = parser.add_argument_group("where to run")
    machines.add_argument(
        "--address",
        help="a Ray cluster: local, auto or ray://<host>:10001; default processes of this machine, and Ray where GPUs, "
        "Optuna or ASHA need it",
    )
    machines.add_argument(
        f"--{at_once}", type=int, dest="at_once", metavar="N", help="trainings at a time; default as many as fit"
    )
    machines.add_argument("--cpus_per_trial", type=float, default=1.0)
    machines.add_argument("--gpus_per_trial", type=float, help="fractions allowed; default 1 where there are GPUs")
    machines.add_argument("--max_failures", type=int, default=3, help="times a training is tried again after a crash")
    machines.add_argument("--verbose", action="store_true", help="let Ray say what it does")
    parser.set_defaults(at_once_option=at_once)


def trial_workers(arguments: argparse.Namespace, needs_ray: bool = False) -> contextlib.AbstractContextManager[Any]:
    """Return what trials run in, as the options of ``add_machine_arguments`` say.

    Raises:
        InputError: if there is no such cluster, or no machine with as much.
    """
    from recbole_ile.experiments.engine.workers import workers

    numbers = (arguments.cpus_per_trial, arguments.gpus_per_trial, arguments.at_once)
    return workers(arguments.address, arguments.verbose, needs_ray, *numbers)


def check_machine_arguments(arguments: argparse.Namespace) -> None:
    """Refuse numbers of machines and trainings that mean nothing.

    Raises:
        InputError: names the option, the value and what is allowed.
    """
    for name, option, lowest in (
        ("at_once", arguments.at_once_option, 1),
        ("max_failures", "max_failures", 0),
    ):
        value = getattr(arguments, name)
        if value is not None and value < lowest:
            raise InputError(f"option {option}={value} is not allowed; it is at least {lowest}")
    for option in ("cpus_per_trial", "gpus_per_trial"):
        value = getattr(arguments, option)
        if value is not None and (value < 0 or (option == "cpus_per_trial" and value == 0)):
            raise InputError(f"option {option}={value:g} is not allowed; it is above 0")
