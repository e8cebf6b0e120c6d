"""Optuna's multi-objective search over a space with alternatives."""

from __future__ import annotations

import importlib.util
from typing import Any

from recbole_ile.errors import InputError
from recbole_ile.experiments.sweep.space import Alternative, Point
from recbole_ile.metric import Metric

ALTERNATIVE = "alternative"
MARK = "|"


def optuna_search(space: list[Alternative], objectives: list[Metric], seed: int, known: list[dict[str, Any]]) -> Any:
    """Return a searcher of Ray Tune that suggests trainings from a space.

    Args:
        space: what it suggests from.
        objectives: metrics.
        seed: of its random numbers.
        known: outcomes from which it learns before it suggests anything.

    Raises:
        InputError: if Optuna is not installed.
    """
    if importlib.util.find_spec("optuna") is None:
        raise InputError('option search=optuna needs Optuna: pip install "recbole_ile[optuna]"')
    from recbole_ile.experiments.engine.optuna_searcher import OptunaSearcher

    return OptunaSearcher(space, objectives, seed, known)


def suggested_point(space: list[Alternative], training: Point) -> dict[str, Any] | None:
    """Return as what a training would have been suggested, ``None`` if the space has no such alternative."""
    for number, alternative in enumerate(space):
        if alternative.keys() == training.keys():
            chosen = {ALTERNATIVE: number} if len(space) > 1 else {}
            return chosen | {f"{number}{MARK}{key}": training[key] for key in alternative}
    return None


def suggestion(config: dict[str, Any]) -> Point:
    """Return the training that a searcher's configuration means."""
    return {name.partition(MARK)[2]: value for name, value in config.items() if MARK in name}
