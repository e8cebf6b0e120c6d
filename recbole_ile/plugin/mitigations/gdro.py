"""Group distributionally robust optimisation as a mixin of a RecBole model."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from recbole_ile.functional.robust_loss import robust_loss, uniform_shares, updated_shares
from recbole_ile.plugin.losses.pair_terms import PairTerms
from recbole_ile.plugin.mitigations.in_training import NeedsInteractionLosses, first_part
from recbole_ile.plugin.processes.group import global_sums


class GroupRobustness(NeedsInteractionLosses):
    """Puts the sum of the item groups' mean losses, each times its share, in place of the mean observed loss.

    The shares follow the losses batch by batch and lie in the checkpoint. Losses of sampled negatives, regularisation
    and auxiliary losses stay as they are; behind IPS, the losses are the weighted ones. Source: Sagawa et al.,
    Distributionally robust neural networks, ICLR 2020, arXiv 1911.08731, algorithm 1.

    Attributes:
        gdro_shares: ``[G]`` float64 shares, 0 for a group without training interactions.
    """

    def __init__(self, config: Any, dataset: Any) -> None:
        super().__init__(config, dataset)
        self.gdro_step = float(config["gdro_step"])
        popularity = self.popularity
        groups, n_groups = popularity.item_groups, len(popularity.group_names)
        sizes = np.bincount(groups, weights=popularity.counts, minlength=n_groups)
        # No buffer: like all that a training changes beside the parameters, it is kept for --resume alone.
        self.gdro_shares = torch.from_numpy(uniform_shares(sizes))

    def calculate_loss(self, interaction: Any, *arguments: Any, **keywords: Any) -> Any:
        """Return the model's loss with its main part made robust, and its further parts."""
        loss = super().calculate_loss(interaction, *arguments, **keywords)
        losses = self.batch_losses
        if losses is None:
            return loss
        own, further = first_part(loss)
        means, present = self.group_losses.batch_means(losses)
        if self.gdro_shares.device != means.device:
            self.gdro_shares = self.gdro_shares.to(means.device)
        if self.training:
            self.gdro_shares.copy_(updated_shares(self.gdro_shares, means, present, self.gdro_step))
        # What the mean of the observed losses counts in the model's loss, on average over the processes.
        counted = losses.scale * losses.number()
        total, processes = global_sums(counted, torch.ones_like(counted))
        gained = total / processes * robust_loss(self.gdro_shares, means, present)
        robust = own + (gained - losses.scale * losses.observed().sum()).reshape(own.shape)
        return (robust, *further) if further else robust

    def pair_terms(self) -> PairTerms:
        """Return the terms of the model, with the shares of the groups."""
        return super().pair_terms()._replace(shares=self.gdro_shares, step=self.gdro_step)
