"""Columns of Arrow and parquet whose values are numbers and texts, and never what a package makes of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pyarrow

from recbole_ile.errors import InputError
from recbole_ile.texts import printable


def check_plain(columns: Iterable[pyarrow.Field], where: str) -> None:
    """Refuse columns of types that packages add to Arrow.

    Where such a package is imported, reading a value is its business: Ray's ``arrow_pickled_object`` unpickles it.

    Args:
        columns: with their types, before any value is read.
        where: what errors call their table.

    Raises:
        InputError: names the first such column, and its type.
    """
    for column in columns:
        for kind in _all_types(column.type):
            if isinstance(kind, pyarrow.BaseExtensionType):
                raise InputError(
                    f"{where}: column {printable(column.name)} is of type {printable(kind.extension_name)}, which a "
                    "package defines; write its values as texts or numbers"
                )


def _all_types(kind: pyarrow.DataType) -> Iterator[pyarrow.DataType]:
    """Give a type and all those within it."""
    yield kind
    if pyarrow.types.is_dictionary(kind):
        yield from _all_types(kind.value_type)
    for place in range(kind.num_fields):
        yield from _all_types(kind.field(place).type)
