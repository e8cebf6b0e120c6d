"""Run the trials of a sweep or a comparison with Ray Tune."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import signal
import threading
import time
import uuid
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ray
from ray import tune

from recbole_ile.errors import InputError
from recbole_ile.experiments.engine.ledger import MODEL_FILE
from recbole_ile.experiments.engine.points import trial_id
from recbole_ile.experiments.engine.recording import Listener, Session
from recbole_ile.experiments.engine.shared_data import SharedData
from recbole_ile.experiments.engine.trial import (
    Evaluated,
    Task,
    UnusableModel,
    data_signature,
    evaluate_trained,
    read_shared,
    trained,
)
from recbole_ile.experiments.engine.workers import Call, Experiment, Order, Resources, Search
from recbole_ile.experiments.sweep.space import Point
from recbole_ile.experiments.sweep.suggestions import suggestion
from recbole_ile.files import unwritable
from recbole_ile.metric import Better

EXPERIMENT = "experiment-"
OUTCOME = "outcome"
"""The entry of a trial's last report that holds, as JSON, all that it found out."""


class RayWorkers:
    """Workers of Ray's, on this machine or those of a cluster.

    Args:
        resources: of each trial.
    """

    def __init__(self, resources: Resources) -> None:
        self.resources = resources
        self.ready = False  # which of Ray's processes wait is Ray's to know
        self._data: dict[str, Any] = {}

    @property
    def at_once(self) -> int:
        """How many trials run at a time, by the processors that there are."""
        fitting = max(1, int(ray.cluster_resources().get("CPU", 1.0) / self.resources.cpus))
        return min(fitting, self.resources.max_concurrent or fitting)

    def run(self, experiment: Experiment, listener: Listener, order: Order) -> bool:
        """Run trials to their end, as ``Workers`` says."""
        trials, searcher = order.trials, order.searcher
        for training in [trial["training"] for trial in trials] or [{}]:
            self._share(experiment.task, training)
        ids = {trial["id"] for trial in trials}
        known = {name: entry for name, entry in experiment.ledger.finished().items() if name not in ids}
        # Nobody can know the name, so that nothing lies there that Ray would read.
        name = f"{EXPERIMENT}{uuid.uuid4().hex}"
        trainable = tune.with_parameters(run_trial, task=experiment.task, data=self._data, known=known)
        tuner = tune.Tuner(
            tune.with_resources(trainable, {"cpu": self.resources.cpus, "gpu": self.resources.gpus}),
            param_space=None if searcher else {"trial": tune.grid_search(list(trials))},
            tune_config=tune.TuneConfig(
                search_alg=searcher,
                scheduler=_scheduler(experiment.search),
                num_samples=order.num_samples,
                max_concurrent_trials=self.resources.max_concurrent,
                reuse_actors=True,
                time_budget_s=None if order.until is None else max(1.0, order.until - time.time()),
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
            session = fit(tuner, experiment, listener, known)
        finally:
            _remove_pickles(experiment.ledger.ray_folder / name)
        # After Ctrl-C Ray Tune returns as if all had ended.
        whole = session.ended + len(session.given_up) >= (order.num_samples if searcher else len(trials))
        if not whole or not session.given_up:
            return whole
        fewer = experiment.search._replace(max_failures=experiment.search.max_failures - 1)
        return self.run(experiment._replace(search=fewer), listener, Order(session.given_up, until=order.until))

    def evaluate(self, experiment: Experiment, calls: list[Call]) -> Iterator[list[Evaluated] | UnusableModel]:
        """Evaluate each trained model where trials run, as many at once as fit."""
        there = ray.remote(num_cpus=self.resources.cpus, num_gpus=self.resources.gpus)(evaluate_trained)
        task = experiment.task
        running = [there.remote(*call, task, self._share(task, call.training)) for call in calls]
        for each in running:
            try:
                yield ray.get(each)
            except ray.exceptions.RayTaskError as error:
                if isinstance(error.cause, UnusableModel):
                    yield error.cause
                elif isinstance(error.cause, InputError):
                    raise error.cause from None
                else:
                    raise

    def shared(self, task: Task, training: Point) -> SharedData | str:
        """Return in this process the data set that a training needs, or the reason why there is none."""
        return _taken(self._share(task, training))

    def _share(self, task: Task, training: Point) -> Any:
        """Put the data set that a training needs into the object store once; return its reference, or the reason."""
        signature = data_signature(task, training)
        if signature not in self._data:
            found = read_shared(task, training)
            self._data[signature] = found if isinstance(found, str) else ray.put(found)
        return self._data[signature]


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
    missing = dict.fromkeys(task.metrics, float("nan"))
    if asked["id"] in known:
        outcome = known[asked["id"]]
        tune.report({**missing, **outcome["metrics"], OUTCOME: json.dumps(outcome)})
        return
    reference = data[data_signature(task, asked["training"])]
    with trained(asked, task, _taken(reference), tune.report) as (outcome, model):
        outcome["node"] = ray.get_runtime_context().get_node_id()
        last = {**missing, **outcome["metrics"], OUTCOME: json.dumps(outcome)}
        if model is None:
            tune.report(last)
            return
        kept = Path("kept")
        kept.mkdir()
        shutil.move(model, kept / MODEL_FILE)
        tune.report(last, checkpoint=tune.Checkpoint.from_directory(str(kept.absolute())))


def requested_trial(config: dict[str, Any]) -> dict[str, Any]:
    """Return ``id``, ``training`` and ``ranking`` of a trial: those of the grid, or what a searcher suggests."""
    if "trial" in config:
        return config["trial"]
    training = suggestion(config)
    return {"id": trial_id(training), "training": training, "ranking": [{}]}


@dataclass
class RaySession(Session):
    """What the recorder of Ray Tune's trials needs.

    Attributes:
        known: ids of trials that had an outcome before.
        given_up: those that Ray Tune gave up although they could be tried again.
    """

    known: frozenset[str] = frozenset()
    given_up: list[dict[str, Any]] = field(default_factory=list)


CURRENT: list[RaySession] = []
"""The session of the trials that run now."""


class Recorder(tune.Callback):
    """Keeps the outcome of a trial the moment it ends; Ray pickles it with the experiment, so it holds nothing."""

    def on_trial_start(self, iteration: int, trials: Any, trial: Any, **_: Any) -> None:
        """Tell the listener."""
        CURRENT[0].start(requested_trial(trial.config))

    def on_trial_result(self, iteration: int, trials: Any, trial: Any, result: dict[str, Any], **_: Any) -> None:
        """Take note of a validation."""
        if OUTCOME not in result:
            CURRENT[0].validate(requested_trial(trial.config), result)

    def on_trial_complete(self, iteration: int, trials: Any, trial: Any, **_: Any) -> None:
        """Keep the outcome, or that the scheduler stopped the trial."""
        session, asked = CURRENT[0], requested_trial(trial.config)
        if asked["id"] in session.known:
            session.ended += 1
            return
        last = trial.last_result or {}
        if OUTCOME not in last:
            session.stop(asked)
            return
        checkpoint = trial.checkpoint.path if trial.checkpoint else None
        session.end(asked, {**json.loads(last[OUTCOME]), "checkpoint": checkpoint})

    def on_trial_error(self, iteration: int, trials: Any, trial: Any, **_: Any) -> None:
        """Keep the reason of a trial that failed for good.

        When a machine is lost, all that was asked of a trial fails at once: Ray Tune (2.60) queues the trial again for
        the first error, and gives it up for the second because it is queued, whatever ``max_failures`` allows. The
        error was pickled by a worker of this very experiment, into the folder whose name nobody could know.
        """
        session, asked = CURRENT[0], requested_trial(trial.config)
        if trial.should_recover():
            session.given_up.append(asked)
            return
        error = trial.get_pickled_error()
        session.fail(asked, str(getattr(error, "cause", None) or error or ""))


def fit(tuner: tune.Tuner, experiment: Experiment, listener: Listener, known: dict[str, dict[str, Any]]) -> RaySession:
    """Run the trials and return what became of them."""
    session = RaySession(experiment.ledger, experiment.search.valid_metric, listener, known=frozenset(known))
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


def _taken(reference: Any) -> SharedData | str:
    return reference if isinstance(reference, str) else ray.get(reference)


def _remove_pickles(folder: Path) -> None:
    """Remove what Ray keeps for its own way to resume, lest somebody who gets the folder runs what is in it."""
    for path in folder.rglob("*.pkl"):
        with contextlib.suppress(OSError):
            path.unlink()


def _folder_name(trial: Any) -> str:
    return f"trial-{trial.trial_id}"


def _scheduler(search: Search) -> Any:
    if search.scheduler == "fifo":
        return None
    from ray.tune.schedulers import ASHAScheduler

    mode = "max" if search.valid_metric.better is Better.HIGHER else "min"
    return ASHAScheduler(metric=str(search.valid_metric), mode=mode, grace_period=5, max_t=10_000)
