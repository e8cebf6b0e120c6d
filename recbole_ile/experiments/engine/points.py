"""The trainings of a sweep: points that differ in ranking alone share one, and the baseline is among them once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any, NamedTuple

from recbole_ile.errors import InputError
from recbole_ile.experiments.sweep.space import Alternative, Point, unique
from recbole_ile.plugin.catalogue.mitigations import known_mitigations, mitigation_of_option
from recbole_ile.plugin.catalogue.model_names import ModelName
from recbole_ile.plugin.config.known_keys import check_known


class Trial(NamedTuple):
    """One training: what it is trained with, and the settings of ranking that the trained model is evaluated under."""

    id: str
    training: Point
    ranking: tuple[Point, ...]


def point_name(trial: str, ranking: Point) -> str:
    """Return the name of a trained model under a setting of ranking."""
    return json.dumps([trial, ranking], sort_keys=True)


def check_keys(space: list[Alternative], name: ModelName, fixed: dict[str, Any]) -> None:
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
    check_owned(keys, name)


def check_owned(keys: Iterable[str], name: ModelName) -> None:
    """Refuse options of a mitigation that a model is without.

    Raises:
        InputError: names the model that has it.
    """
    owners = mitigation_of_option()
    for key in keys:
        owner = owners.get(key)
        if owner is not None and key not in name.keys:
            raise InputError(
                f"{key} is a setting of {owner.suffix}, which model {name} is without; "
                f"try {name.with_mitigations([owner.suffix])}"
            )


def make_trials(points: Iterable[Point], name: ModelName) -> list[Trial]:
    """Group points by what they are trained with, in the order of their first appearance."""
    groups: dict[str, tuple[Point, list[Point]]] = {}
    for point in points:
        normal = normalized(point, name)
        training = {key: value for key, value in normal.items() if key not in name.ranking_keys}
        ranking = {key: value for key, value in normal.items() if key in name.ranking_keys}
        groups.setdefault(trial_id(training), (training, []))[1].append(ranking)
    return [Trial(identity, training, tuple(unique(ranking))) for identity, (training, ranking) in groups.items()]


def trial_id(training: Point) -> str:
    """Return the name of a training: the same for the same settings."""
    text = json.dumps(training, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:10]


def normalized(point: Point, name: ModelName) -> Point:
    """Return a point without the settings that a mitigation does not read when it does nothing.

    Numbers of mitigations that may be neutral, 0 and 0.0 say, are written alike.
    """
    idle: set[str] = set()
    for each in name.mitigations:
        neutral = each.neutral or {}
        if neutral and neutral.keys() <= point.keys() and not each.acts(point):
            idle |= each.keys - neutral.keys() - each.trains_with
    weights = {key for each in known_mitigations().values() for key in each.neutral or ()}
    return {
        key: float(value) if key in weights and _is_whole(value) else value
        for key, value in point.items()
        if key not in idle
    }


def baselines(points: Iterable[Point], space: list[Alternative], name: ModelName, exhaustive: bool) -> list[Point]:
    """Return the points of the base model: every mitigation does nothing, and those that always act are left out.

    Args:
        points: of the sweep.
        space: what they are from.
        name: of the model; without a mitigation there is no baseline.
        exhaustive: whether other keys of grids keep their values, so that each of their combinations has its
            own; otherwise the seed alone does.
    """
    if not name.mitigations:
        return []
    left = name.acting(name.neutral())
    neutral = name.neutral()
    if left.mitigations:  # they have no neutral value
        kept_mitigations = [each.suffix for each in name.mitigations if each not in left.mitigations]
        neutral["model"] = str(ModelName(name.base).with_mitigations(kept_mitigations))
    own = name.keys - name.trains_with
    grids = {key for alternative in space for key, domain in alternative.items() if domain.kind == "grid"}
    kept = (grids if exhaustive else grids & {"seed"}) - own
    return unique({**{key: value for key, value in point.items() if key in kept}, **neutral} for point in points)


def acting_model(point: Point, name: ModelName, fixed: dict[str, Any]) -> ModelName:
    """Return the name of the model with those of its mitigations alone that do something at a point."""
    settings = {**fixed, **point}
    named = ModelName.parse(settings["model"]) if "model" in point else name
    return named.acting(settings)


def is_baseline(point: Point, name: ModelName, fixed: dict[str, Any]) -> bool:
    """Tell whether no mitigation does anything at a point."""
    return bool(name.mitigations) and not acting_model(point, name, fixed).mitigations


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
