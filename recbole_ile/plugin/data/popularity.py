"""Item groups, user profiles and user groups of a RecBole data set, from its training interactions only."""

from __future__ import annotations

import logging
from collections.abc import MutableMapping
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from recbole_ile.errors import InputError
from recbole_ile.functional.popularity import popularity_groups, user_groups, user_profiles
from recbole_ile.plugin.catalogue.properties import defaults
from recbole_ile.plugin.data.item_columns import item_column

SETTINGS = ("item_group_by", "item_group_split", "item_group_field", "user_group_num")
GROUP_NAMES = {2: ["head", "tail"], 3: ["head", "mid", "tail"]}


class TrainingPopularity:
    """What the training interactions say about items and users. Indices are without RecBole's padding id 0.

    Attributes:
        counts: ``[n]`` training interactions of each item.
        item_groups: ``[n]`` group of each item, 0 the most popular.
        groups_by_id: ``[n + 1]`` the same by RecBole's item id; padding is in the last group.
        group_names: the ``G`` names of the groups.
        profiles: ``[U, G]`` training interactions of each user in each group.
        user_groups: ``[U]`` group of each user, 0 the most niche.
        user_group_num: number of user groups.
    """

    def __init__(self, settings: dict[str, Any], dataset: Any) -> None:
        users, items = training_interactions(dataset)
        n_items, n_users = dataset.item_num - 1, dataset.user_num - 1
        self.counts = np.bincount(items, minlength=n_items)
        if settings["item_group_field"]:
            self.item_groups, self.group_names = _field_groups(dataset, settings["item_group_field"], self.counts)
        else:
            split = settings["item_group_split"]
            self.item_groups = popularity_groups(self.counts, split, settings["item_group_by"])
            self.group_names = GROUP_NAMES.get(len(split), [f"group {group}" for group in range(len(split))])
        n_groups = len(self.group_names)
        self.groups_by_id = np.concatenate([[n_groups - 1], self.item_groups])
        self.profiles = user_profiles(users, items, self.item_groups, n_users, n_groups)
        for group, name in enumerate(self.group_names):
            if not (self.item_groups == group).any():
                logging.getLogger().warning(f"item group {name} is empty; see item_group_split and item_group_by")
        self.user_group_num = settings["user_group_num"]
        self.user_groups = user_groups(self.profiles, self.user_group_num)

    @classmethod
    def of(cls, config: Any, dataset: Any) -> TrainingPopularity:
        """Return the popularity of a training data set, computed once for each data set and setting.

        A ``Config`` of stock RecBole, which does not know our settings, gets their defaults.
        """
        settings = defaults("overall.yaml")
        settings = {name: settings[name] if config[name] is None else config[name] for name in SETTINGS}
        known = _known.setdefault(dataset, {})
        if repr(settings) not in known:
            known[repr(settings)] = cls(settings, dataset)
        return known[repr(settings)]


_known: MutableMapping[Any, dict[str, TrainingPopularity]] = WeakKeyDictionary()
"""By data set and settings, for as long as the data set lives: a copy of it, with other rows, shares nothing."""


def training_interactions(dataset: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the user and the item index of every training interaction that is not labelled as a dislike.

    Indices are without padding. RecBole turns each interaction of a sequential data set into a row with its history,
    but the first of each user, which stands only in the history of the second.
    """
    table = dataset.inter_feat
    users, items = table[dataset.uid_field].numpy(), table[dataset.iid_field].numpy()
    if dataset.label_field in table.interaction:
        liked = table[dataset.label_field].numpy() > 0
        users, items = users[liked], items[liked]
    histories = getattr(dataset, "item_id_list_field", None)
    if histories in table.interaction:
        second = table[dataset.item_list_length_field].numpy() == 1
        users = np.concatenate([users, table[dataset.uid_field].numpy()[second]])
        items = np.concatenate([items, table[histories].numpy()[second, 0]])
    return users - 1, items - 1


def _field_groups(dataset: Any, field: str, counts: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Group items by a column of the ``.item`` file, the value with the most interactions first.

    Of a sequence the first value counts. Items without a value form the last group, ``(none)``.
    """
    values = item_column(dataset, "item_group_field", field)[:, 0]
    found, codes = np.unique(values, return_inverse=True)
    interactions = np.bincount(codes, weights=counts, minlength=len(found))
    ranking = np.lexsort((-interactions, found == 0))
    rank = np.empty_like(ranking)
    rank[ranking] = np.arange(len(ranking))
    if len(found) < 2:
        raise InputError(f"item_group_field {field} has one value only; there is nothing to equalize")
    tokens = dataset.field2id_token[field]
    return rank[codes], ["(none)" if found[code] == 0 else str(tokens[found[code]]) for code in ranking]
