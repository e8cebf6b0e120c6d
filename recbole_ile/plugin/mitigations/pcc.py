"""The penalty on the correlation of scores and popularity as a mixin of a RecBole model."""

from __future__ import annotations

from typing import Any

import torch

from recbole_ile.functional.correlation import co_moments, log_counts, squared_correlation
from recbole_ile.plugin.losses.interaction_losses import InteractionLosses
from recbole_ile.plugin.losses.pair_terms import PairTerms
from recbole_ile.plugin.losses.score_pairs import check_pairs
from recbole_ile.plugin.mitigations.in_training import NeedsInteractionLosses, first_part
from recbole_ile.plugin.processes.group import global_sums


class PopularityCorrelation(NeedsInteractionLosses):
    """Makes of a model's loss L ``(1 - pcc_weight) * L + pcc_weight * r²``.

    r is Pearson's correlation, over the batch of all processes, of the logarithms of the observed items' training
    interactions with ``σ(s_pos - s_neg)``, which is ``exp(-loss)`` of the pair. Source: Boratto et al., Information
    Processing & Management 2021, arXiv 2006.04275.
    """

    def __init__(self, config: Any, dataset: Any) -> None:
        super().__init__(config, dataset)
        check_pairs(self.base_name, config, "PCC")
        self.pcc_weight = float(config["pcc_weight"])
        counts = torch.from_numpy(log_counts(self.popularity.counts)).float()
        self._log_counts = torch.cat([torch.zeros(1), counts])

    def calculate_loss(self, interaction: Any, *arguments: Any, **keywords: Any) -> Any:
        """Return the model's loss, with the penalty in its main part."""
        loss = super().calculate_loss(interaction, *arguments, **keywords)
        losses = self.batch_losses
        if losses is None or self.pcc_weight == 0.0:
            return loss
        left = 1.0 - self.pcc_weight
        self.batch_losses = losses._replace(scale=left * losses.scale)
        own, further = first_part(loss)
        own = left * own + (self.pcc_weight * self._correlation(losses)).reshape(own.shape)
        return (own, *(left * part for part in further)) if further else own

    def pair_terms(self) -> PairTerms:
        """Return the terms of the model, with the correlation."""
        terms = super().pair_terms()
        if self.pcc_weight == 0.0:
            return terms
        return terms._replace(correlation=self.pcc_weight, popularity=self._log_counts)

    def _correlation(self, losses: InteractionLosses) -> torch.Tensor:
        if self._log_counts.device != losses.values.device:
            self._log_counts = self._log_counts.to(losses.values.device)
        popularity = self._log_counts.index_select(0, losses.items).double()
        chances = torch.exp(-losses.values.double())
        sums = torch.stack([chances.detach().sum(), popularity.sum()])
        sums, counts = global_sums(sums, torch.full_like(sums, len(popularity)))
        mean, other_mean = sums / counts.clamp_min(1.0)
        squares, products, others = co_moments(chances, popularity, mean, other_mean)
        # Around the mean of all, the sums of squares do not change with it, so that it needs no gradient.
        own, other_squares = global_sums(torch.stack([squares, products]), torch.stack([others, others]))
        (own_squares, co_products), (others_squares, _) = own.unbind(), other_squares.unbind()
        moments = (own_squares, co_products, others_squares)
        return squared_correlation(moments, mean, other_mean, counts.unbind()[0]).to(losses.values.dtype)
