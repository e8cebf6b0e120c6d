"""The lines of an atomic file: how they are cut into fields, and which are not as the header says."""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from recbole_ile.errors import InputError

_BLOCK = 1 << 24
"""Bytes that are looked at together."""
_READ_DIFFERENTLY = [bytes([code]) for code in (*b'"\0\r\v\f', *range(0x1C, 0x20))]
"""Quotes, which pandas' two parsers undo differently, ends of lines, and what Python alone takes for blank."""
_DIGITS = 0x30
"""Bytes from here on may be the second of a character, in the encodings of East Asia."""


class Record(NamedTuple):
    """What stands between two ends of lines.

    Attributes:
        line: number of its line in the file, from 1.
        fields: without the quotes around them.
    """

    line: int
    fields: list[str]


class Odd:
    """Lines of one kind, of which only the first is remembered.

    Attributes:
        count: how many there are.
        first: number of the first; 0 if there is none.
    """

    def __init__(self) -> None:
        self.count = self.first = 0

    def add(self, lines: Iterable[int]) -> None:
        """Count lines, given in their order."""
        for line in lines:
            self.first = self.first or int(line)
            self.count += 1

    def named(self, what: str) -> str:
        """Return ``3 lines <what> (first: line 7)``."""
        return f"{self.count} line{'s' * (self.count > 1)} {what} (first: line {self.first})"


class Lines:
    """What there is to say about all lines of a file.

    Attributes:
        plain: whether every line can be cut at the separators alone.
        surplus: lines with more fields than the header.
        missing: lines with fewer.
        blank: lines without anything, but for those at the end.
    """

    def __init__(self) -> None:
        self.plain = True
        self.surplus, self.missing, self.blank = Odd(), Odd(), Odd()

    @property
    def regular(self) -> bool:
        """Whether every line has as many fields as the header."""
        return not (self.surplus.count or self.missing.count or self.blank.count)

    def notes(self, path: str) -> list[str]:
        """Return the line that says what is odd and how it is read, if anything is."""
        said = [
            f"{odd.named(what)}, {how}"
            for odd, what, how in (
                (self.surplus, "with more fields than the header", "which are not read"),
                (self.missing, "with fewer fields than the header", "where the missing ones are taken for empty"),
                (self.blank, "without anything", "which are passed over"),
            )
            if odd.count
        ]
        return [f"{path}: {'; '.join(said)}"] if said else []


def records(path: str, separator: str, encoding: str) -> Iterator[Record]:
    """Yield what RecBole's reader, which is pandas' parser in Python, reads of a file; the first is the header.

    Raises:
        InputError: names the line where a quotation mark goes on into the next one or stands where none may.
        UnicodeDecodeError: for what is no text in this encoding.
    """
    end = 0
    with open(path, encoding=encoding, newline="") as file:
        reader = csv.reader(file, delimiter=separator, strict=True)
        try:
            for fields in reader:
                line, end = end + 1, reader.line_num
                if end > line:
                    raise InputError(f"{path}: line {line} has a field whose quotation mark does not close")
                yield Record(line, fields)
        except csv.Error as error:
            quoted = "expected after" in str(error) or "unexpected end" in str(error)
            reason = "has a field whose quotation mark does not close" if quoted else f"cannot be read: {error}"
            raise InputError(f"{path}: line {end + 1} {reason}") from error


def is_blank(fields: list[str]) -> bool:
    """Return whether a record is none for pandas: without fields, or with one in which there is nothing to see."""
    return not fields or (len(fields) == 1 and not fields[0].strip())


def line_of_row(path: str, row: int, separator: str, encoding: str) -> int:
    """Return the line on which a row of the table stands, counted from 0."""
    rows = (record for record in records(path, separator, encoding) if not is_blank(record.fields))
    return next(record.line for number, record in enumerate(rows, start=-1) if number == row)


def look_at_lines(path: str, separator: str, encoding: str) -> Lines:
    """Count the fields of every line.

    Args:
        path: an atomic file.
        separator: between its fields, one character.
        encoding: of the file.

    Raises:
        InputError: names the line that RecBole could not read, or after which it would take one column for another.
        UnicodeDecodeError: for what is no text in this encoding.
    """
    regular = _has_regular_lines(path, separator, encoding)
    return Lines() if regular else _read_records(path, separator, encoding, plain=regular is not None)


def _has_regular_lines(path: str, separator: str, encoding: str) -> bool | None:
    """Tell whether all lines have as many fields as the first, ``None`` if that takes more than counting separators."""
    if not _is_one_byte(separator, encoding):
        return None
    header, rest = 0, b""
    with open(path, "rb") as file:
        while content := file.read(_BLOCK):
            whole, feed, rest = (rest + content).rpartition(b"\n")
            fields = _fields_of(whole + feed, separator)
            if fields is None:
                return None
            if len(fields):
                header = header or int(fields[0])
                if (fields != header).any():
                    return False
    fields = _fields_of(rest + b"\n" * bool(rest), separator)
    return None if fields is None else bool((fields == (header or fields)).all())


def _is_one_byte(separator: str, encoding: str) -> bool:
    """Return whether a separator is one byte in a file, and the end of a line another, and neither a part of others."""
    try:
        same = (separator + "\n").encode(encoding) == (separator + "\n").encode("ascii")
        return same and (codecs.lookup(encoding).name in ("utf-8", "ascii", "iso8859-1") or ord(separator) < _DIGITS)
    except UnicodeError:
        return False


def _fields_of(block: bytes, separator: str) -> np.ndarray | None:
    """Return how many fields each line of a block has, ``None`` if that takes more than counting."""
    if any(byte in block for byte in _READ_DIFFERENTLY):
        return None
    content = np.frombuffer(block, np.uint8)
    ends = np.flatnonzero(content == ord("\n"))
    places = np.flatnonzero(content == ord(separator))
    return np.diff(np.searchsorted(places, ends), prepend=0) + 1


def _read_records(path: str, separator: str, encoding: str, plain: bool) -> Lines:
    lines, below, header, blank = Lines(), 0, 0, []
    lines.plain = plain
    for line, fields in records(path, separator, encoding):
        if is_blank(fields):
            blank.append(line)
            continue
        count = len(fields)
        if not header:
            header = count
            continue
        lines.blank.add(blank)
        blank, below = [], below + 1
        if count > header:
            _check_surplus(path, line, count, header, below)
            lines.surplus.add([line])
        elif count < header:
            lines.missing.add([line])
    lines.plain &= not blank  # of which the two parsers pass over different ones
    return lines


def _check_surplus(path: str, line: int, count: int, header: int, below: int) -> None:
    """Refuse a surplus that makes pandas take the first columns for names of rows, and move all others."""
    if below == 1 or (below == 2 and count == 2 * header):
        raise InputError(
            f"{path}: line {line} has {count} fields and the header {header}; so near to the header, RecBole would "
            "take each column for the one beside it"
        )
