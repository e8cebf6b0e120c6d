"""The models of a sweep across models: what is tried of each, and which ones the data are too wide for."""

from __future__ import annotations

from typing import NamedTuple

from recbole_ile.errors import InputError, near_miss
from recbole_ile.experiments.engine.points import Trial, baselines, make_trials
from recbole_ile.experiments.sweep.space import (
    Alternative,
    Point,
    by_model,
    grid_points,
    random_points,
    unique,
)
from recbole_ile.plugin.catalogue.model_names import ModelName
from recbole_ile.plugin.catalogue.model_options import has_option
from recbole_ile.plugin.catalogue.models import known_bases, models_by_kind
from recbole_ile.plugin.catalogue.properties import properties_dir
from recbole_ile.plugin.catalogue.support import missing_packages

AUTO = "auto"
"""Instead of models: those of ``properties/sweep_models/auto.yaml`` that work here, from cheap to dear."""
DENSE_ITEMS = 20_000
"""Items up to which a matrix of all pairs of them is computed: 3.2 GB in double precision, and as much again."""
DENSE = ("ADMMSLIM", "EASE")
"""The models that compute such a matrix."""
KEPT_SCORES = 10_000_000
"""Scores up to which RecBole's ItemKNN keeps all of them, as Python's numbers in lists: 1 GB, read row by row."""
WIDE = (*DENSE, "ItemKNN")
"""The models that some data are too wide for."""


class Swept(NamedTuple):
    """A model of a sweep and what is tried of it; an empty alternative is the model as it is configured."""

    name: ModelName
    space: list[Alternative]


def auto_models() -> list[Swept]:
    """Return what ``auto`` tries of which models, from cheap to dear, of those that are installed."""
    chosen = by_model(properties_dir() / "sweep_models" / f"{AUTO}.yaml") or {}
    found = [Swept(ModelName.parse(model), space) for model, space in chosen.items()]
    return [each for each in found if each.name.base in known_bases() and not missing_packages(each.name.base)]


def check_together(names: list[ModelName]) -> None:
    """Refuse models that do not share a data set.

    Raises:
        InputError: names two of them and their kinds, and a model that is named twice.
    """
    for number, name in enumerate(names):
        if name in names[:number]:
            raise InputError(f"option model: {name} is named twice")
    kinds = {model: kind for kind, models in models_by_kind().items() for model in models}
    of_first = kinds.get(names[0].base, "general")
    for name in names[1:]:
        kind = kinds.get(name.base, "general")
        if kind != of_first:
            raise InputError(
                f"option model: {names[0].base} is {of_first} and {name.base} {kind}, which read their data in "
                "different ways; make a sweep for each kind"
            )


def too_wide(name: ModelName, users: int, items: int) -> str | None:
    """Return why a model cannot work on so many users and items, as the predicate of a sentence, ``None`` if it can."""
    if name.base in DENSE and items > DENSE_ITEMS:
        return f"needs a matrix of all pairs of the {items:,} items, which is computed up to {DENSE_ITEMS:,}"
    if name.base == "ItemKNN" and users * items > KEPT_SCORES:
        return f"keeps a score of each of {users:,} users and {items:,} items, too many beyond {KEPT_SCORES:,}"
    return None


def fitting_space(space: list[Alternative], name: ModelName) -> tuple[list[Alternative], list[str]]:
    """Return what of a space a model has, and the keys that it has not."""
    without = dict.fromkeys(key for each in space for key in each if not has_option(name, key))
    fitting = [{key: domain for key, domain in each.items() if key not in without} for each in space]
    return unique([each for each in fitting if each]), list(without)


def space_of(spaces: dict[str, list[Alternative]], name: ModelName) -> list[Alternative] | None:
    """Return the space of a model among those by model, under its whole name or its base's."""
    return spaces.get(str(name), spaces.get(name.base))


def check_named(spaces: dict[str, list[Alternative]], names: list[ModelName], source: str) -> None:
    """Refuse a space of a model that is none of the sweep's.

    Raises:
        InputError: names the file, the model and the near miss.
    """
    known = [each for name in names for each in (str(name), name.base)]
    for model in spaces:
        if model not in known:
            raise InputError(
                f"space {source}: {model} is no model of this sweep{near_miss(model, known)}; its models are "
                f"{', '.join(map(str, names))}"
            )


def trials_of(swept: list[Swept], exhaustive: bool, samples: int, seed: int) -> list[Trial]:
    """Return the trials of all models in their order, of each model its baselines first.

    Args:
        swept: the models.
        exhaustive: whether grids are tried whole; otherwise points are drawn.
        samples: draws, for each point of a grid or of each model in all.
        seed: of what is drawn.
    """
    trials: list[Trial] = []
    for name, space in swept:
        points: list[Point] = [{}]
        if any(space):
            points = grid_points(space, samples, seed) if exhaustive else random_points(space, samples, seed)
        bases = baselines(points, space, name, exhaustive)
        trials += make_trials([{"model": str(name), **point} for point in (*bases, *points)], name)
    return trials
