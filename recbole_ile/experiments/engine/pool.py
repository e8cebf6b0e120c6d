"""Run trials in processes of this machine, which live as long as the sweep or the comparison does."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import tempfile
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from multiprocessing.connection import wait
from typing import Any, NamedTuple

from recbole_ile.errors import InputError, MachineLost, UnwritableFile
from recbole_ile.experiments.engine import pool_process
from recbole_ile.experiments.engine.pool_process import (
    DEAF_TO,
    Done,
    Failed,
    News,
    Place,
    evaluate_piece,
    serve,
    train_piece,
)
from recbole_ile.experiments.engine.recording import Listener, Session
from recbole_ile.experiments.engine.shared_data import SharedData
from recbole_ile.experiments.engine.trial import Evaluated, Task, UnusableModel, data_signature, read_shared
from recbole_ile.experiments.engine.workers import Call, Experiment, Order, Resources
from recbole_ile.experiments.sweep.space import Point
from recbole_ile.plugin.processes.launch import n_cores
from recbole_ile.plugin.processes.starting import starting

METHOD = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
ENDED = "its process was ended, for want of memory perhaps"


class Piece(NamedTuple):
    """A function of ``pool_process`` and its arguments; ``number`` tells it from others."""

    number: int
    function: Callable[..., Any]
    arguments: tuple[Any, ...]


class Pool:
    """Processes of this machine, started when they are needed.

    Args:
        cpus: of each trial.
        max_concurrent: trials at a time; ``None`` for as many as fit.
        verbose: whether what libraries print in them is shown.

    Raises:
        InputError: if this machine has fewer cores.
    """

    def __init__(self, cpus: float, max_concurrent: int | None, verbose: bool) -> None:
        if cpus > n_cores():
            raise InputError(f"option cpus_per_trial={cpus:g} is more than any machine has; this one has {n_cores()}")
        self.resources = Resources(cpus, 0.0, max_concurrent)
        fitting = int(n_cores() / cpus)
        self.at_once = min(fitting, max_concurrent or fitting)
        self._verbose = verbose
        self._idle: list[_Worker] = []
        self._data: dict[str, SharedData | str] = {}

    def __enter__(self) -> Pool:
        self._folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._idle:
            worker.end()
        self._idle.clear()
        self._folder.cleanup()

    @property
    def ready(self) -> bool:
        """Whether processes wait that have all imported."""
        return bool(self._idle)

    def run(self, experiment: Experiment, listener: Listener, order: Order) -> bool:
        """Run trials to their end, as ``Workers`` says.

        Raises:
            NotImplementedError: if a searcher suggests them, which only Ray Tune asks.
        """
        if order.searcher is not None:
            raise NotImplementedError
        self._prepare()
        asked = order.trials
        session = Session(experiment.ledger, experiment.search.valid_metric, listener)
        models = str(experiment.ledger.models_folder)

        def take(piece: Piece, answer: Any) -> None:
            if isinstance(answer, News):
                session.validate(asked[piece.number], answer.content)
            elif isinstance(answer, Done):
                session.end(asked[piece.number], answer.result)
            elif isinstance(answer.error, UnwritableFile):
                raise answer.error
            else:
                session.fail(asked[piece.number], str(answer.error))

        try:
            for trial in asked:
                self.shared(experiment.task, trial["training"])
            pieces = [Piece(n, train_piece, (each, experiment.task, models)) for n, each in enumerate(asked)]
            return self._do(
                pieces,
                experiment.search.max_failures,
                take,
                begin=lambda piece: session.start(asked[piece.number]),
                until=order.until,
            )
        except KeyboardInterrupt:
            return False

    def evaluate(self, experiment: Experiment, calls: list[Call]) -> Iterator[list[Evaluated] | UnusableModel]:
        """Evaluate each trained model, as many at once as fit.

        Raises:
            InputError: for a setting that is not allowed.
            MachineLost: if its process is ended again and again.
            RuntimeError: if an evaluation fails for another reason.
        """
        self._prepare()
        found: dict[int, list[Evaluated] | UnusableModel] = {}

        def take(piece: Piece, answer: Any) -> None:
            if isinstance(answer, Done):
                found[piece.number] = answer.result
            elif isinstance(answer.error, UnusableModel):
                found[piece.number] = answer.error
            elif isinstance(answer.error, InputError):
                raise answer.error
            elif answer.error == ENDED:
                raise MachineLost(f"the evaluation of {calls[piece.number].model} failed: {ENDED}")
            else:
                raise RuntimeError(answer.error)

        pieces = [Piece(number, evaluate_piece, (call, experiment.task)) for number, call in enumerate(calls)]
        self._do(pieces, experiment.search.max_failures, take)
        yield from (found[number] for number in range(len(calls)))

    def shared(self, task: Task, training: Point) -> SharedData | str:
        """Return in this process the data set that a training needs, or the reason why there is none."""
        signature = data_signature(task, training)
        if signature not in self._data:
            self._data[signature] = read_shared(task, training)
        return self._data[signature]

    def _prepare(self) -> None:
        """Have what the processes need imported while this one reads the data."""
        if METHOD == "forkserver" and not self._idle:
            from multiprocessing import forkserver  # which Windows is without

            multiprocessing.get_context(METHOD).set_forkserver_preload([pool_process.__name__])
            with self._starting():
                forkserver.ensure_running()

    def _do(
        self,
        pieces: list[Piece],
        max_failures: int,
        take: Callable[[Piece, Any], object],
        begin: Callable[[Piece], object] = lambda _: None,
        until: float | None = None,
    ) -> bool:
        """Do pieces of work, as many at once as fit; return whether there was time for all.

        Args:
            pieces: of work.
            max_failures: times that a piece is done again which fails for another reason than its input.
            take: is given what is told of a piece, and what it came to in the end.
            begin: is told of each that begins.
            until: when whatever still runs is stopped.
        """
        waiting, busy, failures = deque(pieces), dict[_Worker, Piece](), Counter[int]()
        try:
            while waiting or busy:
                while waiting and len(busy) < self.at_once:
                    worker, piece = self._worker(), waiting.popleft()
                    busy[worker] = piece
                    begin(piece)
                    worker.give(piece)
                left = None if until is None else until - time.time()
                if left is not None and left <= 0:
                    return False
                ready = wait([each.connection for each in busy], timeout=left)
                for worker in [each for each in busy if each.connection in ready]:
                    answer = worker.answer()
                    piece = busy[worker]
                    if not isinstance(answer, News):
                        del busy[worker]
                        if worker.lives:
                            self._idle.append(worker)
                    if isinstance(answer, Failed) and isinstance(answer.error, str):
                        failures[piece.number] += 1
                        if failures[piece.number] <= max_failures:
                            waiting.append(piece)
                            continue
                    take(piece, answer)
            return True
        finally:
            for worker in busy:
                worker.end()

    def _worker(self) -> _Worker:
        if self._idle:
            return self._idle.pop()
        place = Place(os.getcwd(), dict(os.environ), self._folder.name, self._verbose)
        with self._starting():
            return _Worker(place)

    def _starting(self) -> contextlib.AbstractContextManager[None]:
        own = {
            "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", str(max(1, int(self.resources.cpus)))),
            # A process that is ended leaves semaphores, which are removed then; that they are need not be said.
            "PYTHONWARNINGS": ",".join(filter(None, [os.environ.get("PYTHONWARNINGS"), "ignore:resource_tracker"])),
        }
        return starting(own, DEAF_TO)


class _Worker:
    """A process and the connection to it."""

    def __init__(self, place: Place) -> None:
        context: Any = multiprocessing.get_context(METHOD)
        self.connection, theirs = context.Pipe()
        reader, self._lifeline = context.Pipe(duplex=False)
        self.lives = True
        self._process: Any = context.Process(target=serve, args=(theirs, reader, place), daemon=True)
        self._process.start()
        for each in (theirs, reader):
            each.close()

    def give(self, piece: Piece) -> None:
        """Have a piece of work done; that the process has ended shows in its answer."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.connection.send((piece.function, piece.arguments))

    def answer(self) -> Any:
        """Return what the process says, which if it has ended is a failure."""
        try:
            return self.connection.recv()
        except (EOFError, OSError):
            self.end()
            return Failed(ENDED)

    def end(self) -> None:
        """End the process in the middle of whatever it does."""
        self.lives = False
        self._process.kill()
        self._process.join()
        for each in (self.connection, self._lifeline):
            each.close()
