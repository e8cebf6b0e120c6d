"""Autoencoders: multinomial likelihood (MultiVAE and its kin), RaCT's first stage, CDAE's whole matrix."""

from __future__ import annotations

from typing import Any

import recbole.model.general_recommender as recbole_models
import torch

from recbole_ile.plugin.losses.interaction_losses import InteractionLosses, LossesNotSeenError, by_item
from recbole_ile.plugin.models.adapters.seeing import SeesLogLikelihoods, SeesReductions


class MultiVAE(SeesLogLikelihoods, recbole_models.MultiVAE):
    """Its Kullback-Leibler term is auxiliary."""


class MultiDAE(SeesLogLikelihoods, recbole_models.MultiDAE):
    """The cross entropy is the whole loss."""


class MacridVAE(SeesLogLikelihoods, recbole_models.MacridVAE):
    """Its Kullback-Leibler term and regularisation are auxiliary."""


class RecVAE(SeesLogLikelihoods, recbole_models.RecVAE):
    """Encoder and decoder train in turn on the same loss."""


class LDiffRec(SeesLogLikelihoods, recbole_models.LDiffRec):
    """The losses are those of its autoencoder; diffusion among latent factors has none of single interactions."""

    def predict(self, interaction: Any) -> torch.Tensor:
        """Return the ``[B]`` scores of pairs, where RecBole returns those of all users with all items of the batch."""
        return self.full_sort_predict(interaction).gather(1, interaction[self.ITEM_ID][:, None]).squeeze(1)


class RaCT(SeesLogLikelihoods, recbole_models.RaCT):
    """Only the actor's pre-training has losses of interactions; later stages train on a critic's opinion."""

    def interaction_losses(self, interaction: Any) -> InteractionLosses | None:
        """Return the losses by item in the actor's pre-training."""
        return super().interaction_losses(interaction) if self.train_stage == "actor_pretrain" else None


class CDAE(SeesReductions, recbole_models.CDAE):
    """Every user and item is an entry of its loss, which is a sum."""

    def calculate_loss(self, interaction: Any) -> Any:
        """Return the model's loss."""
        with self.watch_reductions:
            return super().calculate_loss(interaction)

    def interaction_losses(self, interaction: Any) -> InteractionLosses | None:
        """Return the losses by item."""
        losses, scale, interactions = self.first_kept()
        if interactions is None:
            raise LossesNotSeenError("the model has no loss of its own matrix of interactions")
        observed = (losses * interactions).sum(dim=0)
        return by_item(observed, interactions.sum(dim=0), losses.sum(dim=0) - observed, scale)
