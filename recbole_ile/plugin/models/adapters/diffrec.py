"""DiffRec: the error of a denoised row of the interaction matrix, weighted by the step of the diffusion."""

from __future__ import annotations

from typing import Any

import recbole.model.general_recommender as recbole_models
import torch

from recbole_ile.plugin.losses.interaction_losses import InteractionLosses, by_item


class DiffRec(recbole_models.DiffRec):
    """The loss of a user and an item is the squared error, times the step's weight over its probability."""

    _probabilities: torch.Tensor
    _errors: tuple[torch.Tensor, torch.Tensor, torch.Tensor]

    def start_batch(self) -> None:
        """Do nothing: every batch has new errors."""

    def sample_timesteps(self, *arguments: Any, **keywords: Any) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the ``[B]`` steps and their ``[B]`` relative probabilities."""
        steps, self._probabilities = super().sample_timesteps(*arguments, **keywords)
        return steps, self._probabilities

    def reweight_loss(
        self, x_start: Any, x_t: Any, mse: Any, ts: Any, target: Any, model_output: Any, device: Any
    ) -> torch.Tensor:
        """Return the ``[B]`` losses of the users, weighted by step."""
        losses = super().reweight_loss(x_start, x_t, mse, ts, target, model_output, device)
        weights = losses.detach() / mse.detach().clamp_min(torch.finfo(mse.dtype).tiny)
        self._errors = (target - model_output) ** 2, weights.clone(), x_start
        return losses

    def predict(self, interaction: Any) -> torch.Tensor:
        """Return the ``[B]`` scores of pairs, where RecBole returns those of all users with all items of the batch."""
        return self.full_sort_predict(interaction).gather(1, interaction[self.ITEM_ID][:, None]).squeeze(1)

    def interaction_losses(self, interaction: Any) -> InteractionLosses | None:
        """Return the losses by item."""
        errors, weights, interactions = self._errors
        losses = errors * (weights / self._probabilities).unsqueeze(1)
        observed = (losses * interactions).sum(dim=0)
        scale = 1.0 / losses.numel()
        return by_item(observed, interactions.sum(dim=0), losses.sum(dim=0) - observed, scale)
