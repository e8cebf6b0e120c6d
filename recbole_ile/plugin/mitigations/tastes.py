"""What a user likes, as shares of item groups, where lists are chosen."""

from __future__ import annotations

from typing import Any

import torch

from recbole_ile.plugin.data.popularity import TrainingPopularity
from recbole_ile.plugin.mitigations.in_ranking import users_of


class Tastes:
    """The groups of the items and the training profiles of the users, by RecBole's ids.

    Attributes:
        groups: ``[n + 1]`` group of each item; padding is in the last one.
        profiles: ``[U + 1, G]`` training interactions of each user in each group; padding has none.
    """

    def __init__(self, config: Any, dataset: Any) -> None:
        popularity = TrainingPopularity.of(config, dataset)
        profiles = torch.from_numpy(popularity.profiles)
        self.profiles = torch.cat([torch.zeros_like(profiles[:1]), profiles])
        self.groups = torch.from_numpy(popularity.groups_by_id)
        self._user_field = dataset.uid_field

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
