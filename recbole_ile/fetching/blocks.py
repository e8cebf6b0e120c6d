"""A text file as blocks of whole lines, each with the number of its first."""

from __future__ import annotations

from collections.abc import Iterator

from recbole_ile.errors import InputError
from recbole_ile.fetching.safety import DamagedFile, Readable, check_start

BLOCK = 16 * 2**20
"""Bytes of a block, or a little more."""
LONGEST_LINE = 2**20
"""Bytes of a line, beyond which a file holds no interactions."""


def blocks_of_lines(stream: Readable, name: str) -> Iterator[tuple[int, bytes]]:
    """Cut a stream into blocks that end with a line feed, so that no line is cut.

    Carriage returns before a line feed and a byte-order mark are taken away.

    Args:
        stream: read once, to its end.
        name: of the file, for the error.

    Yields:
        The number of a block's first line, counted from 1, and its bytes.

    Raises:
        DamagedFile: for what is no text.
        InputError: for a line that is too long.
    """
    number, rest, first = 1, b"", True
    while chunk := stream.read(BLOCK):
        if first:
            check_start(chunk[:512], name)
            chunk, first = chunk.removeprefix(b"\xef\xbb\xbf"), False
        whole, feed, tail = chunk.rpartition(b"\n")
        if feed:
            block = (rest + whole + feed).replace(b"\r\n", b"\n")
            yield number, block
            number, rest = number + block.count(b"\n"), tail
        else:
            rest += tail
        if len(rest) > LONGEST_LINE:
            raise InputError(f"{name}: line {number} is longer than {LONGEST_LINE} bytes; it holds no interaction")
    if first:
        raise DamagedFile(f"{name} is empty")
    if rest:
        yield number, rest.removesuffix(b"\r") + b"\n"
