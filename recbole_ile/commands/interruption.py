"""What Ctrl-C says of a command that keeps what it has done in a folder."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def naming_folder(command: str, folder: Path) -> Iterator[None]:
    """Add to Ctrl-C within this context how the command goes on.

    Raises:
        KeyboardInterrupt: names the command and its folder.
    """
    try:
        yield
    except KeyboardInterrupt as error:
        raise KeyboardInterrupt(f"recbole-ile {command} --resume={folder} goes on") from error
