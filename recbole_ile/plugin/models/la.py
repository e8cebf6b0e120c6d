"""Logit adjustment as a mixin of a RecBole model."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from recbole_ile.functional.logit_adjustment import log_shares
from recbole_ile.plugin.models.score_shifts import find_shift
from recbole_ile.plugin.popularity import TrainingPopularity


class LogitAdjustment:
    """Adds ``la_tau * log π`` to an item's score inside the training loss, π its share of the training interactions.

    Stands before the model in the bases of the composed class. Ranking uses the scores as they are. Source: Menon et
    al., Long-tail learning via logit adjustment, ICLR 2021, arXiv 2007.07314, equation 10.
    """

    def __init__(self, config: Any, dataset: Any) -> None:
        super().__init__(config, dataset)  # type: ignore[call-arg]
        self.score_shift = None
        tau = float(config["la_tau"])
        if tau:
            shares = log_shares(TrainingPopularity.of(config, dataset).counts)
            # Padding is never recommended; it counts as one of the least popular items.
            shifts = torch.from_numpy(tau * np.concatenate([[shares.min()], shares])).float()
            self.score_shift = find_shift(self, self.base_name, shifts, config)  # type: ignore[attr-defined]

    def calculate_loss(self, interaction: Any, *arguments: Any, **keywords: Any) -> Any:
        """Return the model's loss of adjusted scores."""
        if self.score_shift is None:
            return super().calculate_loss(interaction, *arguments, **keywords)  # type: ignore[misc]
        with self.score_shift(interaction):
            return super().calculate_loss(interaction, *arguments, **keywords)  # type: ignore[misc]
