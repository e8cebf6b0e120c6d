"""ENMF: a squared error of all users and items, of which the observed ones are computed one by one."""

from __future__ import annotations

from typing import Any

import recbole.model.general_recommender as recbole_models
import torch

from recbole_ile.plugin.losses.interaction_losses import InteractionLosses


class ENMF(recbole_models.ENMF):
    """An observed interaction's loss is ``(1 - score)^2``; RecBole leaves out the constant 1."""

    _scores: torch.Tensor

    def start_batch(self) -> None:
        """Do nothing: every batch has new scores."""

    def forward(self, user: torch.Tensor) -> torch.Tensor:
        """Return the ``[B, L]`` scores of the users' own items."""
        self._scores = super().forward(user)
        return self._scores

    def interaction_losses(self, interaction: Any) -> InteractionLosses | None:
        """Return the losses of the users' own items, padding with count 0."""
        items = self.history_item_matrix[interaction[self.USER_ID]].reshape(-1)
        values = torch.square(1.0 - self._scores).reshape(-1)
        return InteractionLosses(values, items, (items > 0).to(values.dtype), 1.0)
