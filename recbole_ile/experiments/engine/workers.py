"""What runs the trainings and evaluations of a sweep or a comparison: Ray, or processes of this machine alone."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Protocol

import torch

from recbole_ile.experiments.engine.ledger import Ledger
from recbole_ile.experiments.engine.recording import Listener
from recbole_ile.experiments.engine.shared_data import SharedData
from recbole_ile.experiments.engine.trial import Asked, Evaluated, Task, UnusableModel
from recbole_ile.experiments.sweep.space import Point
from recbole_ile.metric import Metric

LOCAL = "local"


class Resources(NamedTuple):
    """What a trial gets, and how many run at once at most."""

    cpus: float
    gpus: float
    max_concurrent: int | None


class Search(NamedTuple):
    """How the trials are chosen and stopped, by ``valid_metric`` for ``asha``."""

    scheduler: str
    valid_metric: Metric
    max_failures: int


class Order(NamedTuple):
    """Trials that are to be run.

    Attributes:
        trials: ``id``, ``training`` and ``ranking`` of each.
        searcher: suggests trainings instead, to Ray Tune.
        num_samples: how many it suggests.
        until: the moment, as ``time.time`` tells it, when whatever still runs is stopped, without an outcome; ``None``
            for never.
    """

    trials: Sequence[dict[str, Any]] = ()
    searcher: Any = None
    num_samples: int = 1
    until: float | None = None


class Call(NamedTuple):
    """The evaluation of a trained model: the first arguments of ``evaluate_trained``."""

    part: str
    model: str
    training: Point
    rankings: list[Asked]


class Experiment(NamedTuple):
    """Ledger, settings and workers of a running sweep or comparison.

    Attributes:
        ledger: where outcomes are kept.
        task: what is common to all trials.
        workers: run the trials.
        search: how trials are stopped and tried again.
    """

    ledger: Ledger
    task: Task
    workers: Workers
    search: Search


class Workers(Protocol):
    """Processes in which trials run, and models are evaluated.

    Attributes:
        resources: of each trial.
    """

    resources: Resources

    @property
    def at_once(self) -> int:
        """How many trials run at a time."""

    @property
    def ready(self) -> bool:
        """Whether processes wait that have all imported."""

    def run(self, experiment: Experiment, listener: Listener, order: Order) -> bool:
        """Run trials to their end; each outcome is in the ledger as soon as it is there.

        Args:
            experiment: of the sweep.
            listener: is told about every trial.
            order: what is run.

        Returns:
            Whether they all ended; Ctrl-C and too little time leave some unfinished.
        """

    def evaluate(self, experiment: Experiment, calls: list[Call]) -> Iterator[list[Evaluated] | UnusableModel]:
        """Give, for each trained model in turn, what it comes to under its settings, or why it cannot be used.

        Raises:
            InputError: for a setting that is not allowed.
        """

    def shared(self, task: Task, training: Point) -> SharedData | str:
        """Return in this process the data set that a training needs, or the reason why there is none."""


@contextlib.contextmanager
def workers(
    address: str | None,
    verbose: bool,
    needs_ray: bool,
    cpus: float,
    gpus: float | None,
    max_concurrent: int | None,
) -> Iterator[Workers]:
    """Have within this context what trials run in: processes of this machine, or Ray where it serves.

    Args:
        address: of a Ray cluster; ``None`` for this machine.
        verbose: whether what they print is shown.
        needs_ray: whether something is asked for that only Ray Tune does.
        cpus: of each trial.
        gpus: of each trial; ``None`` for one where there are any.
        max_concurrent: trials at a time; ``None`` for as many as fit.

    Raises:
        InputError: if there is no such cluster, or no machine with as much.
    """
    if address is None and not needs_ray and not _wants_gpus(gpus) and not _ray_runs():
        from recbole_ile.experiments.engine.pool import Pool

        with Pool(cpus, max_concurrent, verbose) as pool:
            yield pool
        return
    from recbole_ile.experiments.engine.machines import ray_session, trial_resources
    from recbole_ile.experiments.engine.ray_workers import RayWorkers

    with ray_session(address or LOCAL, verbose):
        yield RayWorkers(trial_resources(cpus, gpus, max_concurrent))


def _wants_gpus(gpus: float | None) -> bool:
    return torch.cuda.is_available() if gpus is None else gpus > 0


def _ray_runs() -> bool:
    """Whether whoever called has started Ray in this process already."""
    ray = sys.modules.get("ray")
    return ray is not None and bool(ray.is_initialized())
