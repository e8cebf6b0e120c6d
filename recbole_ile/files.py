"""Write a file whole or not at all."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import tempfile
from collections.abc import Callable
from pathlib import Path

import psutil

from recbole_ile.errors import UnwritableFile

PARTIAL = ".partial"
"""Ends the name of a file that is being written, so that nobody takes it for a whole one."""


def write_whole(path: str | Path, write: Callable[[Path], object], durable: bool = True) -> None:
    """Have ``write`` fill a temporary file beside ``path``, then rename it to ``path``.

    A crash at any moment leaves the old file or the new one. The temporary file of a failed write is removed, that
    of a killed process when the same file is written the next time.

    Args:
        path: the file to write or replace.
        write: writes its content to the path that it is given, whose suffix is another one.
        durable: whether the content reaches the disk before the name does, which holds when the power fails too.

    Raises:
        UnwritableFile: names the file and the reason, a full disk for example; what was there is still there.
    """
    path = Path(path)
    try:
        _remove_abandoned(path)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-{_process()}-", suffix=PARTIAL)
    except OSError as error:
        raise unwritable(path, error) from error
    os.close(handle)
    temporary = Path(name)
    try:
        write(temporary)
        temporary.chmod(0o666 & ~_umask())
        if durable:
            _flush(temporary)
        os.replace(temporary, path)
    except OSError as error:
        raise unwritable(path, error) from error
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: str | Path, text: str) -> None:
    """Write UTF-8 text, whole or not at all.

    Raises:
        UnwritableFile: as ``write_whole`` does.
    """
    write_whole(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def unwritable(path: str | Path, error: OSError) -> UnwritableFile:
    """Return the error that names the file that could not be written and says why."""
    if isinstance(error, UnwritableFile):
        return error
    return UnwritableFile(f"file {path} cannot be written: {error.strerror or error}")


def _process() -> str:
    """Return a name of this process that no other has, also where machines share a folder."""
    return f"{re.sub('[^A-Za-z0-9]', '_', socket.gethostname())}-{os.getpid()}"


def _remove_abandoned(path: Path) -> None:
    """Remove what processes of this machine that are no more left of writing this file."""
    host = _process().rpartition("-")[0]
    pattern = re.compile(rf"{re.escape(f'.{path.name}-{host}')}-(\d+)-\w+{re.escape(PARTIAL)}")
    for name in os.listdir(path.parent):
        found = pattern.fullmatch(name)
        if found and not psutil.pid_exists(int(found[1])):
            with contextlib.suppress(FileNotFoundError):  # another process saw it too
                (path.parent / name).unlink()


def _flush(path: Path) -> None:
    with open(path, "rb+") as file:
        os.fsync(file.fileno())


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
