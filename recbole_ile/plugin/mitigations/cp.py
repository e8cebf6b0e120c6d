"""Calibrated popularity as a mixin of a RecBole model."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import torch

from recbole_ile.functional.reranking import calibrated_popularity, put_first, scale_min_max
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
        self._cp_tastes = Tastes(config, dataset)
        self.set_ranking(config)

    def set_ranking(self, config: Any) -> None:
        """Take ``cp_weight``, ``cp_candidates``, ``cp_normalize`` and ``cp_divergence`` from a configuration."""
        super().set_ranking(config)
        self.cp_weight = weight_of(config, "cp_weight")
        self.cp_candidates = int(config["cp_candidates"])
        self.cp_normalize, self.cp_divergence = config["cp_normalize"], config["cp_divergence"]

    def ranking_settings(self) -> dict[str, Any]:
        """Return its options in addition to those of the mitigations before it."""
        own = ("cp_weight", "cp_candidates", "cp_normalize", "cp_divergence")
        return {**super().ranking_settings(), **{name: getattr(self, name) for name in own}}

    @torch.no_grad()
    def rerank(self, scores: torch.Tensor, interaction: Any, rows: torch.Tensor, k: int) -> torch.Tensor:
        """Return scores whose first ``k`` items are the calibrated list."""
        scores = super().rerank(scores, interaction, rows, k)
        if self.cp_weight in (0.0, AUTO):  # before it is chosen, the lists are the base model's
            return scores
        tastes = self._cp_tastes.of(interaction, rows, scores)
        values, items = scores.topk(min(max(self.cp_candidates, k), scores.shape[1]), dim=1)
        if self.cp_normalize == "minmax" or (self.cp_normalize == AUTO and self.rescales):
            values = scale_min_max(values)
        groups, weight = self._cp_tastes.groups[items], float(self.cp_weight)
        places = calibrated_popularity(values, groups, tastes, k, weight, self.cp_divergence)
        return put_first(scores, items_at(items, places))
