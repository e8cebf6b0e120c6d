"""xQuAD, explicit diversification over item groups, as a mixin of a RecBole model."""

from __future__ import annotations

from typing import Any

import torch
from scipy.sparse import csr_matrix

from recbole_ile.functional.diversification import explicit_diversification
from recbole_ile.functional.reranking import put_first
from recbole_ile.plugin.mitigations.in_ranking import ListChooser
from recbole_ile.plugin.mitigations.tastes import Tastes, items_at


class ExplicitDiversification(ListChooser):
    """Chooses each user's list from the best candidates, with a reward for groups that the user likes and it lacks.

    Source: Abdollahpouri et al., FLAIRS 2019, arXiv 1901.07555.
    """

    def __init__(self, config: Any, dataset: Any) -> None:
        super().__init__(config, dataset)
        self._xq_tastes = Tastes.of_groups(config, dataset)
        self.set_ranking(config)

    def set_ranking(self, config: Any) -> None:
        """Take ``xq_weight``, ``xq_candidates`` and ``xq_mode`` from a configuration."""
        super().set_ranking(config)
        self.xq_weight, self.xq_mode = float(config["xq_weight"]), config["xq_mode"]
        self.xq_candidates = int(config["xq_candidates"])

    def ranking_settings(self) -> dict[str, Any]:
        """Return its options in addition to those of the mitigations before it."""
        own = ("xq_weight", "xq_candidates", "xq_mode")
        return {**super().ranking_settings(), **{name: getattr(self, name) for name in own}}

    def take_users(self, histories: csr_matrix) -> None:
        """Take the profiles of other users."""
        super().take_users(histories)
        self._xq_tastes.take_users(histories)

    @torch.no_grad()
    def rerank(self, scores: torch.Tensor, interaction: Any, rows: torch.Tensor, k: int) -> torch.Tensor:
        """Return scores whose first ``k`` items are the diversified list."""
        scores = super().rerank(scores, interaction, rows, k)
        if self.xq_weight == 0.0:
            return scores
        tastes = self._xq_tastes.of(interaction, rows, scores)
        values, items = scores.topk(min(max(self.xq_candidates, k), scores.shape[1]), dim=1)
        groups = self._xq_tastes.groups[items]
        places = explicit_diversification(values, groups, tastes, k, self.xq_weight, self.xq_mode)
        return put_first(scores, items_at(items, places))
