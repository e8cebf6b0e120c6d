"""RecBole's log, a file for each run, without the warnings that its user cannot act on."""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

from recbole.config import Config
from recbole.utils import init_logger

from recbole_ile.errors import InputError
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
    root.info(config)


_handlers: list[logging.Handler] = []


class SilentWriter:
    """A TensorBoard writer that writes nothing, whatever it is asked to."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *_, **__: None


@contextlib.contextmanager
def quiet_recbole() -> Iterator[None]:
    """Hide the deprecation warnings of RecBole's own code, which its user cannot act on."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"(recbole|thop)\.")
        yield
