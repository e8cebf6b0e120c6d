"""What a process of the pool does: one piece of work after the other, with the data set of the last one at hand."""

from __future__ import annotations

import contextlib
import os
import platform
import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

from recbole_ile.errors import InputError
from recbole_ile.experiments.engine.ledger import MODEL_FILE
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
from recbole_ile.experiments.engine.workers import Call
from recbole_ile.experiments.sweep.space import Point
from recbole_ile.files import unwritable, write_whole
from recbole_ile.signals import SIGNALS

DEAF_TO = (signal.SIGINT, *(number for number in SIGNALS if number != signal.SIGTERM))
"""What interrupts is for the process that asks, which ends the others; a terminal tells all of them."""


class Place(NamedTuple):
    """Where a process works: as the one that asks does, but for what is not kept.

    Attributes:
        folder: by which relative paths are meant.
        environment: variables.
        temporary: the folder for what is not kept.
        verbose: whether what libraries print is shown.
    """

    folder: str
    environment: dict[str, str]
    temporary: str
    verbose: bool


class News(NamedTuple):
    """What is told of a piece of work before it is done."""

    content: Any


class Done(NamedTuple):
    """What a piece of work came to."""

    result: Any


class Failed(NamedTuple):
    """Why a piece of work came to nothing: what was wrong with the input, or the text of any other error."""

    error: InputError | UnusableModel | str


class DataAtHand:
    """The data set that was used last, read again where another one is needed: from the cache, in a moment."""

    def __init__(self) -> None:
        self._signature = ""
        self._data: SharedData | str = ""

    def of(self, task: Task, training: Point) -> SharedData | str:
        """Return the data set that a training needs, or the reason why there is none."""
        signature = repr((task.dataset, task.options, data_signature(task, training)))
        if signature != self._signature:
            self._data = read_shared(task, training)
            self._signature = signature
        return self._data


def serve(connection: Connection, lifeline: Connection, place: Place) -> None:
    """Do what comes through a connection until it is closed.

    Args:
        connection: gives pairs of a function and its arguments, and takes ``News``, ``Done`` and ``Failed``. The
            function takes the ``DataAtHand`` and what tells news, too.
        lifeline: is closed when the process that asks has ended, which ends this one in the middle of its work.
        place: where it works.
    """
    for number in DEAF_TO:
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(lifeline,), daemon=True).start()
    os.environ.update(place.environment)
    os.chdir(place.folder)
    tempfile.tempdir = place.temporary
    if not place.verbose:
        _be_silent()
    at_hand = DataAtHand()
    while True:
        try:
            function, arguments = connection.recv()
        except EOFError:
            return
        with contextlib.suppress(BrokenPipeError):
            connection.send(_answer(function, at_hand, lambda news: connection.send(News(news)), arguments))


def train_piece(
    at_hand: DataAtHand, tell: Callable[[dict[str, Any]], None], asked: dict[str, Any], task: Task, models: str
) -> dict[str, Any]:
    """Train what is asked for; return the outcome, whose model lies in a folder of ``models`` named as the trial.

    Raises:
        UnwritableFile: if the model cannot be kept.
    """
    data = at_hand.of(task, asked["training"])  # before it works in another folder, as paths may be relative
    with trained(asked, task, data, tell) as (outcome, model):
        outcome["node"], outcome["checkpoint"] = platform.node(), None
        if model is not None:
            kept = Path(models) / str(asked["id"])
            _make(kept)
            write_whole(kept / MODEL_FILE, lambda temporary: shutil.copyfile(model, temporary))
            outcome["checkpoint"] = str(kept)
    return outcome


def evaluate_piece(at_hand: DataAtHand, _: Any, call: Call, task: Task) -> list[Evaluated]:
    """Evaluate a trained model.

    Raises:
        UnusableModel: if the file is damaged, or of another model.
        InputError: for a setting that is not allowed.
    """
    return evaluate_trained(*call, task, at_hand.of(task, call.training))


def _answer(function: Callable[..., Any], at_hand: DataAtHand, tell: Callable[[Any], None], arguments: Any) -> Any:
    try:
        return Done(function(at_hand, tell, *arguments))
    except (InputError, UnusableModel) as error:
        return Failed(error)
    except Exception as error:
        return Failed(f"{type(error).__name__}: {error}")


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(folder, error) from error


def _end_with(lifeline: Connection) -> None:
    with contextlib.suppress(EOFError, OSError):
        lifeline.recv_bytes()
    os._exit(1)


def _be_silent() -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for number in (1, 2):
        os.dup2(nowhere, number)
    os.close(nowhere)
