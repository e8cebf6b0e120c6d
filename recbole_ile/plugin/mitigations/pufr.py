"""Predictive uncertainty as a mixin of a RecBole model."""

from __future__ import annotations

import logging
from typing import Any

import torch
from torch import nn

from recbole_ile.functional.reranking import uncertainty_adjusted
from recbole_ile.plugin.data.popularity import TrainingPopularity
from recbole_ile.plugin.evaluation.predictions import all_scores, flat
from recbole_ile.plugin.mitigations.in_ranking import Reranker

UNCERTAINTIES = ("item", "pair")


class PredictiveUncertainty(Reranker):
    """Raises tail items and lowers head items by how much independently trained copies of the model disagree.

    The model itself is the first member, the others are in ``members``; all are stored in its checkpoint.
    Source: Sun et al., CIKM 2023 (arXiv 2309.09833), as compared by Prent & Mansoury, arXiv 2410.04830, section 4.
    """

    members: nn.ModuleList
    item_uncertainty: torch.Tensor

    def __init__(self, config: Any, dataset: Any) -> None:
        super().__init__(config, dataset)
        self.set_ranking(config)
        member = self.member_class
        self.members = nn.ModuleList(member(config, dataset) for _ in range(config["pufr_members"] - 1))
        self.register_buffer("item_uncertainty", torch.zeros(dataset.item_num))
        self._item_field, self._item_features = dataset.iid_field, dataset.get_item_feature()
        self._pufr_groups = torch.from_numpy(TrainingPopularity.of(config, dataset).groups_by_id)
        if not self.members and self.pufr_weight > 0:
            logging.getLogger().warning("pufr_members=1 knows no uncertainty: the ranking is the base model's")

    def set_ranking(self, config: Any) -> None:
        """Take ``pufr_weight`` and ``pufr_uncertainty`` from a configuration."""
        super().set_ranking(config)
        self.pufr_weight = float(config["pufr_weight"])
        self.pufr_uncertainty = config["pufr_uncertainty"]

    def ranking_settings(self) -> dict[str, Any]:
        """Return its options in addition to those of the mitigations before it."""
        own = {"pufr_weight": self.pufr_weight, "pufr_uncertainty": self.pufr_uncertainty}
        return {**super().ranking_settings(), **own}

    @torch.no_grad()
    def rerank(self, scores: torch.Tensor, interaction: Any, rows: torch.Tensor, k: int) -> torch.Tensor:
        """Return the scores adjusted by the uncertainty of the item, or of the user and the item."""
        scores = super().rerank(scores, interaction, rows, k)
        if self.pufr_weight == 0.0 or not self.members:
            return scores
        if self._pufr_groups.device != scores.device:
            self._pufr_groups = self._pufr_groups.to(scores.device)
        if self.pufr_uncertainty == "item":
            uncertainty = self.item_uncertainty
        else:
            uncertainty = self._of_pairs(scores, interaction, rows.to(scores.device))
        return uncertainty_adjusted(scores, uncertainty, self._pufr_groups, self.pufr_weight)

    def _of_pairs(self, scores: torch.Tensor, interaction: Any, rows: torch.Tensor) -> torch.Tensor:
        """Return the ``[B, n + 1]`` population standard deviation of the members' own scores."""
        own = [scores, *(self._like(scores, member, interaction, rows) for member in self.members)]
        deviation = torch.stack(own).std(dim=0, correction=0)
        return torch.where(scores > -torch.inf, deviation, 0.0)

    @torch.no_grad()
    def estimate_item_uncertainty(self, batches: Any) -> None:
        """Set each item's uncertainty: the standard deviation over members of its mean score over users.

        Args:
            batches: the users, as batches that ``full_sort_predict`` takes.
        """
        members = [self, *self.members]
        sums, n_users = torch.zeros(len(members), len(self.item_uncertainty), dtype=torch.float64), 0
        for batch in batches:
            for member, row in zip(members, sums, strict=True):
                scores = all_scores(member, batch, self._item_features, len(self.item_uncertainty))
                row += scores.double().sum(dim=0).cpu()
            n_users += len(batch)
        self.item_uncertainty.copy_((sums / max(n_users, 1)).std(dim=0, correction=0))
        if len(members) > 1 and not bool(self.item_uncertainty.any()):
            logging.getLogger().warning("all members of PUFR score alike: the ranking is the base model's")

    def _like(self, scores: torch.Tensor, member: Any, interaction: Any, rows: torch.Tensor) -> torch.Tensor:
        """Return a member's ``[B, n + 1]`` scores where the model has ``scores``, in full or sampled evaluation."""
        if len(interaction) == len(scores):
            return all_scores(member, interaction, self._item_features, len(self.item_uncertainty))
        own = torch.full_like(scores, -torch.inf)
        own[rows, interaction[self._item_field]] = flat(member.predict(interaction))
        return own
