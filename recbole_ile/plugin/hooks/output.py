"""What this package plants in RecBole's output: a log and a TensorBoard folder of one run each."""

from __future__ import annotations

import functools
import logging
import threading
from typing import Any

from recbole.trainer import trainer
from recbole.utils import logger

from recbole_ile.files import unwritable
from recbole_ile.plugin.output.logs import SilentWriter, TellingWriter, own_log_file, own_tensorboard
from recbole_ile.plugin.patching import Patches, StandIn
from recbole_ile.plugin.processes.group import rank

HOOKS = Patches()


@HOOKS.add
def one_tensorboard() -> None:
    """``Trainer`` makes a TensorBoard folder in each of several processes, though all would write the same.

    Only the first process gets a writer, which says in one line that the disk is full. Its folder is its own: RecBole
    names it by the second, and after the first log file of the process up to a dot, also one that is not RecBole's.
    Can go when RecBole does so.
    """
    get_tensorboard = trainer.get_tensorboard

    @functools.wraps(get_tensorboard)
    def of_first(asking: logging.Logger) -> Any:
        if rank() != 0:
            return SilentWriter()
        try:
            return TellingWriter(get_tensorboard(own_tensorboard(asking)))
        except OSError as error:
            raise unwritable("log_tensorboard", error) from error

    trainer.get_tensorboard = of_first


@HOOKS.add
def one_wandb() -> None:
    """``Trainer`` begins a run of Weights & Biases in each of several processes, though all would log the same.

    Only the first process begins one. Can go when RecBole does so.
    """
    begin = trainer.WandbLogger

    @functools.wraps(begin, updated=())
    def of_first(config: Any) -> Any:
        return begin(config) if rank() == 0 else SilentWriter()

    trainer.WandbLogger = of_first


@HOOKS.add
def own_log_files() -> None:
    """``init_logger`` names its file by the second and appends to it, so that two runs of one second share it.

    Ours has a number behind the name if another run has it, and is written in UTF-8 in every locale. Can go when
    RecBole's names are unique.
    """
    logger.logging = StandIn(logger.logging, FileHandler=own_log_file)


@HOOKS.add
def tensorboard_threads() -> None:
    """TensorBoard's writing thread raises what it tells the next caller anyway, so that Python prints a traceback.

    Can go when ``tensorboard.summary.writer.event_file_writer`` only keeps the error.
    """
    hook = threading.excepthook

    @functools.wraps(hook)
    def unless_told(arguments: threading.ExceptHookArgs) -> None:
        told = issubclass(arguments.exc_type, OSError) and type(arguments.thread).__name__ == "_AsyncWriterThread"
        if not told:
            hook(arguments)

    threading.excepthook = unless_told
