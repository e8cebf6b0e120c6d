"""Optuna's multi-objective search over a space with alternatives."""

from __future__ import annotations

import importlib.util
from typing import Any

from recbole_ile.errors import InputError
from recbole_ile.sweeping.space import LISTS, Alternative, Point

ALTERNATIVE = "alternative"
_MARK = "|"


def optuna_search(space: list[Alternative], objectives: list[str], higher: list[bool], seed: int) -> Any:
    """Return a searcher of Ray Tune that suggests trainings from a space.

    Raises:
        InputError: if Optuna is not installed.
    """
    if importlib.util.find_spec("optuna") is None:
        raise InputError('option search=optuna needs Optuna: pip install "recbole_ile[optuna]"')
    import optuna
    from ray.tune.search.optuna import OptunaSearch

    optuna.logging.set_verbosity(optuna.logging.WARNING)

    return OptunaSearch(
        Suggester(space), metric=objectives, mode=["max" if each else "min" for each in higher], seed=seed
    )


class Suggester:
    """Asks Optuna for a value of each key of one alternative; an object, because Ray pickles it.

    Args:
        space: the alternatives.
    """

    def __init__(self, space: list[Alternative]) -> None:
        self.space = space

    def __call__(self, trial: Any) -> dict[str, Any]:
        """Ask through Optuna's trial, in which the values stay; nothing is constant besides."""
        alternatives = list(range(len(self.space)))
        number = trial.suggest_categorical(ALTERNATIVE, alternatives) if len(alternatives) > 1 else 0
        for key, domain in self.space[number].items():
            name = f"{number}{_MARK}{key}"
            if domain.kind in LISTS:
                trial.suggest_categorical(name, list(domain.values))
            else:
                low, high, *step = domain.values
                trial.suggest_float(name, low, high, step=step[0] if step else None, log=domain.kind == "loguniform")
        return {}


def suggestion(config: dict[str, Any]) -> Point:
    """Return the training that a searcher's configuration means."""
    return {name.partition(_MARK)[2]: value for name, value in config.items() if _MARK in name}
