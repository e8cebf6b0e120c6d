"""What a file that somebody else made may be, so that reading it does no harm."""

from __future__ import annotations

import stat
import zipfile
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Protocol

from recbole_ile.errors import InputError

LARGEST_FILE = 128 * 2**30
"""Bytes that a compressed file may hold."""
LARGEST_RATIO = 100
"""How many times its compressed size a file may hold; interactions as text compress some 5 to 20 times."""
UNSUSPICIOUS = 64 * 2**20
"""Bytes up to which the ratio does not matter."""

_OTHER_MAGIC = {b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"7z\xbc\xaf": "7z", b"Rar!": "rar", b"PAR1": "parquet"}
_TAR_MAGIC, _TAR_PLACE = b"ustar", 257
_MEMBER_KINDS = (0, stat.S_IFREG, stat.S_IFDIR, stat.S_IFIFO)  # zip calls what it was piped a pipe


class Readable(Protocol):
    """What the bytes of a text are read from, in pieces, until nothing comes."""

    def read(self, size: int, /) -> bytes:
        """Return at most ``size`` bytes."""


class DamagedFile(InputError):
    """A file that cannot be what was asked for, so that another download may help."""


class Bounded:
    """A stream that ends with an error where it grows beyond what its compressed size makes likely.

    Args:
        stream: what to read.
        compressed: bytes that it is unpacked from.
        name: of the file, for the error.
        declared: bytes that it is said to hold.
        largest: bytes that it may hold in any case.

    Raises:
        DamagedFile: if more bytes are declared; ``read`` raises it if more come.
    """

    def __init__(
        self, stream: Readable, compressed: int, name: str, declared: int = 0, largest: int | None = None
    ) -> None:
        self._stream = stream
        self._left = min(largest or LARGEST_FILE, max(UNSUSPICIOUS, compressed * LARGEST_RATIO))
        self._message = f"{name} unpacks to more than {self._left} bytes and is not read"
        if declared > self._left:
            raise DamagedFile(self._message)

    def read(self, size: int, /) -> bytes:
        """Return at most ``size`` bytes."""
        content = self._stream.read(size)
        self._left -= len(content)
        if self._left < 0:
            raise DamagedFile(self._message)
        return content


def check_member(info: zipfile.ZipInfo, path: Path) -> None:
    """Refuse an archive that was made to write outside its folder, although nothing is unpacked here.

    Raises:
        DamagedFile: names the member.
    """
    # ZipInfo cleans orig_filename up; what matters is what stands in the archive.
    name = info.orig_filename
    places = (PurePosixPath(name), PureWindowsPath(name))
    outside = any(place.is_absolute() or place.drive or ".." in place.parts for place in places)
    if outside or name.startswith(("/", "\\")):
        raise DamagedFile(f"{path} is not a safe archive: its member {name!r} lies outside of its folder")
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in _MEMBER_KINDS:
        what = "a symbolic link" if kind == stat.S_IFLNK else "neither a file nor a folder"
        raise DamagedFile(f"{path} is not a safe archive: its member {name!r} is {what}")


def check_start(start: bytes, name: str) -> None:
    """Refuse what is no text, by its first bytes.

    Raises:
        DamagedFile: says what it is.
    """
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if not start:
        raise DamagedFile(f"{name} is empty")
    if text.startswith((b"<!doctype", b"<html", b"<?xml", b"<head")):
        raise DamagedFile(f"{name} is a web page and not a data set")
    for magic, kind in _OTHER_MAGIC.items():
        if start.startswith(magic):
            raise DamagedFile(f"{name} is a {kind} file; zip, gzip and plain text can be read")
    if start[_TAR_PLACE:].startswith(_TAR_MAGIC):
        raise DamagedFile(f"{name} is a tar archive; unpack it, and give the file in it that holds the interactions")
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise DamagedFile(f"{name} is UTF-16; save it as UTF-8")
    if b"\0" in start:
        raise DamagedFile(f"{name} is a binary file; zip, gzip and plain text can be read")
