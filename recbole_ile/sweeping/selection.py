"""From the outcomes of trials to points, their front and the one to recommend: all of it on the validation part."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from recbole_ile.functional.fairness_target import Target, violation
from recbole_ile.functional.pareto import hypervolume, non_dominated
from recbole_ile.plugin.registry import parse_model_name
from recbole_ile.sweeping.space import Point
from recbole_ile.sweeping.trials import acting_model, idle_keys, is_baseline

SEED = "seed"
ALL = "all together"


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
        method: the model with the mitigations that do something; of a sweep of one mitigation, nothing.
        acting: the point without the settings of mitigations that do nothing.
        baseline: whether no mitigation does anything.
        front: whether no other setting is better in all objectives.
        recommended: whether this is the one.
    """

    point: Point
    mean: dict[str, float]
    spread: dict[str, float]
    replicates: tuple[Replicate, ...]
    method: str
    acting: Point
    baseline: bool
    front: bool = False
    recommended: bool = False


class Objective(NamedTuple):
    """A metric to be optimised, and whether more of it is better."""

    metric: str
    higher: bool


class MethodVolume(NamedTuple):
    """How much of a sweep's front one method owns.

    Attributes:
        method: its name, or ``ALL``.
        settings: how many were tried.
        on_front: how many of them are on the front of all.
        volume: the hypervolume that they and the baselines dominate.
    """

    method: str
    settings: int
    on_front: int
    volume: float


def candidates(outcomes: list[dict[str, Any]], model: str, fixed: dict[str, Any]) -> list[Candidate]:
    """Group the points of all trials that are done by everything but the seed."""
    several = len(parse_model_name(model).mitigations) > 1
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
        method = acting_model(point, model, fixed)
        acting = {key: value for key, value in point.items() if key not in idle_keys(model, method)}
        baseline = is_baseline(point, model, fixed)
        found.append(Candidate(point, mean, spread, tuple(replicates), method if several else "", acting, baseline))
    return found


def selected(
    found: list[Candidate], objectives: list[Objective], max_loss: float, required: Sequence[Target] = ()
) -> list[Candidate]:
    """Mark the front and the recommendation.

    The first objective is accuracy. Recommended is the best in the second, ties going to the next, among the
    settings whose accuracy is at most ``max_loss`` below that of the best baseline; without a baseline, below the
    best accuracy of all. With something ``required`` it is the most accurate setting that meets all of it or, if
    none does, the one that is closest.

    Args:
        found: the settings.
        objectives: what to optimise, accuracy first.
        max_loss: share of the accuracy that may be lost; not asked if something is required.
        required: what the means of a setting have to be.
    """
    if not found:
        return []
    front = non_dominated(objective_values(found, objectives), [each.higher for each in objectives])
    preference = _preference(found, objectives, max_loss, required)
    best = max(preference, key=lambda number: preference[number], default=None)
    if best is None and required:
        misses = {number: missed(each, required) for number, each in enumerate(found)}
        best = min((number for number in misses if not np.isnan(misses[number])), key=misses.__getitem__, default=None)
    return [each._replace(front=bool(front[number]), recommended=number == best) for number, each in enumerate(found)]


def best_of_methods(
    found: list[Candidate], objectives: list[Objective], max_loss: float, required: Sequence[Target] = ()
) -> dict[str, Candidate | None]:
    """Return what each method would be recommended with, if there was no other; ``None`` if nothing of it is allowed.

    Args:
        found: the settings.
        objectives: as for ``selected``.
        max_loss: likewise.
        required: likewise.
    """
    preference = _preference(found, objectives, max_loss, required)
    chosen: dict[str, Candidate | None] = {}
    for method in dict.fromkeys(each.method for each in found if not each.baseline):
        own = [number for number in preference if found[number].method == method and not found[number].baseline]
        best = max(own, key=lambda number: preference[number], default=None)
        chosen[method] = None if best is None else found[best]
    return chosen


def _preference(
    found: list[Candidate], objectives: list[Objective], max_loss: float, required: Sequence[Target]
) -> dict[int, tuple[float, ...]]:
    """Return by the number of each setting that may be recommended what more of is better."""
    values = objective_values(found, objectives)
    gains = np.where([each.higher for each in objectives], values, -values)
    known = np.asarray(~np.isnan(gains).any(axis=1))
    order = list(range(len(objectives)))
    if required:
        allowed = known & np.array([missed(each, required) == 0.0 for each in found], dtype=bool)
    else:
        bases = [number for number, each in enumerate(found) if each.baseline and known[number]]
        reference = gains[bases or np.flatnonzero(known), 0].max(initial=-np.inf)
        # A tenth of the last of RecBole's four decimals, so that equal figures are equal.
        allowed = known & (gains[:, 0] >= reference - max_loss * abs(reference) - 1e-5)
        order = [*order[1:], 0]
    return {number: tuple(gains[number, order]) for number in np.flatnonzero(allowed).tolist()}


def missed(each: Candidate, required: Sequence[Target]) -> float:
    """Return by how much a setting misses what it misses most, as a share of that bound; 0 if it misses nothing."""
    return float(np.max([0.0, *(violation(each.mean.get(target.metric, np.nan), target) for target in required)]))


def worst_values(found: list[Candidate], objectives: list[Objective]) -> list[float]:
    """Return the worst mean of each objective among settings that have all of them, NaN if there are none."""
    values = objective_values(found, objectives)
    known = values[~np.isnan(values).any(axis=1)]
    if len(known) == 0:
        return [np.nan] * len(objectives)
    return np.where([each.higher for each in objectives], known.min(axis=0), known.max(axis=0)).tolist()


def dominated_volume(found: list[Candidate], objectives: list[Objective], reference: list[float]) -> float:
    """Return the hypervolume of the front of some settings.

    Args:
        found: the settings.
        objectives: the dimensions, each in its own unit.
        reference: the value of each objective from which the volume is measured, as ``worst_values`` gives them.
    """
    return hypervolume(objective_values(found, objectives), [each.higher for each in objectives], reference)


def method_volumes(found: list[Candidate], objectives: list[Objective]) -> list[MethodVolume]:
    """Return what each method dominates beside the baselines, and what all together do, from ``worst_values``.

    Args:
        found: the settings of a sweep; with fewer than two methods there is nothing to tell apart.
        objectives: the dimensions of the hypervolume.
    """
    methods = dict.fromkeys(each.method for each in found if not each.baseline)
    if len(methods) < 2:
        return []
    reference = worst_values(found, objectives)
    members = {method: [each for each in found if each.baseline or each.method == method] for method in methods}
    return [
        MethodVolume(
            method,
            sum(not each.baseline for each in own),
            sum(each.front and not each.baseline for each in own),
            dominated_volume(own, objectives, reference),
        )
        for method, own in {**members, ALL: found}.items()
    ]


def objective_values(found: list[Candidate], objectives: list[Objective]) -> np.ndarray:
    """Return the ``[N, M]`` mean objectives."""
    values = [[each.mean.get(one.metric, np.nan) for one in objectives] for each in found]
    return np.array(values, dtype=float).reshape(len(found), len(objectives))
