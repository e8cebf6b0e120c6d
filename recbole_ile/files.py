"""Write a file whole or not at all, take turns with other processes, and name a folder."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import socket
import tempfile
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path

import filelock
import psutil

from recbole_ile.errors import InputError, UnwritableFile

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
        temporary = _new(path.parent, f".{path.name}-{_process()}-", PARTIAL, _make_file)
    except OSError as error:
        raise unwritable(path, error) from error
    try:
        write(temporary)
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


def new_folder(parent: Path, prefix: str) -> Path:
    """Make an empty folder of a new name, which those may read who may read any other that this process makes.

    Args:
        parent: where it is made.
        prefix: begins its name; what follows is random.

    Raises:
        OSError: if it cannot be made.
    """
    return _new(parent, prefix, "", Path.mkdir)


@contextlib.contextmanager
def locked(path: str | Path, wait: Callable[[], object] = lambda: None) -> Iterator[None]:
    """Keep other processes out of this context until it ends; the system frees it when a process is killed.

    Args:
        path: the file that stands for what is locked; it stays, empty.
        wait: is called once if another process is within.

    Raises:
        UnwritableFile: if there can be no such file.
    """
    lock = filelock.FileLock(path)
    try:
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout:
            wait()
            lock.acquire()
    except NotImplementedError:  # a file system without locks; what is written is whole all the same
        yield
        return
    except OSError as error:
        raise unwritable(path, error) from error
    try:
        yield
    finally:
        lock.release()


def check_folder_name(option: str, name: str) -> None:
    """Refuse a name that is not the name of one folder.

    Raises:
        InputError: names the option, its value and what is allowed.
    """
    strange = any(unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp") for letter in name)
    if not name.strip() or name in (".", "..") or "/" in name or "\\" in name or strange:
        raise InputError(
            f"option {option}={name if name.isprintable() else ascii(name)} is not allowed; it is the name of one "
            "folder, without / and \\, and neither . nor .."
        )


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


def _new(parent: Path, prefix: str, suffix: str, make: Callable[[Path], None]) -> Path:
    """Have ``make`` make something of a random name in a folder, and return its path.

    ``tempfile`` makes what its owner alone may read, and a process can ask for its umask only by changing it for a
    moment, in all its threads. Here the system applies the umask.
    """
    for _ in range(tempfile.TMP_MAX):
        path = parent / f"{prefix}{secrets.token_hex(4)}{suffix}"
        with contextlib.suppress(FileExistsError):
            make(path)
            return path
    raise FileExistsError(errno.EEXIST, "no free name for a temporary file", str(parent))


def _make_file(path: Path) -> None:
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
