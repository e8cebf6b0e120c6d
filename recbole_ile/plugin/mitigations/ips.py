"""Inverse propensity scoring as a mixin of a RecBole model."""

from __future__ import annotations

from typing import Any

import torch

from recbole_ile.functional.propensity import ips_weights
from recbole_ile.plugin.catalogue.mitigations import NONE
from recbole_ile.plugin.losses.interaction_losses import InteractionLosses
from recbole_ile.plugin.losses.pair_terms import PairTerms
from recbole_ile.plugin.mitigations.in_training import NeedsInteractionLosses, first_part
from recbole_ile.plugin.processes.group import global_sums


class InversePropensityScoring(NeedsInteractionLosses):
    """Divides the loss of each observed interaction by the propensity of its item, between 1 and ``ips_max``.

    Or, with ``ips_power``, by the count's share of the largest count to this power, at least ``ips_clip``. With
    ``ips_normalize`` the mean over the observed interactions is one weighted by the inverse propensities, so that their
    sum in a batch does not matter. Stands before the model in the bases of the composed class. Losses of sampled
    negatives, regularisation and auxiliary losses stay as they are. Source: Schnabel et al., ICML 2016, as compared by
    Prent & Mansoury, arXiv 2410.04830, section 4; self-normalised as by Swaminathan & Joachims, NeurIPS 2015.
    """

    def __init__(self, config: Any, dataset: Any) -> None:
        super().__init__(config, dataset)
        power, clip = (None if config[key] == NONE else float(config[key]) for key in ("ips_power", "ips_clip"))
        weights = torch.from_numpy(ips_weights(self.popularity.counts, float(config["ips_max"]), power, clip)).float()
        self._surplus = torch.cat([torch.zeros(1), weights - 1.0])
        # Where all weights are 1 their sum is the number of interactions, by which the model divides already.
        self._normalize = bool(config["ips_normalize"]) and bool(self._surplus.any())

    def calculate_loss(self, interaction: Any, *arguments: Any, **keywords: Any) -> Any:
        """Return the model's loss with its main part weighted, and its further parts."""
        loss = super().calculate_loss(interaction, *arguments, **keywords)
        losses = self.batch_losses
        if losses is None:
            return loss
        own, further = first_part(loss)
        if self._surplus.device != own.device:
            self._surplus = self._surplus.to(own.device)
        surplus = self._surplus.index_select(0, losses.items)
        if self._normalize:
            surplus = (surplus + 1.0) * _share_of_one(losses, surplus) - 1.0
        surplus = surplus * losses.observed()
        self.batch_losses = losses._replace(values=losses.values + surplus)
        weighted = own + (losses.scale * surplus.sum()).reshape(own.shape)
        return (weighted, *further) if further else weighted

    def pair_terms(self) -> PairTerms:
        """Return the terms of the model, with the weights of observed items."""
        terms = super().pair_terms()
        weights = self._surplus + (1.0 if terms.weights is None else terms.weights)
        return terms._replace(weights=weights, normalize=self._normalize)


def _share_of_one(losses: InteractionLosses, surplus: torch.Tensor) -> torch.Tensor:
    """Return the number of observed interactions over the sum of their weights, in the batch of all processes."""
    counts = torch.ones_like(surplus) if losses.counts is None else losses.counts
    total, number = global_sums(((surplus + 1.0) * counts).sum(), counts.sum())
    return torch.where(number > 0, number / total, 1.0)
