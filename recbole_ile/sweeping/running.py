"""Run the trials of a sweep with Ray Tune, and keep what they find out in the ledger."""

from __future__ import annotations

import errno
import json
import logging
import os
import signal
import threading
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import ray
from ray import tune

from recbole_ile.errors import InputError
from recbole_ile.files import unwritable
from recbole_ile.plugin.logs import quiet_recbole
from recbole_ile.sweeping.ledger import Ledger
from recbole_ile.sweeping.machines import Resources
from recbole_ile.sweeping.selection import Candidate, Replicate
from recbole_ile.sweeping.shared_data import share
from recbole_ile.sweeping.trial import (
    OUTCOME,
    Task,
    asked_of,
    configuration,
    data_signature,
    evaluate_trained,
    run_trial,
)

Listener = Callable[[str, dict[str, Any], dict[str, Any]], None]
"""Is told what happened (``start``, ``result``, ``end``), to which trial, and its metrics or outcome."""


EXPERIMENT = "experiment-"


class Search(NamedTuple):
    """How the trials are chosen and stopped: ``valid_metric`` and whether more of it is better, for ``asha``."""

    scheduler: str
    valid_metric: str
    higher: bool
    max_failures: int


class Stage(NamedTuple):
    """All that the functions of this module need of a sweep.

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
    stage: Stage,
    listener: Listener,
    trials: list[dict[str, Any]] | None = None,
    searcher: Any = None,
    num_samples: int = 1,
) -> bool:
    """Run trials to their end; each outcome is in the ledger as soon as it is there.

    Args:
        stage: of the sweep.
        listener: is told about every trial.
        trials: ``id``, ``training`` and ``ranking`` of those to be run.
        searcher: suggests trainings instead.
        num_samples: how many it suggests.

    Returns:
        Whether they all ended; Ctrl-C leaves some unfinished.
    """
    _share_data(stage, [trial["training"] for trial in trials or ()] or [{}])
    name = f"{EXPERIMENT}{1 + len(list(stage.ledger.ray_folder.glob(f'{EXPERIMENT}*')))}"
    tuner = tune.Tuner(
        _trainable(stage),
        param_space=None if searcher else {"trial": tune.grid_search(trials or [])},
        tune_config=tune.TuneConfig(
            search_alg=searcher,
            scheduler=_scheduler(stage.search),
            num_samples=num_samples,
            max_concurrent_trials=stage.resources.max_concurrent,
            reuse_actors=True,
            trial_dirname_creator=_folder_name,
        ),
        run_config=tune.RunConfig(
            name=name,
            storage_path=str(stage.ledger.ray_folder),
            failure_config=tune.FailureConfig(max_failures=stage.search.max_failures),
            checkpoint_config=tune.CheckpointConfig(num_to_keep=1),
            callbacks=[Recorder()],
            verbose=0,
        ),
    )
    return _fit(tuner, stage, listener, num_samples if searcher else len(trials or ()))


def restore(stage: Stage, listener: Listener) -> bool:
    """Restore the last experiment of Ray Tune in a sweep, if there is one, for what its searcher has learned.

    Ray's own record is written now and then, and not at once: a killed sweep leaves one that lacks trials, or none
    that can be read. What the ledger knows is not trained again.

    Args:
        stage: of the sweep.
        listener: is told about every trial.

    Returns:
        Whether all trials that Ray knows ended; Ctrl-C leaves some unfinished.
    """
    experiments = stage.ledger.ray_folder.glob(f"{EXPERIMENT}*")
    path = max(experiments, key=lambda each: int(each.name.removeprefix(EXPERIMENT)), default=None)
    if path is None or not tune.Tuner.can_restore(str(path)):
        return True
    _share_data(stage, [trial["training"] for trial in stage.ledger.planned()] or [{}])
    try:
        tuner = tune.Tuner.restore(str(path), _trainable(stage), resume_unfinished=True, restart_errored=True)
    except Exception as error:  # unpickling what was cut off fails in as many ways as there are bytes
        logging.getLogger().warning(f"{path} cannot be restored, so that the search starts anew: {error}")
        return True
    return _fit(tuner, stage, listener)


def evaluate_missing(stage: Stage) -> None:
    """Evaluate trained models under the settings of ranking that were asked for since."""
    outcomes = stage.ledger.outcomes()
    asked = []
    for trial in stage.ledger.planned():
        outcome = outcomes.get(trial["id"], {"status": "missing"})
        if outcome["status"] == "done" and outcome["checkpoint"] and Path(outcome["checkpoint"]).exists():
            there = [point["ranking"] for point in outcome["points"]]
            rankings = [each for each in trial["ranking"] if each not in there]
            if rankings:
                asked.append((outcome, rankings))
    for (outcome, _), found in zip(asked, _evaluate("valid", asked, stage), strict=True):
        known = {"id": outcome["id"], "training": outcome["training"], "ranking": outcome["ranking"]}
        stage.ledger.write(known, {**outcome, "points": [*outcome["points"], *(point for point, _ in found)]})


def on_test_part(stage: Stage, wanted: dict[str, list[dict[str, Any]]], users: bool = False) -> dict[str, Any]:
    """Evaluate trained models on the test part, each under each setting of ranking once in a ledger's life.

    Args:
        stage: of the sweep.
        wanted: by the name of a trial the settings of ranking.
        users: whether what is found of each user is kept in the ledger, too.

    Returns:
        By the ledger's ``point_name`` what is known of all points.
    """
    ledger = stage.ledger
    outcomes, known = ledger.outcomes(), ledger.tests()
    asked = []
    for trial, rankings in wanted.items():
        names = {ledger.point_name(trial, ranking): ranking for ranking in rankings}
        missing = [
            ranking for name, ranking in names.items() if name not in known or (users and ledger.users(name) is None)
        ]
        if missing and outcomes[trial].get("checkpoint"):
            asked.append((outcomes[trial], missing))
    for (outcome, _), found in zip(asked, _evaluate("test", asked, stage, users), strict=True):
        for point, table in found:
            name = ledger.point_name(outcome["id"], point["ranking"])
            known[name] = point
            if table is not None:
                ledger.write_users(name, table)
    ledger.write_tests(known)
    return known


def front_tests(stage: Stage, found: list[Candidate]) -> dict[int, dict[str, Any]]:
    """Evaluate the front, the baselines and the recommendation on the test part.

    Returns:
        By the number of the setting ``mean`` and ``spread`` of the metrics over its seeds, and the first seed's
        ``by_user_group`` and ``by_item_group``.
    """
    chosen = {n: each for n, each in enumerate(found) if each.front or each.baseline or each.recommended}
    wanted: dict[str, list[dict[str, Any]]] = {}
    for each in chosen.values():
        for replicate in each.replicates:
            wanted.setdefault(replicate.trial, []).append(replicate.evaluation["ranking"])
    known = on_test_part(stage, wanted)
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


def _evaluate(part: str, asked: list[Any], stage: Stage, users: bool = False) -> list[Any]:
    """Evaluate trained models where trials run: for each outcome and its settings of ranking what was found."""
    _share_data(stage, [outcome["training"] for outcome, _ in asked])
    resources = stage.resources
    evaluate = ray.remote(num_cpus=resources.cpus, num_gpus=resources.gpus)(evaluate_trained)
    return ray.get(
        [
            evaluate.remote(
                part, outcome, rankings, stage.task, stage.data[data_signature(stage.task, outcome["training"])], users
            )
            for outcome, rankings in asked
        ]
    )


def _share_data(stage: Stage, trainings: list[dict[str, Any]]) -> None:
    """Put each data set that some training needs into the object store once."""
    for training in trainings:
        signature = data_signature(stage.task, training)
        if signature in stage.data:
            continue
        settings = {key: training[key] for key in stage.task.data_keys if key in training}
        try:
            with quiet_recbole():
                stage.data[signature] = ray.put(share(configuration(stage.task, settings, {})))
        except InputError as error:
            stage.data[signature] = str(error)


def _trainable(stage: Stage) -> Any:
    return tune.with_resources(
        tune.with_parameters(run_trial, task=stage.task, data=stage.data, known=stage.ledger.finished()),
        {"cpu": stage.resources.cpus, "gpu": stage.resources.gpus},
    )


def _fit(tuner: tune.Tuner, stage: Stage, listener: Listener, expected: int | None = None) -> bool:
    """Return whether as many trials ended as were expected, by default all that Ray knows."""
    session = Session(stage.ledger, stage.search, listener, {}, frozenset(stage.ledger.finished()))
    _session[:] = [session]
    handler = signal.getsignal(signal.SIGINT)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            results = tuner.fit()
    except tune.TuneError as error:
        if f"[Errno {errno.ENOSPC}]" in str(error):  # Ray keeps of its cause the text alone
            raise unwritable(stage.ledger.ray_folder, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))) from error
        raise
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, handler)  # Ray Tune's own stays, and swallows the next Ctrl-C
    # After Ctrl-C Ray Tune returns as if all had ended, so that those that did are counted.
    return results.num_terminated + results.num_errors >= (len(results) if expected is None else expected)


@dataclass
class Session:
    """What the recorder of the trials that run now needs."""

    ledger: Ledger
    search: Search
    listener: Listener
    best: dict[str, dict[str, float]]
    known: frozenset[str]


class Recorder(tune.Callback):
    """Keeps the outcome of a trial the moment it ends.

    Ray pickles it with the experiment and makes it anew when that is restored, so that it holds nothing itself.
    """

    def on_trial_start(self, iteration: int, trials: Any, trial: Any, **_: Any) -> None:
        """Tell the listener."""
        session, asked = _session[0], self._asked(trial)
        session.listener("start", asked, {})

    def on_trial_result(self, iteration: int, trials: Any, trial: Any, result: dict[str, Any], **_: Any) -> None:
        """Remember the best validation, for a trial that is stopped."""
        session, asked = _session[0], self._asked(trial)
        if OUTCOME in result:
            return
        metric, higher = session.search.valid_metric, session.search.higher
        before = session.best.get(asked["id"])
        if before is None or (result[metric] > before[metric]) == higher:
            session.best[asked["id"]] = {name: value for name, value in result.items() if "@" in name}
        session.listener("result", asked, result)

    def on_trial_complete(self, iteration: int, trials: Any, trial: Any, **_: Any) -> None:
        """Keep the outcome, or that the scheduler stopped the trial."""
        session, asked = _session[0], self._asked(trial)
        if asked["id"] in session.known:
            return
        last = trial.last_result or {}
        if OUTCOME in last:
            outcome = json.loads(last[OUTCOME])
            outcome["checkpoint"] = trial.checkpoint.path if trial.checkpoint else None
        else:
            outcome = {"status": "stopped", "metrics": session.best.get(asked["id"], {}), "points": []}
        session.ledger.write(asked, outcome)
        session.listener("end", asked, outcome)

    def on_trial_error(self, iteration: int, trials: Any, trial: Any, **_: Any) -> None:
        """Keep the reason of a trial that failed for good."""
        session, asked = _session[0], self._asked(trial)
        error = trial.get_pickled_error()
        reason = " ".join(str(error.cause if hasattr(error, "cause") else error).split()) or "no reason given"
        outcome = {"status": "failed", "reason": reason, "metrics": {}, "points": []}
        session.ledger.write(asked, outcome)
        session.listener("end", asked, outcome)

    @staticmethod
    def _asked(trial: Any) -> dict[str, Any]:
        return asked_of(trial.config)


_session: list[Session] = []


def _folder_name(trial: Any) -> str:
    return f"trial-{trial.trial_id}"


def _scheduler(search: Search) -> Any:
    if search.scheduler == "fifo":
        return None
    from ray.tune.schedulers import ASHAScheduler

    mode = "max" if search.higher else "min"
    return ASHAScheduler(metric=search.valid_metric, mode=mode, grace_period=5, max_t=10_000)
