"""What an interrupted run says about the checkpoint that it leaves."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Any

from recbole_ile.errors import TrainingStopped
from recbole_ile.plugin.output.run_folder import unfinished_path
from recbole_ile.signals import follows_from_interruption


@contextlib.contextmanager
def explaining_how_to_resume(trainer: Any) -> Iterator[None]:
    """Add how to resume to Ctrl-C and to a training that stops within this context.

    Raises:
        KeyboardInterrupt: says how to continue.
        TrainingStopped: says where the best epoch so far is.
    """
    try:
        yield
    except TrainingStopped as error:
        path = _left(trainer)
        kept = f"the best epoch before is kept in {path}" if path else "no epoch was saved before"
        raise TrainingStopped(f"{error}; {kept}") from error
    except BaseException as error:
        if not follows_from_interruption(error):
            raise
        path = _left(trainer)
        advice = f"--resume={path} continues after the best epoch so far" if path else "nothing was saved yet"
        raise KeyboardInterrupt(advice) from error


def _left(trainer: Any) -> str | None:
    names = (unfinished_path(trainer.saved_model_file), str(trainer.saved_model_file))
    return next(filter(os.path.exists, names), None)
