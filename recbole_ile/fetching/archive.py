"""Read the files inside a zip or gzip file as streams; nothing is ever unpacked to the disk."""

from __future__ import annotations

import contextlib
import gzip
import zipfile
import zlib
from collections.abc import Container, Iterator
from pathlib import Path, PurePosixPath

from recbole_ile.errors import InputError
from recbole_ile.fetching.safety import Bounded, DamagedFile, Readable, check_member

LARGEST_TABLE = 64 * 2**20
"""Bytes of a file that is read at once, of the films or people of an archive."""

_INTERACTIONS = ("ratings.dat", "ratings.csv", "u.data")
_SUFFIXES = (".inter", ".csv", ".tsv", ".dat", ".data", ".json", ".jsonl", ".txt")
_CHUNK = 2**20


@contextlib.contextmanager
def open_interactions(path: Path, member: str | None = None) -> Iterator[Readable]:
    """Open a zip file, a gzip file or plain text as the bytes of its text, within this context.

    Args:
        path: its content tells what it is, not its suffix.
        member: file inside a zip archive; by default, the one that looks like interactions.

    Raises:
        DamagedFile: for a truncated or unsafe archive, also while it is read.
        InputError: if nothing in the archive, or more than one file, may be interactions.
    """
    with _errors_told(path):
        start = _start(path)
        if start == b"PK":
            with zipfile.ZipFile(path) as archive, _open_member(archive, _choose(archive, path, member), path) as found:
                yield found
        elif start == b"\x1f\x8b":
            with gzip.open(path) as unpacked:
                yield Bounded(unpacked, path.stat().st_size, str(path))
        else:
            with open(path, "rb") as plain:
                yield plain


def read_beside(path: Path, names: Container[str], member: str | None = None) -> dict[str, bytes]:
    """Return the whole content of files that lie in a zip archive next to its interactions.

    Args:
        path: if it is no zip archive, nothing lies next to its interactions.
        names: of the files that are wanted, without their folder.
        member: file of the interactions; by default, the one that looks like it.

    Raises:
        DamagedFile: for a truncated or unsafe archive.
    """
    found: dict[str, bytes] = {}
    with _errors_told(path):
        if _start(path) != b"PK":
            return found
        with zipfile.ZipFile(path) as archive:
            folder = PurePosixPath(_choose(archive, path, member).filename).parent
            for info in archive.infolist():
                place = PurePosixPath(info.filename)
                if place.parent == folder and place.name in names:
                    with _open_member(archive, info, path, LARGEST_TABLE) as stream:
                        found[place.name] = b"".join(_pieces(stream))
    return found


def _start(path: Path) -> bytes:
    with open(path, "rb") as file:
        return file.read(2)


def _pieces(stream: Readable) -> Iterator[bytes]:
    while piece := stream.read(_CHUNK):
        yield piece


@contextlib.contextmanager
def _errors_told(path: Path) -> Iterator[None]:
    """Say in one line what is wrong with an archive, wherever in it that is found."""
    try:
        yield
    except (zipfile.BadZipFile, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DamagedFile(f"{path} is a damaged or truncated archive ({error}); get it again") from error
    except (NotImplementedError, RuntimeError) as error:  # an unknown compression, or a password
        raise InputError(f"{path} cannot be unpacked: {error}") from error


@contextlib.contextmanager
def _open_member(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path, largest: int | None = None
) -> Iterator[Readable]:
    with archive.open(info) as unpacked:
        yield Bounded(unpacked, info.compress_size, f"{path}: {info.filename}", info.file_size, largest)


def _choose(archive: zipfile.ZipFile, path: Path, member: str | None) -> zipfile.ZipInfo:
    """Return the file of the interactions, of an archive of which every member is safe."""
    for info in archive.infolist():
        check_member(info, path)
    files = {info.filename: info for info in archive.infolist() if not info.is_dir()}
    if member in files:
        return files[member]
    by_base: dict[str, list[zipfile.ZipInfo]] = {}
    for name, info in files.items():
        by_base.setdefault(PurePosixPath(name).name.lower(), []).append(info)
    named = next((by_base[base] for base in _INTERACTIONS if base in by_base), None)
    found = named or [info for name, info in files.items() if name.lower().endswith(_SUFFIXES)]
    if len(found) != 1:
        raise InputError(
            f"{path} holds {len(found) or 'no'} files that may be interactions"
            f"{': ' + ', '.join(info.filename for info in found[:5]) if found else ''}; "
            f"unpack it, and give one of them with --from=<file>"
        )
    return found[0]
