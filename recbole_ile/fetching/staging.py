"""Folders that are there in the end only if what they were made for went well."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from recbole_ile.errors import InputError
from recbole_ile.files import new_folder


@contextlib.contextmanager
def new_folders(folder: Path) -> Iterator[None]:
    """Make a folder and those that it needs; if the context ends with an error, the new ones go as far as empty."""
    created: list[Path] = []
    try:
        for path in (*reversed(folder.parents), folder):
            if not path.exists():
                path.mkdir()
                created.append(path)
        yield
    except BaseException:
        for path in reversed(created):
            with contextlib.suppress(OSError):  # somebody else put something there
                path.rmdir()
        raise


@contextlib.contextmanager
def staging(folder: Path) -> Iterator[Path]:
    """Give a hidden folder beside this one, whose files are in this one when the context ends without an error.

    Whatever ends it otherwise, an interrupt too, leaves everything as it was.

    Args:
        folder: the folders that it needs are made; of one that exists, files of the same names are replaced.

    Raises:
        InputError: if it cannot be written.
    """
    try:
        with new_folders(folder.parent):
            staged = new_folder(folder.parent, f".{folder.name}-")
            try:
                yield staged
                _publish(staged, folder)
            finally:
                shutil.rmtree(staged, ignore_errors=True)
    except OSError as error:
        raise InputError(f"{folder} cannot be written: {error.strerror or error}") from error


def _publish(staged: Path, folder: Path) -> None:
    if folder.exists():
        for file in sorted(staged.iterdir()):
            os.replace(file, folder / file.name)
        return
    os.replace(staged, folder)
