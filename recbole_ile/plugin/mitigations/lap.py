"""Logit adjustment after training as a mixin of a RecBole model."""

from __future__ import annotations

from typing import Any

import torch

from recbole_ile.functional.folded_vectors import Step
from recbole_ile.functional.logit_adjustment import adjusted_after_training, log_shares, standard_units
from recbole_ile.plugin.data.popularity import TrainingPopularity
from recbole_ile.plugin.mitigations.in_ranking import Reranker


class PostHocLogitAdjustment(Reranker):
    """Subtracts ``lap_tau * (log π_i - mean log π)`` from a user's standardised scores, π as in LA.

    Source: Menon et al., Long-tail learning via logit adjustment, ICLR 2021, arXiv 2007.07314, equation 9.
    """

    def __init__(self, config: Any, dataset: Any) -> None:
        super().__init__(config, dataset)
        shares = torch.from_numpy(log_shares(TrainingPopularity.of(config, dataset).counts))
        # Padding is never recommended.
        self._lap_shares = torch.cat([shares.mean().reshape(1), shares])
        self.set_ranking(config)

    def set_ranking(self, config: Any) -> None:
        """Take ``lap_tau`` and ``lap_scale`` from a configuration."""
        super().set_ranking(config)
        self.lap_tau, self.lap_scale = float(config["lap_tau"]), config["lap_scale"]

    @property
    def rescales(self) -> bool:
        """Whether the scores that are handed on are standardised and adjusted."""
        return self.lap_tau != 0.0 or super().rescales

    def ranking_settings(self) -> dict[str, Any]:
        """Return both, as what acts on the scores before later mitigations."""
        return {**super().ranking_settings(), "lap_tau": self.lap_tau, "lap_scale": self.lap_scale}

    def step(self, scores: torch.Tensor) -> Step:
        """Return what it does to ``[B, n + 1]`` scores, but for a number of each user's that ranks nothing."""
        units = standard_units(scores) if self.lap_scale == "zscore" else scores.new_ones(len(scores))
        return Step(units, self.lap_tau * (self._lap_shares - self._lap_shares.mean()).to(scores.device))

    @torch.no_grad()
    def rerank(self, scores: torch.Tensor, interaction: Any, rows: torch.Tensor, k: int) -> torch.Tensor:
        """Return the adjusted scores."""
        scores = super().rerank(scores, interaction, rows, k)
        if self.lap_tau == 0.0:
            return scores
        if self._lap_shares.device != scores.device:
            self._lap_shares = self._lap_shares.to(scores.device)
        return adjusted_after_training(scores, self._lap_shares, self.lap_tau, standardize=self.lap_scale == "zscore")
