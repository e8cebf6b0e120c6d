"""Inverse propensity scoring as a mixin of a RecBole model."""

from __future__ import annotations

from typing import Any

import torch

from recbole_ile.functional.propensity import ips_weights
from recbole_ile.plugin.losses.pair_terms import PairTerms
from recbole_ile.plugin.mitigations.in_training import NeedsInteractionLosses, first_part


class InversePropensityScoring(NeedsInteractionLosses):
    """Divides the loss of each observed interaction by the popularity of its item, between 1 and ``ips_max``.

    Stands before the model in the bases of the composed class. Losses of sampled negatives, regularisation and
    auxiliary losses stay as they are. Source: Schnabel et al., ICML 2016, as compared by Prent & Mansoury,
    arXiv 2410.04830, section 4.
    """

    def __init__(self, config: Any, dataset: Any) -> None:
        super().__init__(config, dataset)
        weights = torch.from_numpy(ips_weights(self.popularity.counts, float(config["ips_max"]))).float()
        self._surplus = torch.cat([torch.zeros(1), weights - 1.0])

    def calculate_loss(self, interaction: Any, *arguments: Any, **keywords: Any) -> Any:
        """Return the model's loss with its main part weighted, and its further parts."""
        loss = super().calculate_loss(interaction, *arguments, **keywords)
        losses = self.batch_losses
        if losses is None:
            return loss
        own, further = first_part(loss)
        if self._surplus.device != own.device:
            self._surplus = self._surplus.to(own.device)
        surplus = self._surplus.index_select(0, losses.items) * losses.observed()
        weighted = own + (losses.scale * surplus.sum()).reshape(own.shape)
        return (weighted, *further) if further else weighted

    def pair_terms(self) -> PairTerms:
        """Return the terms of the model, with the weights of observed items."""
        terms = super().pair_terms()
        return terms._replace(weights=self._surplus + (1.0 if terms.weights is None else terms.weights))
