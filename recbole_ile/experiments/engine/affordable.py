"""Which settings are evaluated on the test part where the time for it is limited."""

from __future__ import annotations

import math
from typing import Any

from recbole_ile.experiments.sweep.selection import Candidate
from recbole_ile.experiments.sweep.space import spread_out

LOADING = 2.0
"""Seconds until a model can be evaluated."""


def affordable(
    chosen: dict[int, Candidate], outcomes: dict[str, dict[str, Any]], known: set[str], seconds: float, at_once: int
) -> dict[int, Candidate]:
    """Return the baselines, the recommendation, and as many others as can be evaluated in a time.

    The others are spread over the front: in the order of their first metric the one in the middle comes first.

    Args:
        chosen: the settings by number.
        outcomes: of the trials by id; they tell what an evaluation of each model takes.
        known: the names of points that are evaluated already.
        seconds: that there are.
        at_once: models that are evaluated at a time.
    """
    first = [number for number, each in chosen.items() if each.baseline or each.recommended]
    rest = [number for number in chosen if number not in first]
    taken: dict[int, Candidate] = {}
    spent: dict[str, float] = {}
    for number in [*first, *spread_out(sorted(rest, key=lambda number: _first_metric(chosen[number])))]:
        more = dict(spent)
        for replicate in chosen[number].replicates:
            if replicate.name not in known:
                more[replicate.trial] = more.get(replicate.trial, 0.0) + expected_seconds(outcomes[replicate.trial], 1)
        loading = LOADING * len(more)
        wall = max([loading + max(more.values(), default=0.0), (loading + sum(more.values())) / at_once])
        if number in first or not more or wall <= seconds:
            taken[number], spent = chosen[number], more
    return {number: taken[number] for number in chosen if number in taken}


def expected_seconds(outcome: dict[str, Any], rankings: int) -> float:
    """Return how long a trained model's evaluation takes, by what its first one took."""
    seconds = outcome.get("seconds", {}).get("evaluation", math.inf)
    return seconds * rankings / max(1, outcome.get("timed", len(outcome["points"])))


def _first_metric(each: Candidate) -> float:
    return next(iter(each.mean.values()))
