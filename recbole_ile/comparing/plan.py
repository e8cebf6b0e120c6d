"""Which trainings a comparison needs: methods that differ in ranking alone share one."""

from __future__ import annotations

from typing import Any, NamedTuple

from recbole_ile.comparing.methods import Method
from recbole_ile.plugin.registry import IN_RANKING, parse_model_name, trained_name
from recbole_ile.plugin.support import why_not
from recbole_ile.sweeping.space import Point, unique
from recbole_ile.sweeping.trials import NEUTRAL, TRAINED, Trial, ranking_keys, trial_id

ENSEMBLE = "PUFR"
MEMBERS = "pufr_members"


class Place(NamedTuple):
    """Where a method's values of one seed are found: a training, and the setting of ranking."""

    trial: str
    ranking: Point


class Plan(NamedTuple):
    """The trainings, those that take longest first, and the place of each method's label and seed."""

    trials: list[Trial]
    places: dict[tuple[str, int], Place]


class _Training(NamedTuple):
    """What a method is trained with when nothing acts in ranking."""

    model: str
    settings: Point


def make_plan(methods: list[Method], seeds: list[int], there: list[dict[str, Any]]) -> Plan:
    """Return the fewest trainings that serve all methods.

    The first member of PUFR's ensemble is trained exactly as the base model, and CP acts in ranking alone, so that
    one training of ``BPR_PUFR_CP`` gives ``BPR``, ``BPR_CP`` and ``BPR_PUFR``, too.

    Args:
        methods: what is compared.
        seeds: of each method.
        there: trainings of an earlier plan, ``training`` each, which serve again where they can.
    """
    trained = {method.label: _training(method) for method in methods}
    asked: list[tuple[bool, Trial]] = []
    places = {}
    for seed in seeds:
        for method in methods:
            own = trained[method.label]
            ensemble = _ensemble(method, own, methods, trained, seed, there)
            training = _named(own, ensemble, seed)
            place = Place(trial_id(training), _ranking(method, training["model"]))
            places[method.label, seed] = place
            asked.append((ensemble is not None, Trial(place.trial, training, (place.ranking,))))
    asked.sort(key=lambda each: not each[0])
    merged: dict[str, Trial] = {}
    for _, trial in asked:
        earlier = merged.get(trial.id, trial)
        merged[trial.id] = earlier._replace(ranking=tuple(unique([*earlier.ranking, *trial.ranking])))
    return Plan(list(merged.values()), places)


def _training(method: Method) -> _Training:
    acting = ranking_keys(method.model) | TRAINED
    settings = {key: value for key, value in method.settings.items() if key not in acting}
    return _Training(trained_name(method.model), settings)


def _ensemble(
    method: Method,
    own: _Training,
    methods: list[Method],
    trained: dict[str, _Training],
    seed: int,
    there: list[dict[str, Any]],
) -> Point | None:
    """Return the settings of the ensemble that serves a method, ``None`` if a single model does."""
    if ENSEMBLE in parse_model_name(method.model).mitigations:
        return _members(method.settings)
    for other in methods:
        if ENSEMBLE in parse_model_name(other.model).mitigations and trained[other.label] == own:
            return _members(other.settings)
    for training in (entry["training"] for entry in there):
        members = _members(training)
        if ENSEMBLE in parse_model_name(training["model"]).mitigations and training == _named(own, members, seed):
            return members
    return None


def _members(settings: Point) -> Point:
    return {key: settings[key] for key in (MEMBERS,) if key in settings}


def _named(own: _Training, ensemble: Point | None, seed: int) -> Point:
    """Return a training under the name of the model with all that may act on it in ranking."""
    base = parse_model_name(own.model).base
    suffixes = ((ENSEMBLE,) if ensemble is not None else ()) + (() if why_not("CP", base) else ("CP",))
    return {"model": "_".join((own.model, *suffixes)), "seed": seed, **own.settings, **(ensemble or {})}


def _ranking(method: Method, trained_as: str) -> Point:
    """Return what of a method acts in ranking, and that nothing else of the trained model does."""
    ranking: Point = {}
    for mitigation in parse_model_name(trained_as).mitigations:
        if mitigation in IN_RANKING and mitigation not in parse_model_name(method.model).mitigations:
            ranking |= NEUTRAL[mitigation]
    acting = ranking_keys(method.model)
    return {**ranking, **{key: value for key, value in method.settings.items() if key in acting}}
