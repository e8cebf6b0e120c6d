"""Run what a ledger lacks: trainings, and evaluations of trained models on either part of the data."""

from __future__ import annotations

import time
from typing import Any

import pandas as pd

from recbole_ile.experiments.engine.affordable import affordable, expected_seconds
from recbole_ile.experiments.engine.ledger import MODEL_FILE
from recbole_ile.experiments.engine.recording import Listener
from recbole_ile.experiments.engine.trial import Asked, Evaluated, UnusableModel, evaluate_trained
from recbole_ile.experiments.engine.workers import Call, Experiment, Order
from recbole_ile.experiments.sweep.selection import Candidate
from recbole_ile.experiments.sweep.space import unique
from recbole_ile.plugin.runs.guest import leaving_no_trace

Wanted = dict[str, list[dict[str, Any]]]
"""By the name of a trial, settings of ranking."""
BRIEF = 5.0
"""Seconds of evaluation for which no process is started: to import what it needs takes one as long."""


def evaluate_missing(experiment: Experiment) -> set[str]:
    """Evaluate trained models under the settings of ranking that they were not evaluated under.

    A model that is not there any more or cannot be read is told; its trial has to be run again.

    Args:
        experiment: of the sweep.

    Returns:
        The ids of trials whose models were evaluated, which need not be run again even where time was short.
    """
    outcomes = experiment.ledger.outcomes()
    asked = []
    for trial in experiment.ledger.planned():
        outcome = outcomes.get(trial["id"], {"status": "missing"})
        if outcome["status"] == "done":
            there = [point["ranking"] for point in outcome["points"]]
            rankings = [each for each in trial["ranking"] if each not in there]
            if rankings:
                asked.append((outcome, [Asked(each, users=False) for each in rankings]))
    evaluated = set()
    for outcome, found in _evaluate("valid", asked, experiment):
        experiment.ledger.add_points(outcome["id"], [point for point, _ in found])
        evaluated.add(outcome["id"])
    return evaluated


def on_test_part(
    experiment: Experiment,
    wanted: Wanted,
    detailed: Wanted | None = None,
    listener: Listener = lambda *_: None,
) -> dict[str, Any]:
    """Evaluate trained models on the test part, each under each setting of ranking once in a ledger's life.

    A model that is not there any more or cannot be read is trained again, and a line says so.

    Args:
        experiment: of the sweep.
        wanted: what is evaluated.
        detailed: likewise, and what is found of each user is kept in the ledger, too.
        listener: is told about every trial that is run again.

    Returns:
        By the ledger's ``point_name`` what is known of all points.

    Raises:
        KeyboardInterrupt: if a training that is done again is interrupted.
    """
    detailed = detailed or {}
    _test(experiment, wanted, detailed)
    left = _untested(experiment, wanted, detailed)
    if left:
        again = [{"ranking": _rankings(outcome, experiment), **_asked(outcome)} for outcome, _ in left]
        if not experiment.workers.run(experiment, listener, Order(again)):
            raise KeyboardInterrupt
        _test(experiment, wanted, detailed)
    return experiment.ledger.tests()


def _test(experiment: Experiment, wanted: Wanted, detailed: Wanted) -> None:
    """Evaluate on the test part what was not and can be, and keep it."""
    ledger = experiment.ledger
    known = {}
    for outcome, found in _evaluate("test", _untested(experiment, wanted, detailed), experiment):
        for point, table in found:
            name = ledger.point_name(outcome["id"], point["ranking"])
            known[name] = point
            if table is not None:
                ledger.write_users(name, table)
    ledger.write_tests(known)


def _untested(experiment: Experiment, wanted: Wanted, detailed: Wanted) -> list[tuple[dict[str, Any], list[Asked]]]:
    """Return the outcomes of trained models with what is asked of each and not known."""
    ledger = experiment.ledger
    outcomes, known = ledger.outcomes(), ledger.tests()
    asked = []
    for trial in {**wanted, **detailed}:
        missing = []
        for ranking in unique([*wanted.get(trial, ()), *detailed.get(trial, ())]):
            name, users = ledger.point_name(trial, ranking), ranking in detailed.get(trial, ())
            if name not in known or (users and ledger.users(name) is None):
                missing.append(Asked(ranking, users))
        if missing and outcomes.get(trial, {}).get("status") == "done":
            asked.append((outcomes[trial], missing))
    return asked


def _rankings(outcome: dict[str, Any], experiment: Experiment) -> list[dict[str, Any]]:
    """Return the settings of ranking that a trial which is run again has to be evaluated under."""
    planned = [trial["ranking"] for trial in experiment.ledger.planned() if trial["id"] == outcome["id"]]
    return unique([*(point["ranking"] for point in outcome["points"]), *(each for part in planned for each in part)])


def front_tests(
    experiment: Experiment, found: list[Candidate], detailed: Wanted | None = None, until: float | None = None
) -> dict[int, dict[str, Any]]:
    """Evaluate the front, the baselines and the recommendation on the test part, and what is compared besides.

    Args:
        experiment: of the sweep.
        found: the settings.
        detailed: what is compared, of which each user is kept.
        until: the moment, as ``time.time`` tells it, for which of the front only as much is evaluated as is expected to
            be through by then.

    Returns:
        By the number of the setting ``mean`` and ``spread`` of the metrics over its seeds, and the first seed's
        ``by_user_group`` and ``by_item_group``.
    """
    chosen = {n: each for n, each in enumerate(found) if each.front or each.baseline or each.recommended}
    if until is not None:
        ledger, at_once = experiment.ledger, experiment.workers.at_once
        chosen = affordable(chosen, ledger.outcomes(), set(ledger.tests()), until - time.time(), at_once)
    wanted: Wanted = {}
    for each in chosen.values():
        for replicate in each.replicates:
            wanted.setdefault(replicate.trial, []).append(replicate.evaluation["ranking"])
    known = on_test_part(experiment, wanted, detailed)
    result = {}
    for number, each in chosen.items():
        points = [known[name] for name in (replicate.name for replicate in each.replicates) if name in known]
        if points:
            table = pd.DataFrame([point["metrics"] for point in points])
            means, spread = table.mean().to_dict(), table.std().fillna(0.0).to_dict()
            result[number] = {**points[0], "mean": means, "spread": spread}
    return result


def _evaluate(part: str, asked: list[Any], experiment: Experiment) -> list[tuple[dict[str, Any], list[Evaluated]]]:
    """Evaluate trained models where trials run, or in this process if it is soon done.

    Returns:
        The outcomes whose models can be used, each with what was found under each of its settings of ranking; the
        others are told in a line.
    """
    # A model is evaluated under the name that it is planned with now: more may act in ranking than when it was trained.
    planned = {trial["id"]: trial["training"] for trial in experiment.ledger.planned()}
    outcomes, calls = [], []
    for outcome, rankings in asked:
        model = experiment.ledger.model(outcome)
        if model is None:
            _tell_lost(experiment, outcome, "it is not there")
            continue
        outcomes.append(outcome)
        calls.append(Call(part, str(model.absolute()), planned.get(outcome["id"], outcome["training"]), rankings))
    workers = experiment.workers
    expected = sum(expected_seconds(outcome, len(rankings)) for outcome, rankings in asked)
    here = not workers.resources.gpus and not workers.ready and expected <= BRIEF
    answers = (_evaluate_here(experiment, call) for call in calls) if here else workers.evaluate(experiment, calls)
    found = []
    for outcome, answer in zip(outcomes, answers, strict=True):
        if isinstance(answer, UnusableModel):
            _tell_lost(experiment, outcome, str(answer))
        else:
            found.append((outcome, answer))
    return found


def _evaluate_here(experiment: Experiment, call: Call) -> list[Evaluated] | UnusableModel:
    """Evaluate a trained model in this process, of which everything stays as it is."""
    shared = experiment.workers.shared(experiment.task, call.training)
    try:
        with leaving_no_trace():
            return evaluate_trained(*call, experiment.task, shared)
    except UnusableModel as error:
        return error


def _tell_lost(experiment: Experiment, outcome: dict[str, Any], reason: str) -> None:
    """Say that a trial is run again because of its model."""
    path = experiment.ledger.folder / (outcome.get("checkpoint") or "models") / MODEL_FILE
    what = ", ".join(f"{key}={value}" for key, value in outcome["training"].items()) or "as configured"
    experiment.ledger.tell(path, reason, f"the training of {what} is done again")


def _asked(trial: dict[str, Any]) -> dict[str, Any]:
    """Return of a trial or its outcome what was asked for."""
    return {"id": trial["id"], "training": trial["training"]}
