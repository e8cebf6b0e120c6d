"""Logit adjustment as a mixin of a RecBole model."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from recbole_ile.functional.logit_adjustment import log_shares
from recbole_ile.plugin.catalogue.composed import Composed
from recbole_ile.plugin.data.popularity import TrainingPopularity
from recbole_ile.plugin.losses.pair_terms import PairTerms
from recbole_ile.plugin.losses.score_shifts import find_shift


class LogitAdjustment(Composed):
    """Adds ``la_tau * log π`` to an item's score inside the training loss, π its share of the training interactions.

    Stands before the model in the bases of the composed class. Ranking uses the scores as they are. Source: Menon et
    al., Long-tail learning via logit adjustment, ICLR 2021, arXiv 2007.07314, equation 10.
    """

    def __init__(self, config: Any, dataset: Any) -> None:
        super().__init__(config, dataset)
        self.score_shift, self.shifts = None, None
        tau = float(config["la_tau"])
        if tau:
            shares = log_shares(TrainingPopularity.of(config, dataset).counts)
            # Padding is never recommended; it counts as one of the least popular items.
            self.shifts = torch.from_numpy(tau * np.concatenate([[shares.min()], shares])).float()
            self.score_shift = find_shift(self, self.base_name, self.shifts, config)

    def calculate_loss(self, interaction: Any, *arguments: Any, **keywords: Any) -> Any:
        """Return the model's loss of adjusted scores."""
        if self.score_shift is None:
            return super().calculate_loss(interaction, *arguments, **keywords)
        with self.score_shift(interaction):
            return super().calculate_loss(interaction, *arguments, **keywords)

    def pair_terms(self) -> PairTerms:
        """Return the terms of the model, with the shifts of items."""
        return super().pair_terms()._replace(shifts=self.shifts)
