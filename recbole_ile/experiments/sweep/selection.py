"""From the outcomes of trials to points, their front and the one to recommend: all of it on the validation part."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from recbole_ile.experiments.engine.points import acting_model, is_baseline, point_name
from recbole_ile.experiments.sweep.space import Point
from recbole_ile.functional.pareto import gains_of, hypervolume, non_dominated
from recbole_ile.metric import Bound, Metric
from recbole_ile.plugin.catalogue.model_names import ModelName

SEED = "seed"
ALL = "all together"


class Replicate(NamedTuple):
    """One trained and evaluated point: a seed of it."""

    trial: str
    point: Point
    metrics: dict[str, float]
    evaluation: dict[str, Any]

    @property
    def name(self) -> str:
        """The name of the trained model under its setting of ranking."""
        return point_name(self.trial, self.evaluation["ranking"])


class Candidate(NamedTuple):
    """A setting with all of its seeds.

    Attributes:
        point: the values of the swept keys, without the seed.
        mean: each validation metric's mean over the seeds.
        spread: each metric's standard deviation over the seeds, 0 for one.
        replicates: the seeds.
        model: with the mitigations that do something.
        method: its name; of a sweep of one mitigation, nothing.
        acting: the point without the settings of mitigations that do nothing.
        baseline: whether no mitigation does anything.
        front: whether no other setting is better in all objectives.
        recommended: whether this is the one.
    """

    point: Point
    mean: dict[str, float]
    spread: dict[str, float]
    replicates: tuple[Replicate, ...]
    model: ModelName
    method: str
    acting: Point
    baseline: bool
    front: bool = False
    recommended: bool = False


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


def candidates(
    outcomes: list[dict[str, Any]], name: ModelName, fixed: dict[str, Any], baseline: ModelName | None = None
) -> list[Candidate]:
    """Group the points of all trials that are done by everything but the seed.

    Args:
        outcomes: of the trials.
        name: of the model, of which a sweep across models has another one in each training.
        fixed: options that all trials have.
        baseline: of a sweep across models.
    """
    several = len(name.mitigations) > 1 or baseline is not None
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
        model = acting_model(point, name, fixed)
        own = name if baseline is None else ModelName.parse(point["model"])
        acting = {key: value for key, value in point.items() if key not in own.idle_keys(model)}
        is_base = is_baseline(point, name, fixed)
        if baseline is not None:
            acting.pop("model")
            is_base = model == baseline
        method = str(model) if several else ""
        found.append(Candidate(point, mean, spread, tuple(replicates), model, method, acting, is_base))
    return found


def selected(
    found: list[Candidate], objectives: list[Metric], max_loss: float, required: Sequence[Bound] = ()
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
    front = non_dominated(objective_values(found, objectives), [each.better for each in objectives])
    preference = _preference(found, objectives, max_loss, required)
    best = max(preference, key=lambda number: preference[number], default=None)
    if best is None and required:
        misses = {number: largest_violation(each, required) for number, each in enumerate(found)}
        best = min((number for number in misses if not np.isnan(misses[number])), key=misses.__getitem__, default=None)
    return [each._replace(front=bool(front[number]), recommended=number == best) for number, each in enumerate(found)]


def method_of(each: Candidate) -> str:
    """Return the name of a setting's method."""
    return each.method


def base_model_of(each: Candidate) -> str:
    """Return the name of a setting's base model, which stands for all methods on it in a sweep across models."""
    return each.model.base


def best_of_methods(
    found: list[Candidate],
    objectives: list[Metric],
    max_loss: float,
    required: Sequence[Bound] = (),
    named: Callable[[Candidate], str] = method_of,
) -> dict[str, Candidate | None]:
    """Return what each method would be recommended with, if there was no other; ``None`` if nothing of it is allowed.

    Args:
        found: the settings.
        objectives: as for ``selected``.
        max_loss: likewise.
        required: likewise.
        named: returns the method, or the base model instead.
    """
    preference = _preference(found, objectives, max_loss, required)
    chosen: dict[str, Candidate | None] = {}
    for method in dict.fromkeys(named(each) for each in found if not each.baseline):
        own = [number for number in preference if named(found[number]) == method and not found[number].baseline]
        best = max(own, key=lambda number: preference[number], default=None)
        chosen[method] = None if best is None else found[best]
    return chosen


def _preference(
    found: list[Candidate], objectives: list[Metric], max_loss: float, required: Sequence[Bound]
) -> dict[int, tuple[float, ...]]:
    """Return for each admissible setting, by index, the tuple of values to maximise."""
    gains = gains_of(objective_values(found, objectives), [each.better for each in objectives])
    known = np.asarray(~np.isnan(gains).any(axis=1))
    order = list(range(len(objectives)))
    if required:
        allowed = known & np.array([largest_violation(each, required) == 0.0 for each in found], dtype=bool)
    else:
        bases = [number for number, each in enumerate(found) if each.baseline and known[number]]
        reference = gains[bases or np.flatnonzero(known), 0].max(initial=-np.inf)
        # A tenth of the last of RecBole's four decimals, so that equal figures are equal.
        allowed = known & (gains[:, 0] >= reference - max_loss * abs(reference) - 1e-5)
        order = [*order[1:], 0]
    return {number: tuple(gains[number, order]) for number in np.flatnonzero(allowed).tolist()}


def largest_violation(each: Candidate, required: Sequence[Bound]) -> float:
    """Return the largest violation of a bound by a setting, as a share of that bound; 0 if it meets all of them."""
    return float(np.max([0.0, *(bound.violation(each.mean.get(str(bound.metric), np.nan)) for bound in required)]))


def worst_values(found: list[Candidate], objectives: list[Metric]) -> list[float]:
    """Return the worst mean of each objective among settings that have all of them, NaN if there are none."""
    values = objective_values(found, objectives)
    known = values[~np.isnan(values).any(axis=1)]
    if len(known) == 0:
        return [np.nan] * len(objectives)
    worst = gains_of(known, [each.better for each in objectives]).argmin(axis=0)
    return np.take_along_axis(known, worst[None], axis=0)[0].tolist()


def dominated_volume(found: list[Candidate], objectives: list[Metric], reference: list[float]) -> float:
    """Return the hypervolume of the front of some settings.

    Args:
        found: the settings.
        objectives: the dimensions, each in its own unit.
        reference: the value of each objective from which the volume is measured, as ``worst_values`` gives them.
    """
    return hypervolume(objective_values(found, objectives), [each.better for each in objectives], reference)


def method_volumes(
    found: list[Candidate], objectives: list[Metric], named: Callable[[Candidate], str] = method_of
) -> list[MethodVolume]:
    """Return what each method dominates together with the baselines, and what all together do, from ``worst_values``.

    Args:
        found: the settings of a sweep; with fewer than two methods there is nothing to tell apart.
        objectives: the dimensions of the hypervolume.
        named: returns the method, or the base model instead.
    """
    methods = dict.fromkeys(named(each) for each in found if not each.baseline)
    if len(methods) < 2:
        return []
    reference = worst_values(found, objectives)
    members = {method: [each for each in found if each.baseline or named(each) == method] for method in methods}
    return [
        MethodVolume(
            method,
            sum(not each.baseline for each in own),
            sum(each.front and not each.baseline for each in own),
            dominated_volume(own, objectives, reference),
        )
        for method, own in {**members, ALL: found}.items()
    ]


def objective_values(found: list[Candidate], objectives: list[Metric]) -> np.ndarray:
    """Return the ``[N, M]`` mean objectives."""
    values = [[each.mean.get(str(one), np.nan) for one in objectives] for each in found]
    return np.array(values, dtype=float).reshape(len(found), len(objectives))
