"""What the benchmarks share: stock RecBole and this plugin on the same data, timed in alternation."""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import recbole.utils
import torch
from recbole.data import create_dataset, data_preparation
from recbole.evaluator import Collector, Evaluator, metrics
from rich.console import Console
from rich.table import Table

from recbole_ile.plugin.catalogue.model_names import ModelName
from recbole_ile.plugin.config.config import IleConfig, for_recbole
from recbole_ile.plugin.runs.preparation import build_model, prepare_data
from recbole_ile.plugin.training.trainer import get_trainer


class Run(NamedTuple):
    """A model ready to be trained, with its trainer and the loaders of its data."""

    model: Any
    trainer: Any
    train: Any
    valid: Any


def parser(description: str | None) -> argparse.ArgumentParser:
    """Return the parser of the options that every benchmark has."""
    options = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--dataset", default="ml-100k")
    options.add_argument("--data_path", default="dataset/")
    options.add_argument("--rounds", type=int, default=7)
    options.add_argument("--threads", type=int, default=2)
    return options


def settings(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return RecBole's options of a benchmark, and go where RecBole may leave its logs."""
    torch.set_num_threads(arguments.threads)
    options = {"dataset": arguments.dataset, "data_path": os.path.abspath(arguments.data_path), "state": "ERROR"}
    os.chdir(tempfile.mkdtemp())
    return options


def stock(name: str, options: dict[str, Any]) -> Run:
    """Return a run of RecBole as it comes; only the mended imports are this plugin's."""
    base = ModelName.parse(name).base
    config = IleConfig(base, config_dict={"fast_loader": False, **options})
    recbole.utils.init_seed(config["seed"], True)
    asked = for_recbole(config)
    train, valid, _ = data_preparation(asked, create_dataset(asked))
    recbole.utils.init_seed(config["seed"], True)
    model = recbole.utils.get_model(base)(config, train._dataset).to(config["device"])
    trainer = recbole.utils.get_trainer(config["MODEL_TYPE"], base)(config, model)
    own = {name.lower(): metric for name, metric in vars(metrics).items()}
    if all(name in own for name in trainer.evaluator.metrics):
        trainer.eval_collector, trainer.evaluator = Collector(config), Evaluator(config)
        trainer.evaluator.metric_class = {name: own[name](config) for name in trainer.evaluator.metrics}
    trainer.eval_collector.data_collect(train)
    return Run(model, trainer, train, valid)


def ours(name: str, options: dict[str, Any]) -> Run:
    """Return a run of this plugin."""
    config = IleConfig(name, config_dict=options)
    recbole.utils.init_seed(config["seed"], True)
    data = prepare_data(config)
    model = build_model(config, data)
    trainer = get_trainer(config)(config, model)
    trainer.eval_collector.data_collect(data.train)
    return Run(model, trainer, data.train, data.valid)


def timed(task: Callable[[], Any]) -> Callable[[], float]:
    """Return a function that does the task and returns the seconds that it took."""

    def take() -> float:
        started = time.perf_counter()
        task()
        return time.perf_counter() - started

    return take


def alternate(tasks: dict[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Take the seconds of every task once a round, the order turned around after each; the first round warms up."""
    taken: dict[str, list[float]] = {name: [] for name in tasks}
    for number in range(rounds + 1):
        for name in tasks if number % 2 else reversed(tasks):
            taken[name].append(tasks[name]())
    return {name: seconds[1:] for name, seconds in taken.items()}


def report(title: str, taken: dict[str, list[float]], base: str) -> None:
    """Print each task's seconds, and how many times faster than ``base`` it was: the median over the rounds."""
    table = Table(title=f"{title}, {len(taken[base])} rounds")
    for column in ("", "seconds, median", "smallest", f"times as fast as {base}", "smallest", "largest"):
        table.add_column(column, justify="right" if column else "left")
    for name, seconds in taken.items():
        ratios = [of_base / own for of_base, own in zip(taken[base], seconds, strict=True)]
        figures = (statistics.median(seconds), min(seconds), statistics.median(ratios), min(ratios), max(ratios))
        table.add_row(name, *(f"{figure:.3f}" for figure in figures))
    Console().print(table)


def peak_gib() -> float:
    """Return the largest resident memory of this process so far, in GiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
