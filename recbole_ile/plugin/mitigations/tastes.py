"""What a user likes, as shares of item groups or of values of a column, where lists are chosen."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from scipy.sparse import csr_matrix

from recbole_ile.plugin.data.feature_columns import distinct_values, feature_column
from recbole_ile.plugin.data.popularity import TrainingPopularity, training_interactions
from recbole_ile.plugin.mitigations.in_ranking import users_of


class Tastes:
    """The groups, or values, of the items and the training profiles of the users over them, by RecBole's ids.

    Args:
        groups: of the items, without padding.
        profiles: ``[U, G]`` of the users, without padding.
        of_padding: the group of padding.
        user_field: the column of a batch that holds user ids.

    Attributes:
        groups: ``[n + 1]`` group of each item, or ``[n + 1, L]`` its values, each once, -1 for no more.
        profiles: ``[U + 1, G]`` training interactions of each user in each group; padding has none.
    """

    def __init__(self, groups: np.ndarray, profiles: np.ndarray, of_padding: int, user_field: str) -> None:
        self.groups = torch.from_numpy(np.concatenate([np.full_like(groups[:1], of_padding), groups]))
        self.profiles = torch.from_numpy(np.concatenate([np.zeros_like(profiles[:1]), profiles]))
        self._user_field = user_field

    @classmethod
    def of_groups(cls, config: Any, dataset: Any) -> Tastes:
        """Return those of item groups; padding is in the last one."""
        popularity = TrainingPopularity.of(config, dataset)
        last = len(popularity.group_names) - 1
        return cls(popularity.item_groups, popularity.profiles, last, dataset.uid_field)

    @classmethod
    def of_values(cls, dataset: Any, option: str, field: str) -> Tastes:
        """Return those of a column of the items: of an item with c values, each counts 1 / c in a profile.

        Items without a value have one of their own, 0.

        Raises:
            InputError: names the option, if there is no such column, or it holds numbers.
        """
        values = distinct_values(feature_column(dataset, option, field))
        rows, places = (values >= 0).nonzero()
        shares = 1.0 / (values >= 0).sum(axis=1)
        shape = len(values), len(dataset.field2id_token[field])
        of_items = csr_matrix((shares[rows], (rows, values[rows, places])), shape=shape)
        users, items = training_interactions(dataset)
        of_users = csr_matrix((np.ones(len(users)), (users, items)), shape=(dataset.user_num - 1, len(values)))
        return cls(values, (of_users @ of_items).toarray(), 0, dataset.uid_field)

    def take_users(self, histories: csr_matrix) -> None:
        """Take the profiles of other users, of whom ``[B + 1, n + 1]`` interactions are known."""
        groups = self.groups.cpu().numpy().reshape(len(self.groups), -1)
        items, places = (groups >= 0).nonzero()
        shares = 1.0 / (groups >= 0).sum(axis=1)
        of_items = csr_matrix((shares[items], (items, groups[items, places])), (len(groups), self.profiles.shape[1]))
        self.profiles = torch.from_numpy((histories @ of_items).toarray()).to(self.profiles)

    def of(self, interaction: Any, rows: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """Return the ``[B, G]`` profiles of the users of ``[B, n + 1]`` scores."""
        return self.profiles.index_select(0, self.users(interaction, rows, scores))

    def users(self, interaction: Any, rows: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """Return the ``[B]`` ids of the users of ``[B, n + 1]`` scores, on whose device all is from then on."""
        if self.groups.device != scores.device:
            self.groups, self.profiles = self.groups.to(scores.device), self.profiles.to(scores.device)
        return users_of(interaction, rows.to(scores.device), self._user_field, len(scores))


def items_at(items: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    """Return the ``[B, k]`` item ids at places among ``[B, m]`` candidates, 0, which is padding, for a place of -1."""
    return torch.where(places >= 0, items.gather(1, places.clamp_min(0)), 0)
