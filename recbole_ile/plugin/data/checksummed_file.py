"""Arrays and a text in one file under a checksum: what is read is what was written, or nothing."""

from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from recbole_ile.files import write_whole

_TEXT = "text"
_SEAL = hashlib.sha256().digest_size
_PIECE = 1 << 20


class DamagedFile(ValueError):
    """The file does not hold what was written to it."""


def file_digest(path: str | Path, skip: int = 0) -> bytes:
    """Return the SHA-256 digest of a file's content.

    Args:
        path: the file.
        skip: bytes at its beginning that are left out.
    """
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        file.seek(skip)
        while piece := file.read(_PIECE):
            digest.update(piece)
    return digest.digest()


def write_checksummed(path: Path, text: str, arrays: list[np.ndarray]) -> None:
    """Write a text and arrays of numbers or characters, whole or not at all.

    The file is the SHA-256 digest of what follows, then NumPy's ``npz``, in which whole numbers and
    characters take as few bytes as the largest of them needs.
    """
    packed = {_TEXT: np.frombuffer(text.encode(), dtype=np.uint8)}
    for number, array in enumerate(arrays):
        packed[f"{number}"] = _narrowed(array)
        packed[f"{number}.like"] = np.empty((0, *array.shape[1:]), array.dtype)

    def write(temporary: Path) -> None:
        with open(temporary, "wb") as file:
            file.write(bytes(_SEAL))
            np.savez(file, **packed)  # type: ignore[arg-type]
        seal = file_digest(temporary, _SEAL)
        with open(temporary, "r+b") as file:
            file.write(seal)

    write_whole(path, write, durable=False)  # a checksum tells what the power cut off


def read_checksummed(path: Path) -> tuple[str, list[np.ndarray]]:
    """Return the text and the arrays of a file that ``write_checksummed`` wrote; nothing is unpickled.

    Raises:
        DamagedFile: if a single byte is another one, missing or too many.
        OSError: if the file cannot be read.
    """
    content = path.read_bytes()
    if hashlib.sha256(memoryview(content)[_SEAL:]).digest() != content[:_SEAL]:
        raise DamagedFile("its checksum is wrong")
    file = io.BytesIO(content)
    file.seek(_SEAL)
    try:
        with np.load(file, allow_pickle=False) as packed:
            text = packed[_TEXT].tobytes().decode()
            count = (len(packed.files) - 1) // 2
            return text, [_widened(packed[f"{number}"], packed[f"{number}.like"]) for number in range(count)]
    except (ValueError, KeyError, zipfile.BadZipFile, EOFError) as error:
        raise DamagedFile(f"it is of another kind: {error}") from error


def _narrowed(array: np.ndarray) -> np.ndarray:
    """Return an array's numbers, characters as their code points, in the smallest type that holds them."""
    if array.dtype.kind == "U":
        array = _characters(array)
    if array.dtype.kind not in "iu" or array.size == 0:
        return array
    smallest = np.result_type(np.min_scalar_type(array.min()), np.min_scalar_type(array.max()))
    return array.astype(smallest)


def _widened(narrow: np.ndarray, like: np.ndarray) -> np.ndarray:
    """Return the array that ``_narrowed`` was given, of the type of ``like``."""
    if like.dtype.kind == "U":
        return np.ascontiguousarray(narrow.astype(np.uint32)).view(like.dtype).reshape(narrow.shape[:-1])
    return narrow.astype(like.dtype, copy=False)


def _characters(array: np.ndarray) -> np.ndarray:
    """Return the code points of an array of texts, with the longest text's length as last dimension."""
    return np.ascontiguousarray(array)[..., None].view(np.uint32)


def is_storable(value: Any) -> bool:
    """Return whether ``write_checksummed`` takes it: an array of numbers or characters, of one dimension at least."""
    return (
        isinstance(value, np.ndarray)
        and value.ndim > 0
        and value.dtype.kind in "biufU"
        and value.dtype.isnative
        and value.dtype.itemsize > 0
    )
