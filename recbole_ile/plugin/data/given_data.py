"""Interactions, items and users from tables, in the place of RecBole's data set: for lists that it did not make."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from recbole.data.interaction import Interaction

from recbole_ile.errors import InputError, near_miss

TRAIN, VALID, TEST = "train", "valid", "test"
TOKENS = ("token", "token_seq")


class Pairs(NamedTuple):
    """``[P]`` user and item indices of interactions, without padding."""

    users: np.ndarray
    items: np.ndarray


class GivenData:
    """What this package asks of a data set whose interactions are split already.

    Indices count those of the item and the user table in their order, then those of the training, validation and test
    interactions in the order of their first appearance. Where counts are equal, popularity groups go by this order.

    Attributes:
        parts: the interactions of ``TRAIN``, ``VALID`` and ``TEST``; ``VALID`` may be empty.
        user_names: ``[U]`` ids by index.
        item_names: ``[n]`` ids by index.
        inter_feat: the training interactions as RecBole has them, the padding id being 0.
        item_feat: columns of the item table, ``None`` without one.
        user_feat: columns of the user table, ``None`` without one.
        field2id_token: names of what ids stand for, by column.
    """

    uid_field, iid_field, label_field, dataset_name = "user_id", "item_id", "label", "given"

    def __init__(
        self,
        parts: Mapping[str, pd.DataFrame],
        items: pd.DataFrame | None = None,
        users: pd.DataFrame | None = None,
    ) -> None:
        tables = [parts[name] for name in (TRAIN, VALID, TEST) if name in parts]
        self.user_names = _names(([] if users is None else [users["user"]]) + [table["user"] for table in tables])
        self.item_names = _names(([] if items is None else [items["item"]]) + [table["item"] for table in tables])
        none = Pairs(np.zeros(0, np.int64), np.zeros(0, np.int64))
        self.parts = {
            name: Pairs(self.codes("user", parts[name]["user"]), self.codes("item", parts[name]["item"]))
            if name in parts
            else none
            for name in (TRAIN, VALID, TEST)
        }
        train = self.parts[TRAIN]
        self.inter_feat = Interaction(
            {self.uid_field: torch.from_numpy(train.users + 1), self.iid_field: torch.from_numpy(train.items + 1)}
        )
        self.user_num, self.item_num = len(self.user_names) + 1, len(self.item_names) + 1
        self.field2id_token: dict[str, np.ndarray] = {}
        self.item_feat = self._features(items, "item", self.item_num)
        self.user_feat = self._features(users, "user", self.user_num)

    def codes(self, kind: str, column: pd.Series) -> np.ndarray:
        """Return the ``[R]`` indices of a column of categories, -1 for what is unknown.

        Args:
            kind: ``user`` or ``item``.
            column: of a table as ``plugin.data.tables`` reads it.
        """
        names = self.user_names if kind == "user" else self.item_names
        categorical = column.cat
        return np.append(names.get_indexer(categorical.categories), -1)[categorical.codes.to_numpy()]

    def keys(self, pairs: Pairs) -> np.ndarray:
        """Return ``[P]`` numbers, equal where user and item are."""
        return pairs.users * len(self.item_names) + pairs.items

    def id2token(self, _: str, ids: np.ndarray) -> np.ndarray:
        """Return what users are called, by RecBole's ids."""
        return self.user_names.to_numpy()[np.asarray(ids) - 1]

    def _features(self, table: pd.DataFrame | None, kind: str, number: int) -> Interaction | None:
        if table is None:
            return None
        columns: dict[str, Any] = {self.uid_field if kind == "user" else self.iid_field: torch.arange(number)}
        for written in table.columns.drop(kind):
            name, _, type_name = str(written).partition(":")
            codes, found = pd.factorize(_values(table[written], type_name))
            columns[name] = torch.zeros(number, dtype=torch.int64)
            columns[name][1 : len(codes) + 1] = torch.from_numpy(codes + 1)
            if not type_name or type_name in TOKENS:
                self.field2id_token[name] = np.array(["[PAD]", *map(str, found)], dtype=object)
        return Interaction(columns)


def check_group_column(data: GivenData, kind: str, field: str | None) -> None:
    """Refuse to group by a column that the item or user table does not have.

    Raises:
        InputError: names the option, the column and what there is.
    """
    if not field:
        return
    option, table = f"{kind}_group_field", data.item_feat if kind == "item" else data.user_feat
    if table is None:
        raise InputError(f"option {option}={field} is a column of a table of {kind}s; give one as {kind}s")
    known = [name for name in table.interaction if name not in (data.uid_field, data.iid_field)]
    if field not in known:
        raise InputError(
            f"option {option}={field} is no column of {kind}s{near_miss(field, known)}; it has "
            f"{', '.join(known) or 'none but the ids'}"
        )


def _values(column: pd.Series, type_name: str) -> pd.Series:
    """Return a feature's values as texts, of several the first; nothing for a missing one."""
    texts = column.astype(object).where(column.notna(), None)
    texts = texts.map(str, na_action="ignore").str.strip()
    if type_name.endswith("_seq"):
        texts = texts.str.split(" ", n=1).str[0]
    return texts.where(texts != "", None)


def _names(columns: list[pd.Series]) -> pd.Index:
    """Return the ids of several columns of categories, each once, in the order of their first appearance."""
    found = [column.cat.categories.to_numpy(object)[pd.unique(column.cat.codes)] for column in columns if len(column)]
    return pd.Index(pd.unique(np.concatenate(found)) if found else [], dtype=object)
