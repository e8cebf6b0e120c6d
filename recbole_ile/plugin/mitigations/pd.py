"""Popularity-bias deconfounding as a mixin of a RecBole model."""

from __future__ import annotations

from typing import Any

import torch

from recbole_ile.functional.deconfounding import deconfounded, relative_popularity
from recbole_ile.plugin.data.popularity import TrainingPopularity
from recbole_ile.plugin.losses.score_pairs import PairFactors, check_pairs, find_pair_change
from recbole_ile.plugin.mitigations.in_ranking import Reranker


class PopularityDeconfounding(Reranker):
    """Multiplies ``ELU(s) + 1`` of a score s by its item's popularity to the power of ``pd_gamma`` in the loss.

    Lists are by the scores as they are, or, with ``pd_inject``, by ``(ELU(s) + 1) * m ** pd_inject``, m the item's
    training interactions as a share of the most popular one's. Source: Zhang et al., Causal intervention for
    leveraging popularity bias in recommendation, SIGIR 2021, arXiv 2105.06067; with ``pd_inject`` its PDA, which takes
    the popularity of training for that to come.
    """

    def __init__(self, config: Any, dataset: Any) -> None:
        super().__init__(config, dataset)
        popularity = torch.from_numpy(relative_popularity(TrainingPopularity.of(config, dataset).counts)).float()
        # Padding is never recommended; it counts as one of the least popular items.
        self._popularity = torch.cat([popularity.min().reshape(1), popularity])
        self.pd_gamma = float(config["pd_gamma"])
        check_pairs(self.base_name, config, "PD")
        item = config["ITEM_ID_FIELD"]
        factors = PairFactors(self._popularity**self.pd_gamma, item, config["NEG_PREFIX"] + item)
        self.pair_change = find_pair_change(self, self.base_name, factors, config)
        self.set_ranking(config)

    def calculate_loss(self, interaction: Any, *arguments: Any, **keywords: Any) -> Any:
        """Return the model's loss of deconfounded scores."""
        with self.pair_change(interaction):
            return super().calculate_loss(interaction, *arguments, **keywords)

    def set_ranking(self, config: Any) -> None:
        """Take ``pd_inject`` from a configuration."""
        super().set_ranking(config)
        self.pd_inject = float(config["pd_inject"])

    @property
    def rescales(self) -> bool:
        """Whether the scores that are handed on carry their items' popularity."""
        return self.pd_inject != 0.0 or super().rescales

    def ranking_settings(self) -> dict[str, Any]:
        """Return ``pd_inject``, as what acts on the scores before later mitigations."""
        return {**super().ranking_settings(), "pd_inject": self.pd_inject}

    @torch.no_grad()
    def rerank(self, scores: torch.Tensor, interaction: Any, rows: torch.Tensor, k: int) -> torch.Tensor:
        """Return the scores with the popularity of their items."""
        scores = super().rerank(scores, interaction, rows, k)
        if self.pd_inject == 0.0:
            return scores
        if self._popularity.device != scores.device:
            self._popularity = self._popularity.to(scores.device)
        return deconfounded(scores, (self._popularity**self.pd_inject).to(scores.dtype))
