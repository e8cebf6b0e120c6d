"""Popularity compensation as a mixin of a RecBole model."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from recbole_ile.functional.compensation import popularity_compensated
from recbole_ile.plugin.data.popularity import TrainingPopularity
from recbole_ile.plugin.mitigations.in_ranking import Reranker


class PopularityCompensation(Reranker):
    """Adds to a user's scores what grows with the rarity of an item, as long a vector as ``pc_alpha`` of theirs.

    Source: Zhu et al., WSDM 2021, doi 10.1145/3437963.3441820.
    """

    def __init__(self, config: Any, dataset: Any) -> None:
        super().__init__(config, dataset)
        counts = TrainingPopularity.of(config, dataset).counts
        self._pc_counts = torch.from_numpy(np.concatenate([[0], counts]))
        self.set_ranking(config)

    def set_ranking(self, config: Any) -> None:
        """Take ``pc_alpha`` and ``pc_beta`` from a configuration."""
        super().set_ranking(config)
        self.pc_alpha, self.pc_beta = float(config["pc_alpha"]), float(config["pc_beta"])

    @property
    def rescales(self) -> bool:
        """Whether the scores that are handed on start at 0, with what they are compensated by."""
        return self.pc_alpha != 0.0 or super().rescales

    def ranking_settings(self) -> dict[str, Any]:
        """Return both, as what acts on the scores before later mitigations."""
        return {**super().ranking_settings(), "pc_alpha": self.pc_alpha, "pc_beta": self.pc_beta}

    @torch.no_grad()
    def rerank(self, scores: torch.Tensor, interaction: Any, rows: torch.Tensor, k: int) -> torch.Tensor:
        """Return the compensated scores."""
        scores = super().rerank(scores, interaction, rows, k)
        if self.pc_alpha == 0.0:
            return scores
        if self._pc_counts.device != scores.device:
            self._pc_counts = self._pc_counts.to(scores.device)
        return popularity_compensated(scores, self._pc_counts, self.pc_alpha, self.pc_beta)
