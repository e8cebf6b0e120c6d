"""Interactions in columns of numbers, some tens of bytes for each, however long the identifiers are."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from recbole_ile.fetching.k_core import k_core
from recbole_ile.functional.arrays import contained


class Interactions(NamedTuple):
    """``P`` interactions, in the order of the file that they come from.

    Attributes:
        users: ``[P]`` positions in ``user_ids``.
        items: ``[P]`` positions in ``item_ids``.
        values: ``[P]`` ratings and timestamps, those that there are.
        user_ids: also of users without interactions.
        item_ids: also of items without interactions.
    """

    users: np.ndarray
    items: np.ndarray
    values: dict[str, np.ndarray]
    user_ids: list[str]
    item_ids: list[str]

    def take(self, kept: np.ndarray) -> Interactions:
        """Return the interactions at positions ``[Q]``."""
        values = {name: column[kept] for name, column in self.values.items()}
        return self._replace(users=self.users[kept], items=self.items[kept], values=values)

    def without(self, dropped: np.ndarray) -> Interactions:
        """Return the interactions but those at positions ``[Q]``."""
        return self.take(np.delete(np.arange(len(self.users)), dropped))

    def core(self, k: int) -> Interactions:
        """Return those of the users and items that have at least ``k`` each."""
        return self.take(k_core(self.users, self.items, k))

    def repeated(self) -> np.ndarray:
        """Return the positions at which a user meets an item that comes again further down."""
        pairs = self.users.astype(np.int64) * max(len(self.item_ids), 1) + self.items
        ordered = np.sort(pairs)
        twice = ordered[1:][ordered[1:] == ordered[:-1]]
        if not len(twice):  # mostly, and to sort the pairs takes a fraction of the time of sorting their places
            return np.zeros(0, np.int64)
        places = np.flatnonzero(contained(pairs, twice))
        order = places[np.argsort(pairs[places], kind="stable")]
        return np.sort(order[:-1][pairs[order[1:]] == pairs[order[:-1]]])

    def ids(self, kind: str) -> set[str]:
        """Return the identifiers of those who have interactions, of each ``user`` or ``item``."""
        numbers, names = (self.users, self.user_ids) if kind == "user" else (self.items, self.item_ids)
        return {names[number] for number in np.unique(numbers)}

    def counts(self) -> str:
        """Say how many there are of everything."""
        users, items = (np.count_nonzero(np.bincount(numbers)) for numbers in (self.users, self.items))
        return f"{users} users, {items} items, {len(self.users)} interactions"


class Collected:
    """Interactions that come block by block."""

    def __init__(self) -> None:
        self._ids: dict[str, dict[str, int]] = {"user": {}, "item": {}}
        self._blocks: dict[str, list[np.ndarray]] = {"user": [], "item": []}

    def add(self, role: str, numbers: np.ndarray, names: list[str]) -> None:
        """Add the users or items of a block: ``[R]`` positions in ``names``."""
        known = self._ids[role]
        present = np.flatnonzero(np.bincount(numbers, minlength=len(names)))
        codes = np.zeros(len(names), np.int32)
        codes[present] = [known.setdefault(names[number], len(known)) for number in present]
        self._blocks[role].append(codes[numbers])

    def add_values(self, role: str, values: np.ndarray) -> None:
        """Add the ratings or timestamps of a block."""
        self._blocks.setdefault(role, []).append(values)

    def joined(self) -> Interactions:
        """Return all blocks as one, once."""
        columns = {}
        for role in list(self._blocks):  # one at a time, or all would be there twice
            blocks = self._blocks.pop(role)
            columns[role] = np.concatenate(blocks) if blocks else np.zeros(0, int)
        users, items = columns.pop("user"), columns.pop("item")
        return Interactions(users, items, columns, list(self._ids["user"]), list(self._ids["item"]))
