"""A behaviour that keeps the fairest of the epochs that are about as accurate as the best."""

from __future__ import annotations

import math
from typing import Any

from recbole_ile.functional.epoch_choice import Choice, update_choice
from recbole_ile.metric import Metric
from recbole_ile.plugin.training.behaviour import Behaviour, Training, Validation


class FairestEpoch(Behaviour):
    """With ``valid_tolerance``, an epoch is the best if it is fair and accurate enough.

    Patience begins anew with each epoch that is kept.

    Attributes:
        choice: what is known of the epochs so far, ``None`` before the first validation.
    """

    key = "fairest_epoch"

    def __init__(self, config: Any) -> None:
        self.choice: Choice | None = None
        self._tolerance = float(config["valid_tolerance"])
        self._fairness = str(config["valid_fairness"]).lower()

    def after_validation(self, training: Training, validation: Validation) -> Validation:
        """Let RecBole keep the epoch or not."""
        accuracy = float(validation.score) if training.valid_metric_bigger else -float(validation.score)
        fairness = Metric.parse(self._fairness).gain(float(validation.result[self._fairness]))
        self.choice, keep = update_choice(self.choice, accuracy, fairness, self._tolerance)
        # RecBole keeps an epoch whose score is at least this one, which it then replaces by the score.
        training.best_valid_score = -math.inf if keep == training.valid_metric_bigger else math.inf
        return validation

    def state_dict(self) -> dict[str, Any]:
        """Return the choice so far."""
        return {} if self.choice is None else {"choice": list(self.choice)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take the choice so far."""
        self.choice = Choice(*state["choice"]) if state.get("choice") else None
