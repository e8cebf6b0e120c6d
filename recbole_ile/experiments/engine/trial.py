"""What one trial of a sweep does, wherever it runs: train once, and evaluate under each setting of ranking."""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, NamedTuple

import pandas as pd
import torch

from recbole_ile.errors import DamagedCheckpoint, InputError
from recbole_ile.experiments.engine.shared_data import SharedData, share, take
from recbole_ile.experiments.engine.telling import Telling
from recbole_ile.experiments.sweep.space import Point, spread_out
from recbole_ile.plugin.checkpoints.files import read_checkpoint
from recbole_ile.plugin.config.config import IleConfig
from recbole_ile.plugin.data.loaders.training import TrainingBatches
from recbole_ile.plugin.evaluation.breakdown import split_by_group, split_by_user
from recbole_ile.plugin.evaluation.evaluator import RanksItself
from recbole_ile.plugin.output.logs import quiet_recbole
from recbole_ile.plugin.runs.pipeline import train
from recbole_ile.plugin.runs.preparation import PreparedData, build_model, prepare_data
from recbole_ile.plugin.runs.restoring import restore
from recbole_ile.plugin.training.seeding import seed_everything
from recbole_ile.plugin.training.trainer import get_trainer

QUIET = {"show_progress": False, "state": "ERROR"}


class UnusableModel(Exception):
    """The file of a trained model that it cannot be made from."""


class Limit(NamedTuple):
    """The time in which a trained model is evaluated.

    Attributes:
        seconds: from the end of its training on.
        until: the moment, as ``time.time`` tells it, at which it is through.
    """

    seconds: float
    until: float

    def allows(self, trained: float, taken: float) -> bool:
        """Tell whether an evaluation that takes some seconds may begin, of a model that was trained at a moment."""
        now = time.time()
        return now < trained + self.seconds and now + taken < self.until


class Task(NamedTuple):
    """What all trials of a sweep have in common; a training may name another model for the same data.

    Attributes:
        every_validation: whether the scheduler is told of each, as ``Telling`` says.
        limit: the time for the settings of ranking of one model beyond the first; ``None`` for as long as it takes.
    """

    model: str
    dataset: str
    options: dict[str, Any]
    data_keys: list[str]
    metrics: list[str]
    threads: int
    drawing: str
    every_validation: bool = False
    limit: Limit | None = None


class Asked(NamedTuple):
    """A setting of ranking that a trained model is evaluated under, and whether each user is wanted, too."""

    ranking: Point
    users: bool


Evaluated = tuple[dict[str, Any], pd.DataFrame | None]
"""Of a setting ``ranking``, ``metrics``, ``by_user_group`` and ``by_item_group``, and a table of users if wanted."""


def data_signature(task: Task, training: Point) -> str:
    """Return a name of the data set that a training needs, the same for all that need the same."""
    return json.dumps({key: training[key] for key in task.data_keys if key in training}, sort_keys=True, default=str)


def read_shared(task: Task, training: Point) -> SharedData | str:
    """Read the data set that a training needs, or return the reason why there is none."""
    try:
        with quiet_recbole():
            return share(configuration(task, {key: training[key] for key in task.data_keys if key in training}, {}))
    except InputError as error:
        return str(error)


def configuration(task: Task, training: Point, ranking: Point, **further: Any) -> IleConfig:
    """Return the configuration of a point.

    Raises:
        InputError: for a value that is not allowed.
    """
    settings = {**task.options, **QUIET, **training, **ranking, **further}
    return IleConfig(settings.pop("model", task.model), task.dataset, config_dict=settings)


@contextmanager
def trained(
    asked: dict[str, Any],
    task: Task,
    shared: SharedData | str,
    report: Callable[[dict[str, Any]], object],
) -> Iterator[tuple[dict[str, Any], str | None]]:
    """Train what is asked for, and evaluate it under each setting of ranking.

    Input that is wrong makes the outcome a failed one with its reason; whatever else goes wrong is raised.

    Args:
        asked: ``id``, ``training`` and ``ranking`` of the trial.
        task: what is common to all trials.
        shared: the data set of the training, or the reason why there is none.
        report: is told of validations, as ``Telling`` does.

    Yields:
        The outcome, and the file of the trained model, which goes when the context ends; ``None`` if it failed.
    """
    torch.set_num_threads(task.threads)
    started = time.time()
    with tempfile.TemporaryDirectory() as folder, inside(folder):
        with quiet_recbole():
            try:
                outcome, model = _train(asked, task, shared, folder, report)
            except InputError as error:
                outcome = {"status": "failed", "reason": str(error), "metrics": {}, "points": []}
                model = None
        outcome["seconds"] = {**outcome.get("seconds", {}), "total": round(time.time() - started, 3)}
        yield outcome, model


def evaluate_trained(
    part: str, model: str, training: Point, rankings: list[Asked], task: Task, shared: SharedData | str
) -> list[Evaluated]:
    """Evaluate a trained model under each setting of ranking.

    Args:
        part: ``valid`` or ``test``.
        model: its file.
        training: what it was trained with; the name of the model may have more that acts in ranking.
        rankings: the settings.
        task: what is common to all trials.
        shared: the ``SharedData`` of the trial, or the reason why there is none.

    Returns:
        For each setting, or for as many as the task's limit allows, ``ranking``, ``metrics``, ``by_user_group`` and
        ``by_item_group``, and the table of ``split_by_user`` where it is asked for.

    Raises:
        UnusableModel: if the file is damaged, or of another model.
        InputError: for a setting that is not allowed, or if the data are not there or not those of the training.
    """
    if isinstance(shared, str):
        raise InputError(shared)
    torch.set_num_threads(task.threads)
    with tempfile.TemporaryDirectory() as folder, inside(folder), quiet_recbole():
        config = configuration(task, training, rankings[0].ranking, checkpoint_dir=folder)
        try:
            stored = read_checkpoint(model, map_location=config["device"])
            run = restore(config, stored, model, needs_split=True, read=lambda own: take(shared, own))
        except DamagedCheckpoint as error:
            raise UnusableModel(str(error)) from error
        trainer = run.trainer
        trainer.eval_collector.data_collect(run.data.train)
        found = []
        with trainer.keeping_scores() if len(rankings) > 1 else nullcontext():
            for number in _in_time(len(rankings), task.limit if part == "valid" else None, time.time()):
                each = rankings[number]
                evaluation = _evaluated(task, trainer, run.data, part, training, each.ranking, folder)
                details = trainer.eval_collector.last_details
                found.append((evaluation, split_by_user(config, details, run.data.dataset) if each.users else None))
        return found


@contextmanager
def inside(folder: str) -> Iterator[None]:
    """Work within a folder, in which RecBole may leave its logs."""
    before = os.getcwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def _train(
    asked: dict[str, Any],
    task: Task,
    shared: SharedData | str,
    folder: str,
    report: Callable[[dict[str, Any]], object],
) -> tuple[dict[str, Any], str]:
    training, rankings = asked["training"], asked["ranking"]
    settings = configuration(task, training, rankings[0], checkpoint_dir=folder)
    started = time.time()
    if isinstance(shared, str):
        raise InputError(shared)
    seed_everything(settings)
    loaded = prepare_data(settings, lambda own: take(shared, own))
    if isinstance(loaded.train, TrainingBatches):
        loaded.train.draw_as(task.drawing)
    net = build_model(settings, loaded)
    trainer = get_trainer(settings)(settings, net)
    telling = Telling(report, task.metrics, task.every_validation)
    prepared = time.time()
    train(settings, loaded, net, trainer, saved=True, watch=telling)
    finished = time.time()
    trainer.evaluate(loaded.valid, load_best_model=True)
    with trainer.keeping_scores() if len(rankings) > 1 else nullcontext():
        points = [
            _evaluated(task, trainer, loaded, "valid", training, rankings[number], folder)
            for number in _in_time(len(rankings), task.limit, finished)
        ]
    points.sort(key=lambda point: rankings.index(point["ranking"]))
    outcome = {
        "status": "done",
        "metrics": points[0]["metrics"],
        "points": points,
        "group_names": net.group_losses.names if net.group_losses else [],
        "group_losses": trainer.history.epochs,
        "validations": telling.validations,
        "seconds": {
            "preparation": round(prepared - started, 3),
            "training": round(finished - prepared, 3),
            "evaluation": round(time.time() - finished, 3),
        },
    }
    return outcome, trainer.saved_model_file


def _in_time(number: int, limit: Limit | None, trained: float) -> Iterator[int]:
    """Give the places of settings to be evaluated: all, or the first and others from all over while there is time."""
    if limit is None:
        yield from range(number)
        return
    longest = 0.0
    for place in [0, *(other + 1 for other in spread_out(list(range(number - 1))))]:
        if place and not limit.allows(trained, longest):
            return
        began = time.time()
        yield place
        longest = max(longest, time.time() - began)


def _evaluated(
    task: Task, trainer: Any, data: PreparedData, part: str, training: Point, ranking: Point, folder: str
) -> dict[str, Any]:
    """Evaluate the model as it is on a part of the data under a setting of ranking."""
    config = configuration(task, training, ranking, checkpoint_dir=folder)
    loader = getattr(data, part)
    if isinstance(trainer.model, RanksItself):
        trainer.model.set_ranking(config)
        trainer.settle_ranking(config, data.train, data.valid)
    trainer.eval_collector.details = True
    metrics = trainer.evaluate(loader, load_best_model=False)
    groups = split_by_group(config, trainer.eval_collector.last_details)
    return {
        "ranking": ranking,
        "metrics": {name: float(value) for name, value in metrics.items()},
        "by_user_group": groups["test_by_user_group"],
        "by_item_group": groups["test_by_item_group"],
    }
