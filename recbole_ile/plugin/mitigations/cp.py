"""Calibrated popularity as a mixin of a RecBole model."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import torch
from scipy.sparse import csr_matrix

from recbole_ile.functional.reranking import calibrated_popularity, put_first, scale_min_max
from recbole_ile.functional.value_calibration import calibrated_values
from recbole_ile.plugin.catalogue.mitigations import AUTO
from recbole_ile.plugin.mitigations.in_ranking import ListChooser, weight_of
from recbole_ile.plugin.mitigations.tastes import Tastes, items_at

WEIGHTS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.97, 0.99)
"""What ``cp_weight: auto`` chooses from."""


class CalibratedPopularity(ListChooser):
    """Gives each user's list the shares of head, mid and tail items of the training profile, as far as scores allow.

    Source: Abdollahpouri et al., UMAP 2021, as compared by Prent & Mansoury, arXiv 2410.04830, section 4.
    """

    automatic = MappingProxyType({"cp_weight": WEIGHTS})

    def __init__(self, config: Any, dataset: Any) -> None:
        super().__init__(config, dataset)
        self._cp_tastes, self._cp_dataset = Tastes.of_groups(config, dataset), dataset
        self._cp_values: dict[str, Tastes] = {}
        self.set_ranking(config)
        if self.cp_field:  # a column that cannot be is told before the training
            self._values_of(self.cp_field)

    def set_ranking(self, config: Any) -> None:
        """Take its options from a configuration."""
        super().set_ranking(config)
        self.cp_weight = weight_of(config, "cp_weight")
        self.cp_candidates = int(config["cp_candidates"])
        self.cp_normalize, self.cp_divergence = config["cp_normalize"], config["cp_divergence"]
        self.cp_field = config["cp_field"]

    def ranking_settings(self) -> dict[str, Any]:
        """Return its options in addition to those of the mitigations before it."""
        own = ("cp_weight", "cp_candidates", "cp_normalize", "cp_divergence", "cp_field")
        return {**super().ranking_settings(), **{name: getattr(self, name) for name in own}}

    def take_users(self, histories: csr_matrix) -> None:
        """Take the profiles of other users."""
        super().take_users(histories)
        self._cp_tastes.take_users(histories)
        if self.cp_field:
            self._values_of(self.cp_field).take_users(histories)

    @torch.no_grad()
    def rerank(self, scores: torch.Tensor, interaction: Any, rows: torch.Tensor, k: int) -> torch.Tensor:
        """Return scores whose first ``k`` items are the calibrated list."""
        scores = super().rerank(scores, interaction, rows, k)
        if self.cp_weight in (0.0, AUTO):  # before it is chosen, the lists are the base model's
            return scores
        values, items = scores.topk(min(max(self.cp_candidates, k), scores.shape[1]), dim=1)
        if self.cp_normalize == "minmax" or (self.cp_normalize == AUTO and self.rescales):
            values = scale_min_max(values)
        tastes = self._values_of(self.cp_field) if self.cp_field else self._cp_tastes
        profiles, weight = tastes.of(interaction, rows, scores), float(self.cp_weight)
        calibrated = calibrated_values if self.cp_field else calibrated_popularity
        places = calibrated(values, tastes.groups[items], profiles, k, weight, self.cp_divergence)
        return put_first(scores, items_at(items, places))

    def _values_of(self, field: str) -> Tastes:
        """Return the values of a column and the users' profiles over them, found once."""
        if field not in self._cp_values:
            self._cp_values[field] = Tastes.of_values(self._cp_dataset, "cp_field", field)
        return self._cp_values[field]
