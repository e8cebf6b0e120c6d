"""RecBole's log, a file for each run, without the warnings that its user cannot act on."""

from __future__ import annotations

import contextlib
import functools
import logging
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from recbole.config import Config
from recbole.utils import init_logger

from recbole_ile.errors import InputError
from recbole_ile.files import unwritable
from recbole_ile.plugin.run_folder import make_folder


def start_logging(config: Config) -> None:
    """Log this run to its own file, whatever else in this process logs or has logged.

    Of several processes on this machine, only the first one logs.

    Raises:
        InputError: if the folders that RecBole writes to cannot be made.
    """
    make_folder(config["checkpoint_dir"])
    root = logging.getLogger()
    for handler in _handlers:
        root.removeHandler(handler)
        with contextlib.suppress(OSError):  # a full disk, which was told when the line was written
            handler.close()
    if config["local_rank"] != 0:
        _handlers[:] = [logging.NullHandler()]
        root.addHandler(_handlers[0])
        return
    # RecBole sets the logger up with basicConfig, which does nothing where there are handlers.
    others, root.handlers = root.handlers, []
    try:
        init_logger(config)
    except OSError as error:
        raise InputError(f"RecBole's folder log/ cannot be written in {Path.cwd()}: {error.strerror}") from error
    finally:
        _handlers[:] = root.handlers
        root.handlers = others + root.handlers
    for handler in _handlers:
        if isinstance(handler, logging.FileHandler):
            _tell_when_full(handler)
    root.info(config)


_handlers: list[logging.Handler] = []


def _tell_when_full(handler: logging.FileHandler) -> None:
    """Have a log raise ``UnwritableFile`` if it cannot be written; logging would print a traceback for each line."""
    usual = handler.handleError

    def tell(record: logging.LogRecord) -> None:
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            usual(record)
            return
        logging.getLogger().removeHandler(handler)  # what follows is not stopped by it again
        raise unwritable(handler.baseFilename, error) from error

    handler.handleError = tell  # type: ignore[method-assign]


class SilentWriter:
    """A TensorBoard writer that writes nothing, whatever it is asked to."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *_, **__: None


class TellingWriter:
    """A TensorBoard writer that does what ``writer`` does, and raises ``UnwritableFile`` when its folder is full."""

    def __init__(self, writer: Any) -> None:
        self._writer = writer

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._writer, name)
        if not callable(found):
            return found

        @functools.wraps(found)
        def call(*arguments: Any, **keywords: Any) -> Any:
            try:
                return found(*arguments, **keywords)
            except OSError as error:
                raise unwritable(self._writer.get_logdir(), error) from error

        return call


@contextlib.contextmanager
def quiet_recbole() -> Iterator[None]:
    """Hide the deprecation warnings of RecBole's own code, which its user cannot act on."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"(recbole|thop)\.")
        yield
