"""From the outcomes of trials to points, their front and the one to recommend: all of it on the validation part."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from recbole_ile.functional.pareto import hypervolume, non_dominated
from recbole_ile.sweeping.space import Point
from recbole_ile.sweeping.trials import is_baseline

SEED = "seed"


class Replicate(NamedTuple):
    """One trained and evaluated point: a seed of it."""

    trial: str
    point: Point
    metrics: dict[str, float]
    evaluation: dict[str, Any]


class Candidate(NamedTuple):
    """A setting with all of its seeds.

    Attributes:
        point: the values of the swept keys, without the seed.
        mean: each validation metric's mean over the seeds.
        spread: each metric's standard deviation over the seeds, 0 for one.
        replicates: the seeds.
        baseline: whether no mitigation does anything.
        front: whether no other setting is better in all objectives.
        recommended: whether this is the one.
    """

    point: Point
    mean: dict[str, float]
    spread: dict[str, float]
    replicates: tuple[Replicate, ...]
    baseline: bool
    front: bool = False
    recommended: bool = False


class Objective(NamedTuple):
    """A metric to be optimised, and whether more of it is better."""

    metric: str
    higher: bool


def candidates(outcomes: list[dict[str, Any]], model: str, fixed: dict[str, Any]) -> list[Candidate]:
    """Group the points of all trials that are done by everything but the seed."""
    groups: dict[str, list[Replicate]] = {}
    for outcome in outcomes:
        for evaluation in outcome["points"] if outcome["status"] == "done" else ():
            point = {**outcome["training"], **evaluation["ranking"]}
            group = repr(sorted((key, value) for key, value in point.items() if key != SEED))
            groups.setdefault(group, []).append(Replicate(outcome["id"], point, evaluation["metrics"], evaluation))
    found = []
    for replicates in groups.values():
        table = pd.DataFrame([each.metrics for each in replicates])
        point = {key: value for key, value in replicates[0].point.items() if key != SEED}
        mean, spread = table.mean().to_dict(), table.std().fillna(0.0).to_dict()
        found.append(Candidate(point, mean, spread, tuple(replicates), is_baseline(point, model, fixed)))
    return found


def selected(found: list[Candidate], objectives: list[Objective], max_loss: float) -> list[Candidate]:
    """Mark the front and the recommendation.

    The first objective is accuracy. Recommended is the best in the second, ties going to the next, among the
    settings whose accuracy is at most ``max_loss`` below that of the best baseline; without a baseline, below the
    best accuracy of all.

    Args:
        found: the settings.
        objectives: what to optimise, accuracy first.
        max_loss: share of the accuracy that may be lost.
    """
    if not found:
        return []
    values = objective_values(found, objectives)
    front = non_dominated(values, [each.higher for each in objectives])
    gains = np.where([each.higher for each in objectives], values, -values)
    known = np.asarray(~np.isnan(gains).any(axis=1))
    bases = [number for number, each in enumerate(found) if each.baseline and known[number]]
    reference = gains[bases or np.flatnonzero(known), 0].max(initial=-np.inf)
    # A tenth of the last of RecBole's four decimals, so that equal figures are equal.
    allowed = known & (gains[:, 0] >= reference - max_loss * abs(reference) - 1e-5)
    order = [*range(1, len(objectives)), 0]
    best = max(np.flatnonzero(allowed), key=lambda number: tuple(gains[number, order]), default=None)
    return [
        each._replace(front=bool(front[number]), recommended=bool(number == best)) for number, each in enumerate(found)
    ]


def dominated_volume(found: list[Candidate], objectives: list[Objective]) -> float:
    """Return the hypervolume of the front, measured from the worst value of each objective among all settings."""
    values = objective_values(found, objectives)
    values = values[~np.isnan(values).any(axis=1)]
    if len(values) == 0:
        return 0.0
    higher = [each.higher for each in objectives]
    return hypervolume(values, higher, np.where(higher, values.min(axis=0), values.max(axis=0)).tolist())


def objective_values(found: list[Candidate], objectives: list[Objective]) -> np.ndarray:
    """Return the ``[N, M]`` mean objectives."""
    return np.array([[each.mean.get(one.metric, np.nan) for one in objectives] for each in found], dtype=float)
