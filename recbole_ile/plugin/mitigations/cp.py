"""Calibrated popularity as a mixin of a RecBole model."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import torch

from recbole_ile.functional.reranking import calibrated_popularity, scale_min_max
from recbole_ile.plugin.catalogue.mitigations import AUTO
from recbole_ile.plugin.data.popularity import TrainingPopularity
from recbole_ile.plugin.mitigations.in_ranking import Reranker, put_first, users_of, weight_of

WEIGHTS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.97, 0.99)
"""What ``cp_weight: auto`` chooses from."""


class CalibratedPopularity(Reranker):
    """Gives each user's list the shares of head, mid and tail items of the training profile, as far as scores allow.

    Source: Abdollahpouri et al., UMAP 2021, as compared by Prent & Mansoury, arXiv 2410.04830, section 4.
    """

    automatic = MappingProxyType({"cp_weight": WEIGHTS})

    def __init__(self, config: Any, dataset: Any) -> None:
        super().__init__(config, dataset)
        popularity = TrainingPopularity.of(config, dataset)
        profiles = torch.from_numpy(popularity.profiles)
        self._profiles = torch.cat([torch.zeros_like(profiles[:1]), profiles])
        self._cp_groups = torch.from_numpy(popularity.groups_by_id)
        self._user_field = dataset.uid_field
        self.set_ranking(config)

    def set_ranking(self, config: Any) -> None:
        """Take ``cp_weight``, ``cp_candidates`` and ``cp_normalize`` from a configuration."""
        super().set_ranking(config)
        self.cp_weight = weight_of(config, "cp_weight")
        self.cp_candidates = int(config["cp_candidates"])
        self.cp_normalize = config["cp_normalize"]

    def ranking_settings(self) -> dict[str, Any]:
        """Return its options in addition to those of the mitigations before it."""
        own = ("cp_weight", "cp_candidates", "cp_normalize")
        return {**super().ranking_settings(), **{name: getattr(self, name) for name in own}}

    @torch.no_grad()
    def rerank(self, scores: torch.Tensor, interaction: Any, rows: torch.Tensor, k: int) -> torch.Tensor:
        """Return scores whose first ``k`` items are the calibrated list."""
        scores = super().rerank(scores, interaction, rows, k)
        if self.cp_weight in (0.0, AUTO):  # before it is chosen, the lists are the base model's
            return scores
        return put_first(scores, self._calibrated(scores, interaction, rows, k))

    @torch.no_grad()
    def lists(
        self, scores: torch.Tensor, interaction: Any, rows: torch.Tensor, k: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the calibrated lists, with the scores that the items had before, by which no list is sorted."""
        scores = super().rerank(scores, interaction, rows, k)
        if self.cp_weight in (0.0, AUTO):  # before it is chosen, the lists are the base model's
            return scores.topk(k)
        items = self._calibrated(scores, interaction, rows, k)
        return scores.gather(1, items), items

    def _calibrated(self, scores: torch.Tensor, interaction: Any, rows: torch.Tensor, k: int) -> torch.Tensor:
        """Return ``[B, k]`` item ids, 0 for padding where candidates ran out."""
        if self._cp_groups.device != scores.device:
            self._cp_groups, self._profiles = self._cp_groups.to(scores.device), self._profiles.to(scores.device)
        values, items = scores.topk(min(max(self.cp_candidates, k), scores.shape[1]), dim=1)
        users = users_of(interaction, rows.to(scores.device), self._user_field, len(scores))
        profiles = self._profiles.index_select(0, users)
        if self.cp_normalize == "minmax" or (self.cp_normalize == AUTO and self.rescales):
            values = scale_min_max(values)
        places = calibrated_popularity(values, self._cp_groups[items], profiles, k, float(self.cp_weight))
        return torch.where(places >= 0, items.gather(1, places.clamp_min(0)), 0)
