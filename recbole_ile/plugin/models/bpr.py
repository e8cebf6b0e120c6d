"""RecBole's BPR, which scores a batch and adds up its gradients in one pass each."""

from __future__ import annotations

from typing import Any

import recbole.model.general_recommender.bpr as recbole_bpr
import torch

from recbole_ile.kernels.pair_scores import pair_scores, supports_fused_pairs
from recbole_ile.plugin.losses.pair_terms import PairTerms


class BPR(recbole_bpr.BPR):
    """The same model and loss up to the rounding of floats; with ``fast_loader: False`` to the last bit."""

    scores_pairs = True

    def __init__(self, config: Any, dataset: Any) -> None:
        super().__init__(config, dataset)
        self._one_pass = bool(config["fast_loader"])

    def calculate_loss(self, interaction: Any) -> torch.Tensor:
        """Return the BPR loss of ``[B]`` pairs."""
        weights = (self.user_embedding.weight, self.item_embedding.weight)
        by_rows = self.user_embedding.sparse and self.item_embedding.sparse
        if by_rows or not (self._one_pass and supports_fused_pairs(*weights)):
            return super().calculate_loss(interaction)
        indices = (interaction[field] for field in (self.USER_ID, self.ITEM_ID, self.NEG_ITEM_ID))
        return self.loss(*pair_scores(*weights, *indices))

    def pair_terms(self) -> PairTerms:
        """Return that the loss is BPR's own."""
        return PairTerms()
