"""What a command that keeps what it has done in a folder says when it has to stop, or to wait."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from recbole_ile.errors import MachineLost
from recbole_ile.signals import active, follows_from_interruption


@contextlib.contextmanager
def naming_folder(command: str, folder: Path) -> Iterator[None]:
    """Add to Ctrl-C and to the loss of a machine within this context how a command with ``--resume`` goes on.

    Raises:
        KeyboardInterrupt: names the command and its folder.
        MachineLost: likewise.
    """
    with advising(f"recbole-ile {command} --resume={folder} goes on"):
        yield


@contextlib.contextmanager
def advising(advice: str) -> Iterator[None]:
    """Add to Ctrl-C and to the loss of a machine within this context how the command goes on.

    Raises:
        KeyboardInterrupt: says so.
        MachineLost: likewise.
    """
    interruptions = active()
    if interruptions:
        interruptions.advice = advice
    try:
        yield
    except MachineLost as error:
        raise MachineLost(f"{error}; {advice}") from error
    except BaseException as error:
        if not follows_from_interruption(error):
            raise
        raise KeyboardInterrupt(advice) from error


def waiting(command: str, folder: Path) -> str:
    """Return what a command says that finds another one at work in its folder."""
    return f"another recbole-ile {command} works in {folder}; this one goes on when that has ended, Ctrl-C stops it"
