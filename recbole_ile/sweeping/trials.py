"""The trainings of a sweep: points that differ in ranking alone share one, and the baseline is among them once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any, NamedTuple

from recbole_ile.errors import InputError
from recbole_ile.plugin.config import check_known
from recbole_ile.plugin.properties import defaults
from recbole_ile.plugin.registry import IN_RANKING, MITIGATIONS, parse_model_name
from recbole_ile.sweeping.space import Alternative, Point, unique

NEUTRAL = {
    "LA": {"la_tau": 0.0},
    "ILE": {"ile_lambda": 0.0},
    "IPS": {"ips_max": 1.0},
    "PUFR": {"pufr_weight": 0.0},
    "CP": {"cp_weight": 0.0},
}
"""The setting of each mitigation under which the base model is what it always was."""
TRAINED = frozenset(("pufr_members",))
"""Settings of a mitigation in ranking that act in training all the same."""


class Trial(NamedTuple):
    """One training: what it is trained with, and the settings of ranking that the trained model is evaluated under."""

    id: str
    training: Point
    ranking: tuple[Point, ...]


def keys_of(mitigation: str) -> frozenset[str]:
    """Return the keys of a mitigation's YAML file."""
    return frozenset(defaults(f"mitigation/{mitigation}.yaml"))


def check_keys(space: list[Alternative], model: str, fixed: dict[str, Any]) -> None:
    """Refuse a space that the model cannot be tried in.

    Raises:
        InputError: for a key that nobody knows, that belongs to a mitigation which the model is without, that
            is fixed besides, or that is the model or data set itself.
    """
    keys = dict.fromkeys(key for alternative in space for key in alternative)
    check_known(keys)
    for key in keys:
        if key in ("model", "dataset", "data_path", "checkpoint_dir"):
            raise InputError(f"{key} cannot be swept; make a sweep for each")
        if key in fixed:
            raise InputError(f"option {key}={fixed[key]!r} is fixed, but the space tries values of it; leave out one")
    check_owned(keys, model)


def check_owned(keys: Iterable[str], model: str) -> None:
    """Refuse settings of a mitigation that a model is without.

    Raises:
        InputError: names the model that has it.
    """
    base, mitigations = parse_model_name(model)
    for key in keys:
        for mitigation in MITIGATIONS:
            if key in keys_of(mitigation) and mitigation not in mitigations:
                named = "_".join((base, *(each for each in MITIGATIONS if each in (*mitigations, mitigation))))
                raise InputError(f"{key} is a setting of {mitigation}, which model {model} is without; try {named}")


def make_trials(points: Iterable[Point], model: str) -> list[Trial]:
    """Group points by what they are trained with, in the order of their first appearance."""
    acting = ranking_keys(model)
    groups: dict[str, tuple[Point, list[Point]]] = {}
    for point in points:
        normal = normalized(point, model)
        training = {key: value for key, value in normal.items() if key not in acting}
        ranking = {key: value for key, value in normal.items() if key in acting}
        groups.setdefault(trial_id(training), (training, []))[1].append(ranking)
    return [Trial(name, training, tuple(unique(ranking))) for name, (training, ranking) in groups.items()]


def trial_id(training: Point) -> str:
    """Return the name of a training: the same for the same settings."""
    text = json.dumps(training, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:10]


def normalized(point: Point, model: str) -> Point:
    """Return a point without the settings that a mitigation does not read when it does nothing."""
    idle: set[str] = set()
    for mitigation in parse_model_name(model).mitigations:
        neutral = NEUTRAL[mitigation]
        if all(key in point and point[key] == value for key, value in neutral.items()):
            idle |= keys_of(mitigation) - set(neutral) - TRAINED
    return {key: float(value) if _is_whole(value, key) else value for key, value in point.items() if key not in idle}


def baselines(points: Iterable[Point], space: list[Alternative], model: str, exhaustive: bool) -> list[Point]:
    """Return the points of the base model: every mitigation does nothing.

    Args:
        points: of the sweep.
        space: what they are from.
        model: its name; without a mitigation there is no baseline.
        exhaustive: whether other keys of grids keep their values, so that each of their combinations has its
            own; otherwise the seed alone does.
    """
    mitigations = parse_model_name(model).mitigations
    if not mitigations:
        return []
    neutral = {key: value for each in mitigations for key, value in NEUTRAL[each].items()}
    own = frozenset().union(*(keys_of(each) for each in mitigations)) - TRAINED
    grids = {key for alternative in space for key, domain in alternative.items() if domain.kind == "grid"}
    kept = (grids if exhaustive else grids & {"seed"}) - own
    return unique({**{key: value for key, value in point.items() if key in kept}, **neutral} for point in points)


def is_baseline(point: Point, model: str, fixed: dict[str, Any]) -> bool:
    """Tell whether no mitigation does anything at a point."""
    base, mitigations = parse_model_name(model)
    return bool(mitigations) and acting_model(point, model, fixed) == base


def acting_model(point: Point, model: str, fixed: dict[str, Any]) -> str:
    """Return the name of the model with those of its mitigations alone that do something at a point."""
    base, mitigations = parse_model_name(model)
    acting = [
        each
        for each in mitigations
        if any(point.get(key, fixed.get(key)) != value for key, value in NEUTRAL[each].items())
    ]
    return "_".join((base, *acting))


def idle_keys(model: str, acting: str) -> frozenset[str]:
    """Return the settings of a model's mitigations that another one of its mitigations, ``acting``, is without."""
    idle = set(parse_model_name(model).mitigations) - set(parse_model_name(acting).mitigations)
    return frozenset().union(*(keys_of(each) for each in idle)) - TRAINED


def ranking_keys(model: str) -> frozenset[str]:
    """Return the settings that act when lists are made of a model's scores."""
    acting = [each for each in parse_model_name(model).mitigations if each in IN_RANKING]
    return frozenset().union(*(keys_of(each) for each in acting)) - TRAINED


def _is_whole(value: Any, key: str) -> bool:
    """Tell whether ``0`` is meant as ``0.0``: settings of mitigations that are numbers but not counts."""
    weights = {name for neutral in NEUTRAL.values() for name in neutral}
    return key in weights and isinstance(value, int) and not isinstance(value, bool)
