"""Optuna as a searcher of Ray Tune, which learns from a ledger and keeps no record of its own."""

from __future__ import annotations

from typing import Any

import optuna
from ray.tune.search import Searcher

from recbole_ile.experiments.sweep.space import LISTS, Alternative, Domain
from recbole_ile.experiments.sweep.suggestions import ALTERNATIVE, MARK, suggested_point
from recbole_ile.metric import Metric

optuna.logging.set_verbosity(optuna.logging.WARNING)


class OptunaSearcher(Searcher):
    """Suggests by Optuna's sampler for one or several objectives.

    Ray's own ``OptunaSearch`` cannot be told of earlier trials where a space has alternatives, and is resumed from a
    pickle.

    Args:
        space: the alternatives.
        objectives: metrics; the study has of each what more of is better.
        seed: of the sampler.
        known: outcomes of a ledger; those from this space that have all objectives are learned from.
    """

    def __init__(
        self,
        space: list[Alternative],
        objectives: list[Metric],
        seed: int,
        known: list[dict[str, Any]],
    ) -> None:
        several: Any = {"metric": [str(each) for each in objectives], "mode": ["max"] * len(objectives)}
        super().__init__(**several)
        self._space, self._objectives = space, objectives
        directions = [optuna.study.StudyDirection.MAXIMIZE] * len(objectives)
        self._study = optuna.create_study(directions=directions, sampler=optuna.samplers.TPESampler(seed=seed))
        self._asked: dict[str, optuna.Trial] = {}
        for outcome in known:
            self._learn(outcome)

    def suggest(self, trial_id: str) -> dict[str, Any]:
        """Return the values of the keys of one alternative, by the names that ``suggestion`` reads."""
        trial = self._asked[trial_id] = self._study.ask()
        several = len(self._space) > 1
        number = trial.suggest_categorical(ALTERNATIVE, list(range(len(self._space)))) if several else 0
        for key, domain in self._space[number].items():
            name = f"{number}{MARK}{key}"
            if domain.kind in LISTS:
                trial.suggest_categorical(name, list(domain.values))
            else:
                low, high, step = _range(domain)
                trial.suggest_float(name, low, high, step=step, log=domain.kind == "loguniform")
        return dict(trial.params)

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        """Ignore a validation: what counts is the outcome."""

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Learn from a trial, or that it failed."""
        values = None if error else self._values(result or {})
        state = optuna.trial.TrialState.COMPLETE if values else optuna.trial.TrialState.FAIL
        self._study.tell(self._asked.pop(trial_id), values, state=state)

    def save(self, checkpoint_path: str) -> None:
        """Keep nothing: the ledger does."""

    def restore(self, checkpoint_path: str) -> None:
        """Read nothing: whatever lies there may be from a stranger."""

    def _learn(self, outcome: dict[str, Any]) -> None:
        """Learn from the outcome of a trial, if it lies in this space."""
        point, values = suggested_point(self._space, outcome["training"]), self._values(outcome["metrics"])
        if point is None or values is None:
            return
        distributions = {name: self._distribution(name) for name in point}
        try:
            trial = optuna.trial.create_trial(values=values, params=point, distributions=distributions)
        except (ValueError, TypeError):  # of a value that lies outside
            return
        self._study.add_trial(trial)

    def _distribution(self, name: str) -> Any:
        if name == ALTERNATIVE:
            return optuna.distributions.CategoricalDistribution(list(range(len(self._space))))
        number, _, key = name.partition(MARK)
        domain = self._space[int(number)][key]
        if domain.kind in LISTS:
            return optuna.distributions.CategoricalDistribution(list(domain.values))
        low, high, step = _range(domain)
        return optuna.distributions.FloatDistribution(low, high, step=step, log=domain.kind == "loguniform")

    def _values(self, metrics: dict[str, Any]) -> list[float] | None:
        """Return what more of is better of each objective, ``None`` unless all are numbers."""
        values = [(each, metrics.get(str(each))) for each in self._objectives]
        known = [each.gain(float(value)) for each, value in values if value is not None and value == value]
        return known if len(known) == len(values) else None


def _range(domain: Domain) -> tuple[float, float, float | None]:
    low, high, *step = domain.values
    return low, high, step[0] if step else None
