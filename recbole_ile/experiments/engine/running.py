"""Run the trials of a sweep with Ray Tune, and keep what they find out in the ledger."""

from __future__ import annotations

import contextlib
import errno
import math
import os
import signal
import threading
import time
import uuid
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import ray
from ray import tune

from recbole_ile.errors import InputError
from recbole_ile.experiments.engine.ledger import MODEL_FILE, Ledger
from recbole_ile.experiments.engine.machines import Resources
from recbole_ile.experiments.engine.recording import CURRENT, Listener, Recorder, Session
from recbole_ile.experiments.engine.shared_data import share
from recbole_ile.experiments.engine.trial import (
    Asked,
    Task,
    UnusableModel,
    configuration,
    data_signature,
    evaluate_trained,
    run_trial,
)
from recbole_ile.experiments.sweep.selection import Candidate, Replicate
from recbole_ile.experiments.sweep.space import unique
from recbole_ile.files import unwritable
from recbole_ile.metric import Better, Metric
from recbole_ile.plugin.output.logs import quiet_recbole
from recbole_ile.plugin.runs.guest import leaving_no_trace

Wanted = dict[str, list[dict[str, Any]]]
"""By the name of a trial, settings of ranking."""
EXPERIMENT = "experiment-"
BRIEF = 5.0
"""Seconds of evaluation for which no process is started: to import what it needs takes one as long."""


class Search(NamedTuple):
    """How the trials are chosen and stopped, by ``valid_metric`` for ``asha``."""

    scheduler: str
    valid_metric: Metric
    max_failures: int


class Experiment(NamedTuple):
    """Ledger, settings, shared data and resources of a running sweep or comparison.

    Attributes:
        ledger: where outcomes are kept.
        task: what is common to all trials.
        data: by ``data_signature``, references of ``SharedData`` in the object store, or why there is none; filled
            when it is asked for.
        resources: of each trial.
        search: how trials are stopped and tried again.
    """

    ledger: Ledger
    task: Task
    data: dict[str, Any]
    resources: Resources
    search: Search


def run(
    experiment: Experiment,
    listener: Listener,
    trials: list[dict[str, Any]] | None = None,
    searcher: Any = None,
    num_samples: int = 1,
    until: float | None = None,
) -> bool:
    """Run trials to their end; each outcome is in the ledger as soon as it is there.

    Args:
        experiment: of the sweep.
        listener: is told about every trial.
        trials: ``id``, ``training`` and ``ranking`` of those to be run.
        searcher: suggests trainings instead.
        num_samples: how many it suggests.
        until: the moment, as ``time.time`` tells it, when whatever still runs is stopped and leaves no outcome;
            ``None`` for never.

    Returns:
        Whether they all ended; Ctrl-C and too little time leave some unfinished.
    """
    _share_data(experiment, [trial["training"] for trial in trials or ()] or [{}])
    known = {name: entry for name, entry in experiment.ledger.finished().items() if name not in _ids(trials)}
    # Nobody can know the name, so that nothing lies there that Ray would read.
    name = f"{EXPERIMENT}{uuid.uuid4().hex}"
    tuner = tune.Tuner(
        _trainable(experiment, known),
        param_space=None if searcher else {"trial": tune.grid_search(trials or [])},
        tune_config=tune.TuneConfig(
            search_alg=searcher,
            scheduler=_scheduler(experiment.search),
            num_samples=num_samples,
            max_concurrent_trials=experiment.resources.max_concurrent,
            reuse_actors=True,
            time_budget_s=None if until is None else max(1.0, until - time.time()),
            trial_dirname_creator=_folder_name,
        ),
        run_config=tune.RunConfig(
            name=name,
            storage_path=str(experiment.ledger.ray_folder),
            failure_config=tune.FailureConfig(max_failures=experiment.search.max_failures),
            checkpoint_config=tune.CheckpointConfig(num_to_keep=1),
            callbacks=[Recorder()],
            verbose=0,
        ),
    )
    try:
        session = _fit(tuner, experiment, listener, known)
    finally:
        _remove_pickles(experiment.ledger.ray_folder / name)
    # After Ctrl-C Ray Tune returns as if all had ended.
    whole = session.ended + len(session.given_up) >= (num_samples if searcher else len(trials or ()))
    if not whole or not session.given_up:
        return whole
    fewer = experiment.search._replace(max_failures=experiment.search.max_failures - 1)
    return run(experiment._replace(search=fewer), listener, session.given_up, until=until)


def evaluate_missing(experiment: Experiment) -> None:
    """Evaluate trained models under the settings of ranking that were asked for since.

    A model that is not there any more or cannot be read is told; its trial stays unfinished, so that it is run again.

    Args:
        experiment: of the sweep.
    """
    outcomes = experiment.ledger.outcomes()
    asked = []
    for trial in experiment.ledger.planned():
        outcome = outcomes.get(trial["id"], {"status": "missing"})
        if outcome["status"] == "done":
            there = [point["ranking"] for point in outcome["points"]]
            rankings = [each for each in trial["ranking"] if each not in there]
            if rankings:
                asked.append((outcome, [Asked(each, users=False) for each in rankings]))
    for outcome, found in _evaluate("valid", asked, experiment):
        experiment.ledger.add_points(outcome["id"], [point for point, _ in found])


def on_test_part(
    experiment: Experiment,
    wanted: Wanted,
    detailed: Wanted | None = None,
    listener: Listener = lambda *_: None,
) -> dict[str, Any]:
    """Evaluate trained models on the test part, each under each setting of ranking once in a ledger's life.

    A model that is not there any more or cannot be read is trained again, and a line says so.

    Args:
        experiment: of the sweep.
        wanted: what is evaluated.
        detailed: likewise, and what is found of each user is kept in the ledger, too.
        listener: is told about every trial that is run again.

    Returns:
        By the ledger's ``point_name`` what is known of all points.

    Raises:
        KeyboardInterrupt: if a training that is done again is interrupted.
    """
    detailed = detailed or {}
    _test(experiment, wanted, detailed)
    left = _untested(experiment, wanted, detailed)
    if left:
        again = [{"ranking": _rankings(outcome, experiment), **_asked(outcome)} for outcome, _ in left]
        if not run(experiment, listener, trials=again):
            raise KeyboardInterrupt
        _test(experiment, wanted, detailed)
    return experiment.ledger.tests()


def _test(experiment: Experiment, wanted: Wanted, detailed: Wanted) -> None:
    """Evaluate on the test part what was not and can be, and keep it."""
    ledger = experiment.ledger
    known = {}
    for outcome, found in _evaluate("test", _untested(experiment, wanted, detailed), experiment):
        for point, table in found:
            name = ledger.point_name(outcome["id"], point["ranking"])
            known[name] = point
            if table is not None:
                ledger.write_users(name, table)
    ledger.write_tests(known)


def _untested(experiment: Experiment, wanted: Wanted, detailed: Wanted) -> list[tuple[dict[str, Any], list[Asked]]]:
    """Return the outcomes of trained models with what is asked of each and not known."""
    ledger = experiment.ledger
    outcomes, known = ledger.outcomes(), ledger.tests()
    asked = []
    for trial in {**wanted, **detailed}:
        missing = []
        for ranking in unique([*wanted.get(trial, ()), *detailed.get(trial, ())]):
            name, users = ledger.point_name(trial, ranking), ranking in detailed.get(trial, ())
            if name not in known or (users and ledger.users(name) is None):
                missing.append(Asked(ranking, users))
        if missing and outcomes.get(trial, {}).get("status") == "done":
            asked.append((outcomes[trial], missing))
    return asked


def _rankings(outcome: dict[str, Any], experiment: Experiment) -> list[dict[str, Any]]:
    """Return the settings of ranking that a trial which is run again has to be evaluated under."""
    planned = [trial["ranking"] for trial in experiment.ledger.planned() if trial["id"] == outcome["id"]]
    return unique([*(point["ranking"] for point in outcome["points"]), *(each for part in planned for each in part)])


def front_tests(
    experiment: Experiment, found: list[Candidate], detailed: Wanted | None = None
) -> dict[int, dict[str, Any]]:
    """Evaluate the front, the baselines and the recommendation on the test part, and what is compared besides.

    Args:
        experiment: of the sweep.
        found: the settings.
        detailed: what is compared, of which each user is kept.

    Returns:
        By the number of the setting ``mean`` and ``spread`` of the metrics over its seeds, and the first seed's
        ``by_user_group`` and ``by_item_group``.
    """
    chosen = {n: each for n, each in enumerate(found) if each.front or each.baseline or each.recommended}
    wanted: Wanted = {}
    for each in chosen.values():
        for replicate in each.replicates:
            wanted.setdefault(replicate.trial, []).append(replicate.evaluation["ranking"])
    known = on_test_part(experiment, wanted, detailed)
    result = {}
    for number, each in chosen.items():
        points = [known[name] for name in map(_point_name, each.replicates) if name in known]
        if points:
            table = pd.DataFrame([point["metrics"] for point in points])
            means, spread = table.mean().to_dict(), table.std().fillna(0.0).to_dict()
            result[number] = {**points[0], "mean": means, "spread": spread}
    return result


def _point_name(replicate: Replicate) -> str:
    return Ledger.point_name(replicate.trial, replicate.evaluation["ranking"])


def _evaluate(part: str, asked: list[Any], experiment: Experiment) -> list[tuple[dict[str, Any], Any]]:
    """Evaluate trained models where trials run, or in this process if it is soon done.

    Returns:
        The outcomes whose models can be used, each with what was found under each of its settings of ranking; the
        others are told in a line.
    """
    _share_data(experiment, [outcome["training"] for outcome, _ in asked])
    resources = experiment.resources
    here = not resources.gpus and sum(_expected_seconds(*each) for each in asked) <= BRIEF
    there = ray.remote(num_cpus=resources.cpus, num_gpus=resources.gpus)(evaluate_trained)
    # A model is evaluated under the name that it is planned with now: more may act in ranking than when it was trained.
    planned = {trial["id"]: trial["training"] for trial in experiment.ledger.planned()}
    running: list[tuple[dict[str, Any], Any]] = []
    for outcome, rankings in asked:
        model = experiment.ledger.model(outcome)
        if model is None:
            _tell_lost(experiment, outcome, "it is not there")
            continue
        data = experiment.data[data_signature(experiment.task, outcome["training"])]
        training = planned.get(outcome["id"], outcome["training"])
        call = (part, str(model.absolute()), training, rankings, experiment.task, data)
        running.append((outcome, call if here else there.remote(*call)))
    found = []
    for outcome, each in running:
        try:
            found.append((outcome, _evaluate_here(*each) if here else ray.get(each)))
        except UnusableModel as error:
            _tell_lost(experiment, outcome, str(error))
        except ray.exceptions.RayTaskError as error:
            if isinstance(error.cause, UnusableModel):
                _tell_lost(experiment, outcome, str(error.cause))
            elif isinstance(error.cause, InputError):
                raise error.cause from None
            else:
                raise
    return found


def _expected_seconds(outcome: dict[str, Any], rankings: list[Asked]) -> float:
    """Return how long a trained model's evaluation takes by what its first one took."""
    seconds = outcome.get("seconds", {}).get("evaluation", math.inf)
    return seconds * len(rankings) / max(1, len(outcome["points"]))


def _evaluate_here(part: str, model: str, training: Any, rankings: list[Asked], task: Task, data: Any) -> Any:
    """Evaluate a trained model in this process, of which everything stays as it is."""
    shared = ray.get(data) if isinstance(data, ray.ObjectRef) else data
    with leaving_no_trace():
        return evaluate_trained(part, model, training, rankings, task, shared)


def _tell_lost(experiment: Experiment, outcome: dict[str, Any], reason: str) -> None:
    """Say that a trial is run again because of its model."""
    path = experiment.ledger.folder / (outcome.get("checkpoint") or "ray") / MODEL_FILE
    what = ", ".join(f"{key}={value}" for key, value in outcome["training"].items()) or "as configured"
    experiment.ledger.tell(path, reason, f"the training of {what} is done again")


def _share_data(experiment: Experiment, trainings: list[dict[str, Any]]) -> None:
    """Put each data set that some training needs into the object store once."""
    for training in trainings:
        signature = data_signature(experiment.task, training)
        if signature in experiment.data:
            continue
        settings = {key: training[key] for key in experiment.task.data_keys if key in training}
        try:
            with quiet_recbole():
                experiment.data[signature] = ray.put(share(configuration(experiment.task, settings, {})))
        except InputError as error:
            experiment.data[signature] = str(error)


def _trainable(experiment: Experiment, known: dict[str, dict[str, Any]]) -> Any:
    return tune.with_resources(
        tune.with_parameters(run_trial, task=experiment.task, data=experiment.data, known=known),
        {"cpu": experiment.resources.cpus, "gpu": experiment.resources.gpus},
    )


def _ids(trials: list[dict[str, Any]] | None) -> set[str]:
    return {trial["id"] for trial in trials or ()}


def _asked(trial: dict[str, Any]) -> dict[str, Any]:
    """Return of a trial or its outcome what was asked for."""
    return {"id": trial["id"], "training": trial["training"]}


def _remove_pickles(folder: Path) -> None:
    """Remove what Ray keeps for its own way to resume, lest somebody who gets the folder runs what is in it."""
    for path in folder.rglob("*.pkl"):
        with contextlib.suppress(OSError):
            path.unlink()


def _fit(tuner: tune.Tuner, experiment: Experiment, listener: Listener, known: dict[str, dict[str, Any]]) -> Session:
    """Run the trials and return what became of them."""
    session = Session(experiment.ledger, experiment.search.valid_metric, listener, {}, frozenset(known))
    CURRENT[:] = [session]
    handler = signal.getsignal(signal.SIGINT)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tuner.fit()
    except tune.TuneError as error:
        if f"[Errno {errno.ENOSPC}]" in str(error):  # Ray keeps of its cause the text alone
            raise unwritable(experiment.ledger.ray_folder, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))) from error
        raise
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, handler)  # Ray Tune's own stays, and swallows the next Ctrl-C
    return session


def _folder_name(trial: Any) -> str:
    return f"trial-{trial.trial_id}"


def _scheduler(search: Search) -> Any:
    if search.scheduler == "fifo":
        return None
    from ray.tune.schedulers import ASHAScheduler

    mode = "max" if search.valid_metric.better is Better.HIGHER else "min"
    return ASHAScheduler(metric=str(search.valid_metric), mode=mode, grace_period=5, max_t=10_000)
