"""From a file as somebody has it to interactions, with an account of every line."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow

from recbole_ile.errors import InputError
from recbole_ile.fetching.archive import open_interactions
from recbole_ile.fetching.blocks import blocks_of_lines
from recbole_ile.fetching.columnar import COLUMNAR, Rows, row_blocks, table_blocks
from recbole_ile.fetching.fields import read_fields
from recbole_ile.fetching.interactions import Collected, Interactions
from recbole_ile.fetching.layout import Layout, find_layout
from recbole_ile.fetching.malformed import Malformed
from recbole_ile.fetching.safety import DamagedFile
from recbole_ile.fetching.values import Identifiers, identifiers, ratings, timestamps


class Conversion(NamedTuple):
    """What came of a file.

    Attributes:
        interactions: of all lines that are well formed and rated high enough.
        malformed: the lines that are not well formed.
        low: how many are rated too low.
    """

    interactions: Interactions
    malformed: Malformed
    low: int


def read_interactions(
    path: Path,
    member: str | None = None,
    format: str | None = None,
    columns: dict[str, str] | None = None,
    min_rating: float | None = None,
) -> Conversion:
    """Read a file of interactions, packed or not, in blocks of bounded size.

    Args:
        path: zip, gzip or plain text; or a file of columns, of which ``COLUMNAR`` has the suffixes.
        member: file inside a zip archive.
        format: one of ``layout.FORMATS``, if it is not what the first line looks like.
        columns: for some roles, the name of their column or its position.
        min_rating: the least rating that counts as an interaction.

    Raises:
        InputError: for what is not such a file; names it and the reason.
    """
    if path.suffix in COLUMNAR:
        return _read_columns(path, format, columns or {}, min_rating)
    layout: Layout | None = None
    collected, malformed, low = Collected(), Malformed(), 0
    with open_interactions(path, member) as stream:
        for number, block in blocks_of_lines(stream, str(path)):
            if layout is None:
                blank = len(block) - len(block.lstrip(b"\n"))
                number, block = number + blank, block[blank:]
                first, _, rest = block.partition(b"\n")
                if not first:
                    continue
                layout = find_layout(first.decode(errors="replace"), str(path), format, columns)
                if min_rating is not None and "rating" not in layout.columns:
                    raise InputError(f"option min_rating={min_rating:g}: {path} has no ratings")
                number, block = (number + 1, rest) if layout.header else (number, block)
            low += _add_block(number, block, layout, min_rating, collected, malformed)
    if layout is None:
        raise DamagedFile(f"{path} is empty")
    return Conversion(collected.joined(), malformed, low)


def _add_block(
    number: int, block: bytes, layout: Layout, min_rating: float | None, collected: Collected, malformed: Malformed
) -> int:
    """Add the interactions of a block and return how many are rated too low."""
    table, wrong = read_fields(block, layout)
    for lines, reason in wrong:
        malformed.add(number + lines, reason)
    ids = {role: identifiers(table[role]) for role in ("user", "item")}
    values = {role: read(table[role]) for role, read in _READERS.items() if role in table}
    return _add_rows(number + table.index.to_numpy(int), ids, values, min_rating, collected, malformed)


def read_frame(table: pyarrow.Table, columns: dict[str, str], where: str) -> Conversion:
    """Read interactions from a table in memory; the same rows in a file give the same.

    Args:
        table: of Arrow.
        columns: for some roles, the name of their column.
        where: what errors call it.

    Raises:
        InputError: for what is not such a table; says the reason.
    """
    return _collect(table_blocks(table, columns, where), None, where)


def _read_columns(path: Path, format: str | None, columns: dict[str, str], min_rating: float | None) -> Conversion:
    if format is not None:
        raise InputError(f"option format={format}: {path} is {COLUMNAR[path.suffix]}, which says its own")
    return _collect(row_blocks(path, columns), min_rating, str(path))


def _collect(blocks: Iterable[Rows], min_rating: float | None, name: str) -> Conversion:
    collected, malformed, low, number = Collected(), Malformed(), 0, 1
    for rows in blocks:
        if min_rating is not None and "rating" not in rows.values:
            raise InputError(f"option min_rating={min_rating:g}: {name} has no ratings")
        lines = np.arange(number, number + rows.number)
        low += _add_rows(lines, rows.ids, rows.values, min_rating, collected, malformed)
        number += rows.number
    return Conversion(collected.joined(), malformed, low)


def _add_rows(
    lines: np.ndarray,
    ids: dict[str, Identifiers],
    values: dict[str, np.ndarray],
    min_rating: float | None,
    collected: Collected,
    malformed: Malformed,
) -> int:
    """Add interactions and return how many are rated too low.

    Args:
        lines: ``[R]`` numbers of the lines.
        ids: of users and items, as ``identifiers`` returns them.
        values: ``[R]`` ratings and timestamps, NaN for what is none.
        min_rating: the least rating that counts.
        collected: where they are added.
        malformed: where lines are added that are no interactions.
    """
    good = np.ones(len(lines), bool)

    def refuse(mask: np.ndarray, reason: str) -> None:
        malformed.add(lines[mask & good], reason)
        good[mask] = False

    for _, _, reasons in ids.values():
        for reason, mask in reasons.items():
            refuse(mask, reason)
    for role, column in values.items():
        refuse(np.isnan(column), f"its {role} is no {'number' if role == 'rating' else 'number or date'}")
    well_formed = int(good.sum())
    if min_rating is not None:
        good &= values["rating"] >= min_rating
    for role, (numbers, names, _) in ids.items():
        collected.add(role, numbers[good], names)
    for role, column in values.items():
        collected.add_values(role, column[good])
    return well_formed - int(good.sum())


_READERS = {"rating": ratings, "timestamp": timestamps}
