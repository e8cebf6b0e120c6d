"""What one trial of a sweep does: train once, evaluate under each setting of ranking, and tell Ray Tune."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import ray
import torch
from ray import tune

from recbole_ile.errors import DamagedCheckpoint, InputError
from recbole_ile.experiments.engine.ledger import MODEL_FILE
from recbole_ile.experiments.engine.points import trial_id
from recbole_ile.experiments.engine.shared_data import take
from recbole_ile.experiments.engine.telling import Telling
from recbole_ile.experiments.sweep.space import Point
from recbole_ile.experiments.sweep.suggestions import suggestion
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

OUTCOME = "outcome"
"""The entry of a trial's last report that holds, as JSON, all that it found out."""
QUIET = {"show_progress": False, "state": "ERROR"}


class UnusableModel(Exception):
    """The file of a trained model that it cannot be made from."""


class Task(NamedTuple):
    """What all trials of a sweep have in common; a training may name another model for the same data.

    Attributes:
        every_validation: whether the scheduler is told of each, as ``Telling`` says.
    """

    model: str
    dataset: str
    options: dict[str, Any]
    data_keys: list[str]
    metrics: list[str]
    threads: int
    drawing: str
    every_validation: bool = False


class Asked(NamedTuple):
    """A setting of ranking that a trained model is evaluated under, and whether each user is wanted, too."""

    ranking: Point
    users: bool


def data_signature(task: Task, training: Point) -> str:
    """Return a name of the data set that a training needs, the same for all that need the same."""
    return json.dumps({key: training[key] for key in task.data_keys if key in training}, sort_keys=True, default=str)


def configuration(task: Task, training: Point, ranking: Point, **further: Any) -> IleConfig:
    """Return the configuration of a point.

    Raises:
        InputError: for a value that is not allowed.
    """
    settings = {**task.options, **QUIET, **training, **ranking, **further}
    return IleConfig(settings.pop("model", task.model), task.dataset, config_dict=settings)


def run_trial(config: dict[str, Any], task: Task, data: dict[str, Any], known: dict[str, Any]) -> None:
    """Train what ``config`` says and report validations; the last report holds the outcome.

    Input that is wrong ends a trial with its reason and is not tried again; whatever else goes wrong, Ray handles.

    Args:
        config: as Ray Tune gives it; ``requested_trial`` says what it asks for.
        task: what is common to all trials.
        data: by ``data_signature``, references of ``SharedData`` in the object store, or the reason why there is none.
        known: outcomes by id that an interrupted sweep has already, with their last metrics.
    """
    asked = requested_trial(config)
    if asked["id"] in known:
        outcome = known[asked["id"]]
        tune.report({**dict.fromkeys(task.metrics, float("nan")), **outcome["metrics"], OUTCOME: json.dumps(outcome)})
        return
    torch.set_num_threads(task.threads)
    started = time.time()
    with tempfile.TemporaryDirectory() as folder, inside(folder), quiet_recbole():
        try:
            outcome = _train(asked, task, data, folder)
        except InputError as error:
            outcome = {"status": "failed", "reason": str(error), "metrics": {}, "points": []}
        outcome["node"] = ray.get_runtime_context().get_node_id()
        outcome["seconds"] = {**outcome.get("seconds", {}), "total": round(time.time() - started, 3)}
        last = {**dict.fromkeys(task.metrics, float("nan")), **outcome["metrics"], OUTCOME: json.dumps(outcome)}
        kept = Path(folder) / "kept"
        if kept.is_dir():
            tune.report(last, checkpoint=tune.Checkpoint.from_directory(str(kept)))
        else:
            tune.report(last)


def requested_trial(config: dict[str, Any]) -> dict[str, Any]:
    """Return ``id``, ``training`` and ``ranking`` of a trial: those of the grid, or what a searcher suggests."""
    if "trial" in config:
        return config["trial"]
    training = suggestion(config)
    return {"id": trial_id(training), "training": training, "ranking": [{}]}


def evaluate_trained(
    part: str, model: str, training: Point, rankings: list[Asked], task: Task, shared: Any
) -> list[tuple[dict[str, Any], pd.DataFrame | None]]:
    """Evaluate a trained model under each setting of ranking.

    Args:
        part: ``valid`` or ``test``.
        model: its file.
        training: what it was trained with; the name of the model may have more that acts in ranking.
        rankings: the settings.
        task: what is common to all trials.
        shared: the ``SharedData`` of the trial, or the reason why there is none.

    Returns:
        For each setting ``ranking``, ``metrics``, ``by_user_group`` and ``by_item_group``, and the table of
        ``split_by_user`` where it is asked for.

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
            for each in rankings:
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


def _train(asked: dict[str, Any], task: Task, data: dict[str, Any], folder: str) -> dict[str, Any]:
    training, rankings = asked["training"], asked["ranking"]
    settings = configuration(task, training, rankings[0], checkpoint_dir=folder)
    reference = data[data_signature(task, training)]
    if isinstance(reference, str):
        raise InputError(reference)
    started = time.time()
    shared = ray.get(reference)
    seed_everything(settings)
    loaded = prepare_data(settings, lambda own: take(shared, own))
    if isinstance(loaded.train, TrainingBatches):
        loaded.train.draw_as(task.drawing)
    net = build_model(settings, loaded)
    trainer = get_trainer(settings)(settings, net)
    telling = Telling(task.metrics, task.every_validation)
    prepared = time.time()
    train(settings, loaded, net, trainer, saved=True, watch=telling)
    finished = time.time()
    trainer.evaluate(loaded.valid, load_best_model=True)
    with trainer.keeping_scores() if len(rankings) > 1 else nullcontext():
        points = [_evaluated(task, trainer, loaded, "valid", training, each, folder) for each in rankings]
    kept = Path(folder) / "kept"
    kept.mkdir()
    shutil.move(trainer.saved_model_file, kept / MODEL_FILE)
    return {
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
