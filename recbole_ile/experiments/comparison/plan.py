"""Which trainings a comparison needs: methods that differ in ranking alone share one."""

from __future__ import annotations

from typing import Any, NamedTuple

from recbole_ile.experiments.comparison.methods import Method
from recbole_ile.experiments.engine.points import Trial, trial_id
from recbole_ile.experiments.sweep.space import Point, unique
from recbole_ile.plugin.catalogue.mitigations import find_mitigation
from recbole_ile.plugin.catalogue.model_names import ModelName

USUAL = "CP"
"""The mitigation that is in the name of every training that it works on, by which trainings are found again."""


class EvaluationKey(NamedTuple):
    """What identifies an evaluation of a method with one seed: a training, and the setting of ranking."""

    training: str
    ranking: Point


class Plan(NamedTuple):
    """The trainings, those that take longest first, and the evaluation of each method's label and seed."""

    trials: list[Trial]
    evaluations: dict[tuple[str, int], EvaluationKey]


class _Training(NamedTuple):
    """What a method is trained with when nothing acts in ranking."""

    model: ModelName
    settings: Point


class _Ensemble(NamedTuple):
    """What makes a training one of several copies: suffixes, and the settings that act in it."""

    suffixes: tuple[str, ...]
    settings: Point

    @classmethod
    def of(cls, name: ModelName, settings: Point) -> _Ensemble:
        """Return that of a model and its settings."""
        own = [each for each in name.mitigations if each.ensemble]
        keys = frozenset().union(*(each.trains_with for each in own))
        return cls(tuple(each.suffix for each in own), {key: settings[key] for key in keys if key in settings})


def make_plan(methods: list[Method], seeds: list[int], there: list[dict[str, Any]]) -> Plan:
    """Return the fewest trainings that serve all methods.

    The first member of an ensemble is trained exactly as the base model, and mitigations in ranking leave training
    as it is, so that one training of ``BPR_PUFR_CP`` gives ``BPR``, ``BPR_CP`` and ``BPR_PUFR``, too.

    Args:
        methods: what is compared.
        seeds: of each method.
        there: trainings of an earlier plan, ``training`` each, which serve again where they can.
    """
    trained = {method.label: _training(method) for method in methods}
    asked: list[tuple[bool, Trial]] = []
    evaluations = {}
    for seed in seeds:
        for method in methods:
            own = trained[method.label]
            ensemble = _ensemble(method, own, methods, trained, seed, there)
            training = _named(own, ensemble, seed, _ranked_by(methods, trained, own))
            key = EvaluationKey(_identity(training), _ranking(method, ModelName.parse(training["model"])))
            evaluations[method.label, seed] = key
            asked.append((ensemble is not None, Trial(key.training, training, (key.ranking,))))
    asked.sort(key=lambda each: not each[0])
    merged: dict[str, Trial] = {}
    for _, trial in asked:
        earlier = merged.get(trial.id, trial)
        merged[trial.id] = earlier._replace(ranking=tuple(unique([*earlier.ranking, *trial.ranking])))
    return Plan(list(merged.values()), evaluations)


def _training(method: Method) -> _Training:
    acting = method.model.ranking_keys | method.model.trains_with
    settings = {key: value for key, value in method.settings.items() if key not in acting}
    return _Training(method.model.trained, settings)


def _ensemble(
    method: Method,
    own: _Training,
    methods: list[Method],
    trained: dict[str, _Training],
    seed: int,
    there: list[dict[str, Any]],
) -> _Ensemble | None:
    """Return the ensemble that serves a method, ``None`` if a single model does."""
    if method.model.ensemble:
        return _Ensemble.of(method.model, method.settings)
    for other in methods:
        if other.model.ensemble and trained[other.label] == own:
            return _Ensemble.of(other.model, other.settings)
    for training in (entry["training"] for entry in there):
        name = ModelName.parse(training["model"])
        ensemble = _Ensemble.of(name, training)
        if name.ensemble and _identity(training) == _identity(_named(own, ensemble, seed, ())):
            return ensemble
    return None


def _ranked_by(methods: list[Method], trained: dict[str, _Training], own: _Training) -> tuple[str, ...]:
    """Return the suffixes that act in the ranking of the methods which share a training, those of ensembles left."""
    sharing = [method.model for method in methods if trained[method.label] == own]
    return tuple(each.suffix for model in sharing for each in model.ranking if not each.ensemble)


def _named(own: _Training, ensemble: _Ensemble | None, seed: int, ranked: tuple[str, ...]) -> Point:
    """Return a training under the name of the model with all that may act on it in ranking."""
    usual = () if find_mitigation(USUAL).refuses(own.model.base) else (USUAL,)
    name = own.model.with_mitigations([*(ensemble.suffixes if ensemble else ()), *ranked, *usual])
    return {"model": str(name), "seed": seed, **own.settings, **(ensemble.settings if ensemble else {})}


def _identity(training: Point) -> str:
    """Return the name of a training, whatever else than the usual may act on it in ranking."""
    name = ModelName.parse(training["model"])
    ranked = [each for each in name.mitigations if each in name.trained.mitigations or each.ensemble]
    usual = [each for each in name.mitigations if each.suffix == USUAL]
    return trial_id({**training, "model": str(ModelName(name.base, (*ranked, *usual)))})


def _ranking(method: Method, trained_as: ModelName) -> Point:
    """Return what of a method acts in ranking, and that nothing else of the trained model does."""
    others = [each for each in trained_as.ranking if each not in method.model.mitigations]
    acting = method.model.ranking_keys
    own = {key: value for key, value in method.settings.items() if key in acting}
    return {**ModelName(trained_as.base, tuple(others)).neutral(), **own}
