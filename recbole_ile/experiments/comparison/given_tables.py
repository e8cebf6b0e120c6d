"""The tables of an evaluation of lists: what is wrong with them is refused, or counted and said."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from recbole_ile.errors import InputError, near_miss
from recbole_ile.functional.arrays import contained, distinct
from recbole_ile.functional.list_tables import arrange_lists, first_repeated, order_of_lists, unsorted_lists
from recbole_ile.plugin.data.given_data import TEST, TRAIN, VALID, GivenData, Pairs
from recbole_ile.plugin.data.tables import as_table, feature_columns, read_table
from recbole_ile.texts import printable

PAIR = ("user", "item")
ORDER = ("score", "rank")
LOOKED_AT = 10_000
"""Items among which a near miss is looked for."""


def read_data(
    train: Any, test: Any, valid: Any, items: Any, users: Any, columns: Mapping[str, str] | None
) -> tuple[GivenData, list[str]]:
    """Return interactions that are split already, and sentences on what is odd about them.

    Args:
        train: a path or a table, as for ``evaluate_lists``.
        test: the same.
        valid: the same, or ``None``.
        items: the same.
        users: the same.
        columns: what columns are called in all tables.

    Raises:
        InputError: for a table that cannot be read or has no rows, and an item or user that its table has twice.
    """
    given = {TRAIN: train, VALID: valid, TEST: test}
    parts = {name: _read(part, name, columns) for name, part in given.items() if part is not None}
    for name in (TRAIN, TEST):
        if parts[name].empty:
            raise InputError(f"option {name} has no rows; it takes a row for each interaction")
    features = {
        kind: None if table is None else feature_columns(table, f"{kind}s", kind, columns)
        for kind, table in (("item", items), ("user", users))
    }
    data = GivenData(parts, features["item"], features["user"])
    keys = {name: data.keys(part) for name, part in data.parts.items()}
    pairs = {name: distinct(own) for name, own in keys.items()}
    notes = []
    for name, own in keys.items():
        again = len(own) - len(pairs[name])
        if again:
            counted = "count in popularity and profiles all the same" if name == TRAIN else "count once"
            notes.append(f"{_said(again, 'row', 'rows')} of {name} with a pair of user and item from above, {counted}")
    for name in (TRAIN, VALID):
        both = int(contained(pairs[TEST], pairs[name]).sum())
        if both:
            notes.append(f"{_said(both, 'pair', 'pairs')} of test also in {name}, relevant all the same, as in RecBole")
    missing = int((~contained(distinct(data.parts[TEST].users), data.parts[TRAIN].users)).sum())
    if missing:
        notes.append(f"{_said(missing, 'user', 'users')} of test without training interactions, who have no profile")
    return data, notes


def read_list(
    name: str, source: Any, data: GivenData, evaluated: np.ndarray, k: int, columns: Mapping[str, str] | None
) -> tuple[np.ndarray, list[str]]:
    """Return the lists of the evaluated users, and sentences on what is odd about their table.

    Args:
        name: of the lists.
        source: a path or a table, as for ``evaluate_lists``.
        data: the interactions.
        evaluated: ``[U]`` indices of users, ascending.
        k: length of the lists.
        columns: what columns are called in the table.

    Returns:
        ``[U, k]`` item indices, -1 for an empty place; and the sentences.

    Raises:
        InputError: for items that no table knows or that a list holds twice, for ranks that a list holds twice, and
            where no evaluated user has a list.
    """
    where = f"lists {printable(name)}"
    table = _read(source, "lists" if isinstance(source, str | Path) else where, columns, ORDER)
    users, items = data.codes("user", table["user"]), data.codes("item", table["item"])
    lists_of = table["user"].cat.codes.to_numpy().astype(np.int64)  # also of users that no table knows
    _refuse_unknown_items(where, table["item"], items, data)
    _refuse_repeated(where, table, lists_of, items, "item")
    ranks, scores = (table[column].to_numpy() if column in table else None for column in ("rank", "score"))
    if ranks is not None:
        _refuse_repeated(where, table, lists_of, ranks, "rank")
    notes = _order_notes(lists_of, scores, ranks)
    listed = np.isin(users, evaluated)
    if not listed.any():
        own = printable(table["user"].iloc[0]) if len(table) else "nobody"
        expected = printable(data.user_names[evaluated[0]])
        raise InputError(
            f"{where}: no list is of a user of test; its first is of {own}, the first of test is {expected}"
        )
    others, unknown = (len(np.unique(lists_of[rows])) for rows in (~listed, users < 0))
    if others:
        kind = _said(others, "list of a user", "lists of users")
        notes.append(f"{kind} without test interactions, not measured; {unknown} of them in no other table")
    rows = np.searchsorted(evaluated, users[listed])
    order = order_of_lists(rows, *(None if values is None else values[listed] for values in (scores, ranks)))
    lists, lengths = arrange_lists(rows[order], items[listed][order], len(evaluated), k)
    return lists, [*notes, *_length_notes(lengths, k), *_known_notes(lists, evaluated, data)]


def _read(source: Any, option: str, columns: Mapping[str, str] | None, wanted: tuple[str, ...] = ()) -> pd.DataFrame:
    if isinstance(source, str | Path):
        return read_table(source, option, PAIR, wanted, columns)
    return as_table(source, option, PAIR, wanted, columns)


def _refuse_unknown_items(where: str, column: pd.Series, items: np.ndarray, data: GivenData) -> None:
    unknown = np.flatnonzero(items < 0)
    if len(unknown):
        number = len(np.unique(column.cat.codes.to_numpy()[unknown]))
        first = str(column.iloc[unknown[0]])
        raise InputError(
            f"{where}: row {unknown[0] + 1}: item {printable(first)} is in no other table"
            f"{near_miss(first, data.item_names[:LOOKED_AT])}; there are {number} such items; a table of items that "
            "is the whole catalogue names them"
        )


def _refuse_repeated(where: str, table: pd.DataFrame, users: np.ndarray, values: np.ndarray, column: str) -> None:
    row = first_repeated(users, values)
    if row is not None:
        value = table[column].iloc[row]
        shown = f"{value:g}" if column == "rank" else printable(value)
        user = printable(table["user"].iloc[row])
        raise InputError(f"{where}: row {row + 1}: the list of user {user} has {column} {shown} twice")


def _order_notes(users: np.ndarray, scores: np.ndarray | None, ranks: np.ndarray | None) -> list[str]:
    """Say where scores, ranks and the order of rows disagree, and what holds."""
    if ranks is None:
        unsorted = 0 if scores is None else unsorted_lists(users, scores)
        return [f"{_said(unsorted, 'list', 'lists')} not sorted by score; the scores hold"] if unsorted else []
    notes = []
    if len(ranks):
        frame = pd.Series(ranks).groupby(users)
        gaps = int((frame.max() - frame.min() + 1 != frame.size()).sum())
        if gaps:
            notes.append(f"{_said(gaps, 'list', 'lists')} with gaps between ranks; what is below moves up")
    order = order_of_lists(users, None, ranks)
    unsorted = 0 if scores is None else unsorted_lists(users[order], scores[order])
    if unsorted:
        notes.append(f"{_said(unsorted, 'list', 'lists')} whose scores do not descend by rank; the ranks hold")
    return notes


def _length_notes(lengths: np.ndarray, k: int) -> list[str]:
    """Say which users have no list or a short one, and which lists are longer than what is looked at."""
    notes = []
    without, longer = int((lengths == 0).sum()), int((lengths > k).sum())
    short = lengths[(lengths > 0) & (lengths < k)]
    if without:
        notes.append(f"{_said(without, 'user', 'users')} of test without a list, measured as with an empty one")
    if len(short):
        notes.append(f"{_said(len(short), 'list', 'lists')} of fewer than {k} items, the shortest of {short.min()}")
    if longer:
        notes.append(f"{_said(longer, 'list', 'lists')} of more than {k} items, cut there")
    return notes


def _known_notes(lists: np.ndarray, evaluated: np.ndarray, data: GivenData) -> list[str]:
    """Say how many places of lists hold what the user has used already."""
    rows, places = np.nonzero(lists >= 0)
    listed = data.keys(Pairs(evaluated[rows], lists[rows, places]))
    notes = []
    for part in (TRAIN, VALID):
        known = int(contained(listed, data.keys(data.parts[part])).sum())
        if known:
            notes.append(f"{_said(known, 'place', 'places')} of lists with an item that the user has in {part}")
    return notes


def _said(number: int, one: str, several: str) -> str:
    return f"{number} {one if number == 1 else several}"
