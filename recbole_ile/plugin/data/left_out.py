"""What RecBole leaves out of a data set while it reads and filters it, counted for each reason."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from recbole_ile.errors import InputError
from recbole_ile.plugin.data.atomic_lines import line_of_row

_TABLES = ("inter", "user", "item")


def remember(dataset: Any, notes: list[str]) -> None:
    """Warn of what there is to say about a data set, and keep it for ``describe``."""
    for note in notes:
        dataset.logger.warning(note)
    vars(dataset).setdefault("left_out", []).extend(notes)


def describe(dataset: Any) -> list[str]:
    """Return a line for each file that is not as it should be, and one that counts what was left out, with reasons."""
    return list(vars(dataset).get("left_out", ()))


def dropped(dataset: Any) -> list[str]:
    """Return the counts of what was dropped so far, to be added to."""
    return vars(dataset).setdefault("_dropped", [])


def settle(dataset: Any) -> None:
    """Remember in one line all that was dropped, now that nothing more will be.

    Raises:
        InputError: if nothing is left.
    """
    check_not_empty(dataset)
    counts = vars(dataset).pop("_dropped", ())
    if counts:
        remember(dataset, [f"dataset {dataset.dataset_name}: left out are {'; '.join(counts)}"])


def count_repeated(dataset: Any, table: pd.DataFrame, path: str) -> None:
    """Count the rows of a file of users or items whose id came before; RecBole reads the first."""
    name = path.rpartition(".")[2]
    field = {"user": dataset.uid_field, "item": dataset.iid_field}.get(name)
    if field in table:
        repeated = table.index[table[field].duplicated()]
        if len(repeated):
            line = _line_in(path, dataset, int(repeated[0]))
            dropped(dataset).append(
                f"{_counted(len(repeated), dataset, name)} whose {field} came before (first: line {line})"
            )


def drop_without_id(dataset: Any) -> None:
    """Drop and count the rows of all tables that have no user or item.

    RecBole does so too, but takes wrong rows where both are missing, or where it has dropped others before.
    """
    for field, kind in ((dataset.uid_field, "user"), (dataset.iid_field, "item")):
        for name in (kind, "inter"):
            table = getattr(dataset, f"{name}_feat")
            if field is None or table is None:
                continue
            missing = table.index[table[field].isnull()]
            if len(missing):
                what = f"{_counted(len(missing), dataset, name)} without {'a' if kind == 'user' else 'an'} {kind}"
                line = _line_in(_path(dataset, name), dataset, int(missing[0]))
                dropped(dataset).append(f"{what} (first: line {line})")
                table.drop(missing, inplace=True)


def refuse_without_id(dataset: Any) -> None:
    """Refuse parts in files of their own in which a row has no user or item; RecBole would take it for padding.

    Raises:
        InputError: names the file and the line.
    """
    for field, kind in ((dataset.uid_field, "user"), (dataset.iid_field, "item")):
        missing = np.flatnonzero(dataset.inter_feat[field].isnull())
        if len(missing):
            starts = np.cumsum([0, *dataset.file_size_list])
            number = int(np.searchsorted(starts, missing[0], side="right")) - 1
            part, row = dataset.benchmark_filename_list[number], int(missing[0] - starts[number])
            path = _path(dataset, f"{part}.inter")
            raise InputError(f"{path}: line {_line_in(path, dataset, row)} has no {kind} ({field})")


@contextlib.contextmanager
def counting(dataset: Any, reason: str, of_missing: bool = False) -> Iterator[None]:
    """Count what is dropped from the tables of interactions, users and items within this context.

    Args:
        dataset: RecBole's, before its texts became numbers.
        reason: what the dropped rows have in common, as it follows their number.
        of_missing: whether to say how many users and items the interactions have that no other table has.
    """
    before = {name: len(table) for name in _TABLES if (table := getattr(dataset, f"{name}_feat")) is not None}
    fields = [field for field in (dataset.uid_field, dataset.iid_field) if field in dataset.inter_feat]
    ids = dataset.inter_feat[fields] if of_missing else None
    yield
    gone = {name: size - len(getattr(dataset, f"{name}_feat")) for name, size in before.items()}
    counts = [_counted(count, dataset, name) for name, count in gone.items() if count]
    if counts:
        of = _of_missing(dataset, ids) if ids is not None else ""
        dropped(dataset).append(f"{', '.join(counts)}{of} {reason}")


def check_not_empty(dataset: Any) -> None:
    """Refuse a data set of which nothing is left.

    Raises:
        InputError: names the table and what was left out, with reasons.
    """
    for name in _TABLES:
        table = getattr(dataset, f"{name}_feat", None)
        if table is not None and not len(table):
            said = "; ".join([*describe(dataset), *dropped(dataset)]) or "nothing was left out"
            what = _counted(0, dataset, name).removeprefix("0 ")
            raise InputError(f"dataset {dataset.dataset_name}: no {what} are left: {said}")


_NOUNS = {
    "inter": ("interaction", "interactions"),
    "user": ("row of the .user file", "rows of the .user file"),
    "item": ("row of the .item file", "rows of the .item file"),
}


def _counted(count: int, dataset: Any, name: str) -> str:
    noun = _NOUNS[name][count != 1]
    return f"{count} {noun.replace('the .', dataset.dataset_name + '.').removesuffix(' file')}"


def _of_missing(dataset: Any, ids: pd.DataFrame) -> str:
    """Say of how many users and items the dropped interactions are that have no row in their own file."""
    gone = ids.loc[ids.index.difference(dataset.inter_feat.index)]
    said = []
    for field, kind in ((dataset.uid_field, "user"), (dataset.iid_field, "item")):
        table = getattr(dataset, f"{kind}_feat")
        if table is not None:
            count = gone[field][~gone[field].isin(table[field])].nunique()
            said += [f"{count} {kind}{'s' * (count > 1)}"] * (count > 0)
    return f" of {' and '.join(said)}" if said else ""


def _line_in(path: str, dataset: Any, row: int) -> int:
    config = dataset.config
    return line_of_row(path, row, config["field_separator"], config["encoding"] or "utf-8")


def _path(dataset: Any, suffix: str) -> str:
    return os.path.join(dataset.dataset_path, f"{dataset.dataset_name}.{suffix}")
