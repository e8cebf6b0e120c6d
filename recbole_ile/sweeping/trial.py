"""What one trial of a sweep does: train once, evaluate under each setting of ranking, and tell Ray Tune."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import ray
import torch
from ray import tune

from recbole_ile.errors import InputError
from recbole_ile.plugin.breakdown import split_by_group, split_by_user
from recbole_ile.plugin.checkpoint import read_checkpoint
from recbole_ile.plugin.config import IleConfig
from recbole_ile.plugin.logs import quiet_recbole
from recbole_ile.plugin.pipeline import PreparedData, build_model, prepare_data, trained
from recbole_ile.plugin.seeding import seed_everything
from recbole_ile.plugin.trainer import get_trainer
from recbole_ile.sweeping.shared_data import take
from recbole_ile.sweeping.space import Point
from recbole_ile.sweeping.suggestions import suggestion
from recbole_ile.sweeping.trials import trial_id

OUTCOME = "outcome"
"""The entry of a trial's last report that holds, as JSON, all that it found out."""
MODEL_FILE = "model.pth"
QUIET = {"show_progress": False, "state": "ERROR"}


class Task(NamedTuple):
    """What all trials of a sweep have in common; a training may name another model for the same data."""

    model: str
    dataset: str
    options: dict[str, Any]
    data_keys: list[str]
    metrics: list[str]
    threads: int


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
    """Train what ``config`` says and report every validation; the last report holds the outcome.

    Input that is wrong ends a trial with its reason and is not tried again; whatever else goes wrong, Ray handles.

    Args:
        config: as Ray Tune gives it; ``asked_of`` says what it asks for.
        task: what is common to all trials.
        data: by ``data_signature``, references of ``SharedData`` in the object store, or the reason why there is none.
        known: outcomes by id that an interrupted sweep has already, with their last metrics.
    """
    asked = asked_of(config)
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


def asked_of(config: dict[str, Any]) -> dict[str, Any]:
    """Return ``id``, ``training`` and ``ranking`` of a trial: those of the grid, or what a searcher suggests."""
    if "trial" in config:
        return config["trial"]
    training = suggestion(config)
    return {"id": trial_id(training), "training": training, "ranking": [{}]}


def evaluate_trained(
    part: str, outcome: dict[str, Any], rankings: list[Point], task: Task, shared: Any, users: bool = False
) -> list[tuple[dict[str, Any], pd.DataFrame | None]]:
    """Evaluate a trained model under each setting of ranking.

    Args:
        part: ``valid`` or ``test``.
        outcome: of the trial that trained it, with its ``checkpoint``.
        rankings: the settings.
        task: what is common to all trials.
        shared: the ``SharedData`` of the trial.
        users: whether each user is wanted, too.

    Returns:
        For each setting ``ranking``, ``metrics``, ``by_user_group`` and ``by_item_group``, and the table of
        ``split_by_user``.
    """
    torch.set_num_threads(task.threads)
    training = outcome["training"]
    with tempfile.TemporaryDirectory() as folder, inside(folder), quiet_recbole():
        config = configuration(task, training, rankings[0], checkpoint_dir=folder)
        loaded, net, trainer = _made(config, shared)
        stored = read_checkpoint(Path(outcome["checkpoint"]) / MODEL_FILE, map_location=config["device"])
        net.load_state_dict(stored["state_dict"])
        net.load_other_parameter(stored.get("other_parameter"))
        trainer.eval_collector.data_collect(loaded.train)
        loader = getattr(loaded, part)
        found = []
        for each in rankings:
            evaluation = _evaluated(task, trainer, loader, training, each, folder)
            details = trainer.eval_collector.last_details
            found.append((evaluation, split_by_user(config, details, loaded.dataset) if users else None))
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
    loaded, net, trainer = _made(settings, ray.get(reference))
    epochs = []

    def watch(_: int, metrics: dict[str, float]) -> None:
        epochs.append(metrics)
        tune.report({name: float(metrics[name]) for name in task.metrics} | {"epochs": len(epochs)})

    prepared = time.time()
    trained(settings, loaded, net, trainer, saved=True, watch=watch)
    finished = time.time()
    trainer.evaluate(loaded.valid, load_best_model=True)
    points = [_evaluated(task, trainer, loaded.valid, training, each, folder) for each in rankings]
    kept = Path(folder) / "kept"
    kept.mkdir()
    shutil.move(trainer.saved_model_file, kept / MODEL_FILE)
    return {
        "status": "done",
        "metrics": points[0]["metrics"],
        "points": points,
        "group_names": net.group_losses.names if net.group_losses else [],
        "group_losses": trainer.group_losses,
        "validations": len(epochs),
        "seconds": {
            "preparation": round(prepared - started, 3),
            "training": round(finished - prepared, 3),
            "evaluation": round(time.time() - finished, 3),
        },
    }


def _made(config: IleConfig, shared: Any) -> tuple[PreparedData, Any, Any]:
    seed_everything(config)
    loaded = prepare_data(config, lambda own: take(shared, own))
    net = build_model(config, loaded)
    return loaded, net, get_trainer(config)(config, net)


def _evaluated(task: Task, trainer: Any, loader: Any, training: Point, ranking: Point, folder: str) -> dict[str, Any]:
    """Evaluate the model as it is under a setting of ranking."""
    config = configuration(task, training, ranking, checkpoint_dir=folder)
    if hasattr(trainer.model, "rerank"):
        trainer.model.set_ranking(config)
    trainer.eval_collector.details = True
    metrics = trainer.evaluate(loader, load_best_model=False)
    groups = split_by_group(config, trainer.eval_collector.last_details)
    return {
        "ranking": ranking,
        "metrics": {name: float(value) for name, value in metrics.items()},
        "by_user_group": groups["test_by_user_group"],
        "by_item_group": groups["test_by_item_group"],
    }
