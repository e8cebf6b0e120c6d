"""What users whom a model has never seen have used, from a table, as a data set of its items and these users."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from recbole.data.interaction import Interaction
from recbole.utils import ModelType
from scipy.sparse import csr_matrix

from recbole_ile.errors import InputError, near_miss
from recbole_ile.plugin.data.tables import read_table
from recbole_ile.texts import printable


class Histories(NamedTuple):
    """The interactions of ``B`` users with items that a model knows, in the order of the table.

    Attributes:
        names: ``[B + 1]`` original ids of the users, by the ids that they have here; padding is the first.
        users: ``[N]`` int64 those ids, a row of the table each.
        items: ``[N]`` int64 ids of items.
        unknown: original ids of the items that the model does not know, whose rows are left out.
        without: original ids of the users of whom nothing is left.
    """

    names: np.ndarray
    users: np.ndarray
    items: np.ndarray
    unknown: list[str]
    without: list[str]

    def matrix(self, n_items: int) -> csr_matrix:
        """Return ``[B + 1, n_items]`` float64 counts of each pair."""
        shape = len(self.names), n_items
        found = csr_matrix((np.ones(len(self.users)), (self.users, self.items)), shape=shape)
        found.sum_duplicates()
        return found

    def parts(self, dataset: Any) -> list[Any]:
        """Return a training, a validation and a test part of these users: theirs is the first, or what it leads to.

        Of a sequential data set the test part has a row for each user, whose sequence is the history; otherwise the
        training part has the history, and the others nothing.

        Args:
            dataset: RecBole's, of the model.
        """
        own = copy.copy(dataset)
        own.field2id_token = {**dataset.field2id_token, dataset.uid_field: self.names}
        own.user_feat = None
        if own.config["MODEL_TYPE"] is ModelType.SEQUENTIAL:
            table = self._sequences(own)
            return [own.copy(_first_rows(table, 0)), own.copy(_first_rows(table, 0)), own.copy(table)]
        table = Interaction({own.uid_field: torch.from_numpy(self.users), own.iid_field: torch.from_numpy(self.items)})
        return [own.copy(table), own.copy(_first_rows(table, 0)), own.copy(_first_rows(table, 0))]

    def _sequences(self, dataset: Any) -> Interaction:
        """Return a row for each user with the last items of the history, as many as sequences have at most."""
        most, n_users = dataset.max_item_list_len, len(self.names) - 1
        order = np.argsort(self.users, kind="stable")
        lengths = np.bincount(self.users, minlength=n_users + 1)[1:]
        ends = np.cumsum(lengths)
        kept = np.minimum(lengths, most)
        rows = np.repeat(np.arange(n_users), kept)
        places = np.arange(len(rows)) - np.repeat(np.cumsum(kept) - kept, kept)
        lists = np.zeros((n_users, most), dtype=np.int64)
        lists[rows, places] = self.items[order][(ends - kept)[rows] + places]
        columns = {
            dataset.uid_field: np.arange(1, n_users + 1),
            dataset.iid_field: np.zeros(n_users, dtype=np.int64),
            dataset.item_id_list_field: lists,
            dataset.item_list_length_field: kept,
        }
        return Interaction({name: torch.from_numpy(column) for name, column in columns.items()})


def read_histories(path: str | Path, dataset: Any) -> Histories:
    """Read a table of users and items, ids being texts: parquet, or text with tabs or commas.

    Args:
        path: of the file, with the columns ``user`` and ``item``, or ``user_id`` and ``item_id``.
        dataset: RecBole's, whose items are known.

    Raises:
        InputError: if it cannot be read, or holds no item that is known.
    """
    table = read_table(path, "history", ("user", "item"))
    tokens = dataset.field2id_token[dataset.iid_field]
    known = dict(zip(tokens[1:].tolist(), range(1, len(tokens)), strict=True))
    ids = np.array([known.get(name, 0) for name in table["item"].cat.categories], dtype=np.int64)
    codes = table["item"].cat.codes.to_numpy()
    items = ids[codes] if len(ids) else codes.astype(np.int64)
    unknown = [str(table["item"].cat.categories[code]) for code in dict.fromkeys(codes[items == 0].tolist())]
    if not items.any():
        miss = near_miss(unknown[0], known) if unknown else ""
        first = f", {printable(unknown[0])} for one{miss}" if unknown else ""
        raise InputError(
            f"option history: file {printable(path)} has no item that {dataset.dataset_name} knows{first}; it takes a "
            "table of user and item with original ids"
        )
    of_user = table["user"].cat.codes.to_numpy()
    named, found = dict.fromkeys(of_user.tolist()), dict.fromkeys(of_user[items > 0].tolist())
    names = table["user"].cat.categories
    places = np.zeros(len(names), dtype=np.int64)
    places[list(found)] = np.arange(1, len(found) + 1)
    return Histories(
        np.array([dataset.field2id_token[dataset.uid_field][0], *names[list(found)]], dtype=object),
        places[of_user[items > 0]],
        items[items > 0],
        unknown,
        [str(names[code]) for code in named if code not in found],
    )


def _first_rows(table: Interaction, number: int) -> Interaction:
    return Interaction({name: column[:number] for name, column in table.interaction.items()})
