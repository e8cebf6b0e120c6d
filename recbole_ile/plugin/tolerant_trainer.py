"""A RecBole trainer that keeps the fairest of the epochs that are about as accurate as the best."""

from __future__ import annotations

import math
from typing import Any

import recbole.utils
from recbole.evaluator import smaller_metrics

from recbole_ile.functional.epoch_choice import Choice, considered

CHOICE = "valid_tolerance_choice"
"""The entry of a checkpoint's ``other_parameter`` that holds the ``Choice`` so far."""


class TolerantTrainer:
    """Mixin of any RecBole trainer: with ``valid_tolerance``, an epoch is the best if it is fair and accurate enough.

    Patience begins anew with each epoch that is kept.

    Attributes:
        choice: what is known of the epochs so far, ``None`` before the first validation.
    """

    valid_metric: str
    valid_metric_bigger: bool

    def __init__(self, config: Any, model: Any) -> None:
        super().__init__(config, model)  # type: ignore[call-arg]
        self.choice: Choice | None = None
        self._tolerance = float(config["valid_tolerance"])
        self._fairness = str(config["valid_fairness"]).lower()

    def fit(self, *arguments: Any, **keywords: Any) -> Any:
        """Train as RecBole does.

        Returns:
            The validation score and result of the epoch that was kept.
        """
        best, result = super().fit(*arguments, **keywords)  # type: ignore[misc]
        if self._tolerance and result:
            best = recbole.utils.calculate_valid_score(result, self.valid_metric)
        return best, result

    def _valid_epoch(self, *arguments: Any, **keywords: Any) -> Any:
        valid_score, result = super()._valid_epoch(*arguments, **keywords)  # type: ignore[misc]
        if self._tolerance:
            accuracy = float(valid_score) if self.valid_metric_bigger else -float(valid_score)
            value = float(result[self._fairness])
            fairness = -value if self._fairness.partition("@")[0] in smaller_metrics else value
            self.choice, keep = considered(self.choice, accuracy, fairness, self._tolerance)
            # RecBole keeps an epoch whose score is at least this one, which it then replaces by the score.
            self.best_valid_score = -math.inf if keep == self.valid_metric_bigger else math.inf
        return valid_score, result

    def _save_checkpoint(self, epoch: int, verbose: bool = True, further: Any = None, **keywords: Any) -> None:
        if self.choice is not None:
            further = {CHOICE: tuple(self.choice), **(further or {})}
        super()._save_checkpoint(epoch, verbose, further=further, **keywords)  # type: ignore[misc]

    def resume_checkpoint(self, resume_file: Any) -> None:
        """Read a checkpoint, to continue after its epoch, with what was known of the epochs before."""
        super().resume_checkpoint(resume_file)  # type: ignore[misc]
        known = vars(self.model).pop(CHOICE, None)  # type: ignore[attr-defined]
        self.choice = Choice(*known) if known else None
