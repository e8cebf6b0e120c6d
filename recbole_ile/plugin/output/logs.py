"""RecBole's log, a file and a TensorBoard folder for each run, without warnings that its user cannot act on."""

from __future__ import annotations

import contextlib
import copy
import functools
import itertools
import logging
import sys
import types
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from recbole.config import Config
from recbole.utils import init_logger

from recbole_ile.errors import InputError
from recbole_ile.files import unwritable
from recbole_ile.plugin.output.run_folder import make_folder
from recbole_ile.signals import postponed
from recbole_ile.texts import file_name, printable, printable_lines

TENSORBOARD = Path("log_tensorboard")
"""Where RecBole has a folder for each run, below the working directory."""


def start_logging(config: Config) -> None:
    """Log this run to its own file, whatever else in this process logs or has logged.

    Of several processes on this machine, only the first one logs. Nothing in a line acts but its colour.

    Raises:
        InputError: if the folders that RecBole writes to cannot be made.
    """
    make_folder(config["checkpoint_dir"])
    root = logging.getLogger()
    stop_logging()
    if config["local_rank"] != 0:
        _handlers[:] = [logging.NullHandler()]
        root.addHandler(_handlers[0])
        return
    # RecBole sets the logger up with basicConfig, which does nothing where there are handlers.
    others = list(root.handlers)
    _replace(root, others, [])
    try:
        init_logger(_NamingFiles(config))
    except OSError as error:
        raise InputError(f"RecBole's folder log/ cannot be written in {Path.cwd()}: {error.strerror}") from error
    finally:
        _handlers[:] = [_whole(handler) for handler in root.handlers]
        _replace(root, list(root.handlers), [*others, *_handlers])
    for handler in _handlers:
        handler.setFormatter(_PrintableLines(handler.formatter))
    shown = copy.copy(config)
    shown.final_config_dict = {
        key: printable(value) if isinstance(value, str) else value for key, value in config.final_config_dict.items()
    }
    root.info(shown)


_handlers: list[logging.Handler] = []


def _replace(logger: logging.Logger, handlers: list[logging.Handler], by: list[logging.Handler]) -> None:
    for handler in handlers:
        logger.removeHandler(handler)
    for handler in by:
        logger.addHandler(handler)


def stop_logging() -> None:
    """End the log of this process's run, if there is one, and close its file."""
    for handler in _handlers:
        logging.getLogger().removeHandler(handler)
        with contextlib.suppress(OSError):  # a full disk, which was told when the line was written
            handler.close()
    _handlers.clear()


def own_log_file(path: str) -> logging.FileHandler:
    """Return the handler of a new log file: of that name or, if another run has it, with a number behind it.

    Runs that start in the same second, in whichever process or machine that shares the folder, have a file each.
    """
    for name in _names(Path(path)):
        with contextlib.suppress(FileExistsError):
            return _LogFile(name)
    raise AssertionError


def own_tensorboard(logger: logging.Logger) -> Any:
    """Make a new TensorBoard folder, named as this run's log; return a stand-in of the logger that RecBole asks.

    RecBole takes the name from the first log file that it finds, which may be the caller's own, up to its first dot.

    Raises:
        OSError: if the folder cannot be made.
    """
    files = [each for each in (*_handlers, *logger.handlers) if isinstance(each, logging.FileHandler)]
    stem = Path(files[0].baseFilename).stem.replace(".", "_") if files else None
    if stem is None:
        from recbole.utils import get_local_time

        stem = f"model-{get_local_time()}"
    TENSORBOARD.mkdir(exist_ok=True)
    for folder in _names(TENSORBOARD / stem):
        with contextlib.suppress(FileExistsError):
            folder.mkdir()
            return types.SimpleNamespace(handlers=[types.SimpleNamespace(baseFilename=folder.name)])
    raise AssertionError


def _names(path: Path) -> Iterator[Path]:
    return (
        path if number == 1 else path.with_name(f"{path.stem}-{number}{path.suffix}") for number in itertools.count(1)
    )


class _NamingFiles:
    """What ``init_logger`` reads of a configuration, with the data set's name as a part of a file's name."""

    def __init__(self, config: Config) -> None:
        self._config, self.final_config_dict = config, config.final_config_dict

    def __getitem__(self, key: str) -> Any:
        return file_name(self._config[key]) if key == "dataset" else self._config[key]


class _PrintableLines(logging.Formatter):
    """Formats as another formatter does, and shows control characters as escapes."""

    def __init__(self, formatter: logging.Formatter | None) -> None:
        super().__init__()
        self._formatter = formatter or logging.Formatter()

    def format(self, record: logging.LogRecord) -> str:
        return printable_lines(self._formatter.format(record))


class _WholeLines(logging.StreamHandler):
    """Lets a line end before a signal interrupts, so that the next one does not begin in the middle of it."""

    def emit(self, record: logging.LogRecord) -> None:
        with postponed():
            super().emit(record)


def _whole(handler: logging.Handler) -> logging.Handler:
    """Return the handler, or one that writes whole lines to the same stream."""
    if type(handler) is not logging.StreamHandler:
        return handler
    whole = _WholeLines(handler.stream)
    whole.setLevel(handler.level)
    whole.setFormatter(handler.formatter)
    for each in handler.filters:
        whole.addFilter(each)
    return whole


class _LogFile(_WholeLines, logging.FileHandler):
    """A new log file that raises ``UnwritableFile`` if it cannot be written; logging would print tracebacks.

    Raises:
        FileExistsError: if there is such a file.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path, mode="x", encoding="utf-8", errors="backslashreplace")
        self.mode = "a"  # should it be opened again

    def handleError(self, record: logging.LogRecord) -> None:
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            super().handleError(record)
            return
        logging.getLogger().removeHandler(self)  # what follows is not stopped by it again
        raise unwritable(self.baseFilename, error) from error


class SilentWriter:
    """A writer of TensorBoard or Weights & Biases that writes nothing, whatever it is asked to."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *_, **__: None


class TellingWriter:
    """A TensorBoard writer that does what ``writer`` does, and raises ``UnwritableFile`` when its folder is full.

    A call is not interrupted: its thread would wait for ever for what half of a call has not told it.
    """

    def __init__(self, writer: Any) -> None:
        self._writer = writer
        if _open_writers:
            _open_writers[-1].append(self)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._writer, name)
        if not callable(found):
            return found

        @functools.wraps(found)
        def call(*arguments: Any, **keywords: Any) -> Any:
            try:
                with postponed():
                    return found(*arguments, **keywords)
            except OSError as error:
                raise unwritable(self._writer.get_logdir(), error) from error

        return call


_open_writers: list[list[TellingWriter]] = []


@contextlib.contextmanager
def closing_writers() -> Iterator[None]:
    """Close the TensorBoard writers that are made within this context, which ends their threads.

    Raises:
        UnwritableFile: if what is left of a run that ended well cannot be written.
    """
    made: list[TellingWriter] = []
    _open_writers.append(made)
    try:
        yield
    except BaseException:
        with contextlib.suppress(OSError):  # what ended the run is what its caller has to know
            _close(made)
        raise
    else:
        _close(made)
    finally:
        _open_writers.remove(made)


def _close(writers: list[TellingWriter]) -> None:
    with contextlib.ExitStack() as closed:
        for writer in writers:
            closed.callback(writer.close)


@contextlib.contextmanager
def quiet_recbole() -> Iterator[None]:
    """Hide the deprecation warnings of RecBole's own code, which its user cannot act on."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"(recbole|thop)\.")
        yield
