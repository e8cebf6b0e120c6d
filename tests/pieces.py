"""Pieces of work for the processes of a pool, which import them from here."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from recbole_ile.errors import InputError, UnwritableFile


def tell_place(_: Any, tell: Callable[[Any], None], number: int) -> tuple[int, int, str, str | None]:
    """Tell twice, and return the number, the process, its folder and a variable."""
    tell(number)
    tell(number)
    return number, os.getpid(), os.getcwd(), os.environ.get("OF_A_TEST")


def end_once(_: Any, __: Any, mark: str) -> str:
    """End this process without a word, unless another one did so before."""
    if not Path(mark).exists():
        Path(mark).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return "done"


def end_once_of_call(_: Any, __: Any, call: Any, task: Any) -> str:
    """Do as ``end_once``, for what evaluates a model."""
    assert task
    return end_once(_, __, call.model)


def refuse(_: Any, __: Any, kind: str) -> None:
    """Fail in one of the ways that are told apart."""
    raise {"input": InputError, "file": UnwritableFile}.get(kind, ValueError)(f"{kind} is wrong")


def wait_long(_: Any, __: Any, mark: str) -> None:
    """Work longer than any test."""
    Path(mark).write_text(str(os.getpid()))
    time.sleep(600)
