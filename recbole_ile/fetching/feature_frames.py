"""Users or items of a table in memory as the text of an atomic file."""

from __future__ import annotations

import csv
from typing import Any

import numpy as np
import pandas as pd
import pyarrow
import pyarrow.compute

from recbole_ile.errors import InputError, near_miss
from recbole_ile.fetching.atomic import FIELDS, shortest
from recbole_ile.fetching.columnar import numbers_of
from recbole_ile.fetching.features import clean
from recbole_ile.fetching.values import identifiers
from recbole_ile.plugin.data.plain_types import check_plain
from recbole_ile.plugin.data.tables import id_texts
from recbole_ile.texts import printable

TYPES = ("token", "token_seq", "float", "float_seq")


def features_text(table: pyarrow.Table, kind: str, field: str, where: str) -> str:
    """Return the ``.user`` or ``.item`` file of a table, a row for each of its rows.

    The type of a column stands behind its name, ``price:float``, or follows from its values: whole numbers, texts,
    categories and truth values are tokens, fractions are floats, dates are floats, in seconds since 1970, and lists are
    sequences. Within a sequence of texts, the blanks of a text become ``_``, for a blank ends it.

    Args:
        table: of Arrow.
        kind: ``user`` or ``item``.
        field: what the column of ids is called in the file, and in the table unless it is called as in ``FIELDS``, or
            by ``kind``.
        where: what errors call it.

    Raises:
        InputError: for a column that is missing or there twice, an id that is missing or there twice, or values that
            an atomic file cannot hold.
    """
    plain = [name.partition(":")[0] for name in table.column_names]
    own = next((name for name in (field, FIELDS[kind], kind) if name in plain), None)
    if own is None:
        there = ", ".join(map(printable, plain)) or "none"
        raise InputError(f"{where} has no column {field}{near_miss(field, plain)}; it has {there}")
    twice = [name for place, name in enumerate(plain) if name in plain[:place]]
    if twice:
        raise InputError(f"{where} has two columns {printable(twice[0])}")
    check_plain(table.schema, where)
    names = [own, *(name for name in plain if name != own)]
    columns = {name: table.column(plain.index(name)).unify_dictionaries().combine_chunks() for name in names}
    ids = pd.Series(_tokens(columns.pop(own), where, kind), name=kind, dtype=object).str.strip()
    _check_ids(ids, where)
    texts = {f"{field}:token": ids}
    for name, column in columns.items():
        of = _type(table.column_names[plain.index(name)], table, where)
        if set(name) & set("\t\n\r"):
            raise InputError(f"{where}: column {printable(name)} has a name that no atomic file can hold")
        texts[f"{name}:{of}"] = _texts(column, of, f"{where}: column {printable(name)}")
    return pd.DataFrame(texts).to_csv(sep="\t", index=False, lineterminator="\n", quoting=csv.QUOTE_NONE)


def _type(written: str, table: pyarrow.Table, where: str) -> str:
    said = written.rpartition(":")[2] if ":" in written else None
    if said is not None:
        if said not in TYPES:
            raise InputError(
                f"{where}: column {printable(written)} is of no type of RecBole's{near_miss(said, TYPES)}; there are "
                f"{', '.join(TYPES)}"
            )
        return said
    kind, types = table.schema.field(written).type, pyarrow.types
    sequence = types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind)
    value = kind.value_type if sequence or types.is_dictionary(kind) else kind
    number = types.is_floating(value) or types.is_decimal(value) or types.is_date(value) or types.is_timestamp(value)
    return f"{'float' if number else 'token'}{'_seq' if sequence else ''}"


def _texts(column: pyarrow.Array, of: str, where: str) -> Any:
    """Return ``[R]`` texts of a column, an empty one for a missing value."""
    kind = column.type.value_type if pyarrow.types.is_dictionary(column.type) else column.type
    if pyarrow.types.is_nested(kind):
        return _sequences(column, of, where)
    if of == "float":
        return _floats(column, where)
    if pyarrow.types.is_boolean(kind) or pyarrow.types.is_floating(kind):
        column = column.cast(pyarrow.string())
    return pd.Series(_tokens(column, where, "value"), dtype=object).map(clean)


def _tokens(column: pyarrow.Array, where: str, role: str) -> np.ndarray:
    encoded = column if pyarrow.types.is_dictionary(column.type) else column.dictionary_encode()
    distinct = np.append(id_texts(encoded.dictionary, role, where), "")  # the last one stands for none
    return distinct[encoded.indices.fill_null(len(distinct) - 1).to_numpy(zero_copy_only=False)]


def _floats(column: pyarrow.Array, where: str) -> np.ndarray:
    if pyarrow.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    try:
        numbers = numbers_of(column)
        found = column.cast(pyarrow.float64()).to_numpy(zero_copy_only=False) if numbers is None else numbers
    except pyarrow.ArrowException as error:
        raise InputError(f"{where}: {printable(' '.join(str(error).split()))}") from error
    missing = column.is_null(nan_is_null=True).to_numpy(zero_copy_only=False)
    wrong = ~np.isfinite(found) & ~missing
    if wrong.any():
        raise InputError(f"{where}: row {int(wrong.argmax()) + 1} holds no finite number")
    texts = np.full(len(found), "", dtype=object)
    texts[~missing] = shortest(found[~missing]).astype(str)
    return texts


def _sequences(column: pyarrow.Array, of: str, where: str) -> pd.Series:
    if not of.endswith("_seq"):
        raise InputError(f"{where} holds {column.type}, which is no {of}")
    lengths = pyarrow.compute.list_value_length(column).fill_null(0).to_numpy(zero_copy_only=False)
    parts = pd.Series(_texts(column.flatten(), of.removesuffix("_seq"), where), dtype=object).str.replace(" ", "_")
    there = (parts != "").to_numpy()
    rows = np.repeat(np.arange(len(column)), lengths)
    return parts[there].groupby(rows[there]).agg(" ".join).reindex(range(len(column)), fill_value="")


def _check_ids(column: pd.Series, where: str) -> None:
    """Refuse ids that RecBole cannot keep apart.

    Raises:
        InputError: names the first such row.
    """
    _, _, reasons = identifiers(column)
    for reason, mask in reasons.items():
        raise InputError(f"{where}: row {int(mask.argmax()) + 1}: {reason}")
    twice = column.duplicated()
    if twice.any():
        raise InputError(f"{where} has {column.name} {printable(column[twice.idxmax()])} twice")
