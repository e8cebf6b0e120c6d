"""From what a ledger holds to what is measured of each method."""

from __future__ import annotations

from typing import Any

import pandas as pd

from recbole_ile.experiments.comparison.methods import Method
from recbole_ile.experiments.comparison.plan import EvaluationKey, Plan
from recbole_ile.experiments.comparison.summary import Comparison, Values, summarize
from recbole_ile.experiments.engine.ledger import Ledger
from recbole_ile.metric import Metric

Evaluations = dict[str, dict[int, dict[str, Any]]]
"""By method and seed the ``metrics``, ``by_user_group`` and ``by_item_group`` of the test part."""


def wanted_tests(plan: Plan, outcomes: dict[str, dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Return by training the settings of ranking that are to be evaluated, of those that were trained."""
    wanted: dict[str, list[dict[str, Any]]] = {}
    for key in plan.evaluations.values():
        rankings = wanted.setdefault(key.training, [])
        if key.ranking not in rankings:
            rankings.append(key.ranking)
    return {name: rankings for name, rankings in wanted.items() if outcomes.get(name, {}).get("status") == "done"}


def collect(
    title: str,
    methods: list[Method],
    plan: Plan,
    metrics: list[Metric],
    ledger: Ledger,
    settings: dict[str, Any],
    notes: list[str],
    seed: int,
) -> Comparison:
    """Return all that a report says.

    Args:
        title: ``BPR on ml-100k`` say.
        methods: what is compared, the base first.
        plan: where each method's values are.
        metrics: the columns of the table.
        ledger: holds outcomes and evaluations on the test part; what failed is left out and told in the notes.
        settings: what all methods share.
        notes: what else a reader must know.
        seed: of the bootstrap.
    """
    outcomes, tests = ledger.outcomes(), ledger.tests()
    users = _users(plan, ledger)
    seeds = list(dict.fromkeys(number for _, number in plan.evaluations))
    evaluations: Evaluations = {
        method.label: {
            number: tests[name]
            for number in seeds
            if (method.label, number) in users
            and (name := _point(plan.evaluations[method.label, number], ledger)) in tests
        }
        for method in methods
    }
    compared = [method for method in methods if evaluations[method.label]]
    measured = [
        Values(
            method.label,
            str(method.model),
            method.settings,
            method is methods[0],
            {number: entry["metrics"] for number, entry in evaluations[method.label].items()},
            pd.concat([users[method.label, number] for number in evaluations[method.label]], ignore_index=True),
            method.published,
        )
        for method in compared
    ]
    tables = [each.users.assign(method=each.label) for each in measured]
    per_seed = [
        {"method": each.label, "seed": number, **{name: values[name] for name in map(str, metrics)}}
        for each in measured
        for number, values in each.metrics.items()
    ]
    return Comparison(
        title,
        metrics,
        summarize(measured, metrics, seed),
        pd.DataFrame(per_seed),
        pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(),
        {method.label: _averaged(evaluations[method.label], "by_user_group") for method in compared},
        {method.label: _averaged(evaluations[method.label], "by_item_group") for method in compared},
        _group_losses(compared, plan, outcomes),
        [*notes, *_failures(methods, plan, outcomes)],
        settings,
    )


def _point(key: EvaluationKey, ledger: Ledger) -> str:
    return ledger.point_name(key.training, key.ranking)


def _users(plan: Plan, ledger: Ledger) -> dict[tuple[str, int], pd.DataFrame]:
    """Return by method and seed the tables of users, of those that have one."""
    tables = {own: ledger.users(_point(key, ledger)) for own, key in plan.evaluations.items()}
    return {(label, seed): table.assign(seed=seed) for (label, seed), table in tables.items() if table is not None}


def _averaged(evaluations: dict[int, dict[str, Any]], part: str) -> list[dict[str, Any]]:
    """Return the rows of the groups, their numbers averaged over seeds."""
    table = pd.DataFrame([row for entry in evaluations.values() for row in entry[part]])
    if table.empty:
        return []
    means = table.groupby("group", sort=False).mean().reset_index()
    return [{str(key): value for key, value in row.items()} for row in means.to_dict("records")]


def _group_losses(
    methods: list[Method], plan: Plan, outcomes: dict[str, dict[str, Any]]
) -> dict[str, tuple[list[str], list[dict[str, Any]]]]:
    """Return the losses of each method that trains something of its own, of its first seed that was trained."""
    found = {}
    for method in methods:
        if method.model.ranking:
            continue
        own = (key.training for (label, _), key in plan.evaluations.items() if label == method.label)
        entries = (outcomes[training] for training in own if training in outcomes)
        entry = next((entry for entry in entries if entry.get("group_losses")), None)
        if entry is not None:
            found[method.label] = (entry["group_names"], entry["group_losses"])
    return found


def _failures(methods: list[Method], plan: Plan, outcomes: dict[str, dict[str, Any]]) -> list[str]:
    """Return a sentence for each training that failed, with the methods and the seed that miss it."""
    missing: dict[str, tuple[list[str], int]] = {}
    for method in methods:
        for (label, number), key in plan.evaluations.items():
            if label == method.label and outcomes.get(key.training, {}).get("status") == "failed":
                missing.setdefault(key.training, ([], number))[0].append(label)
    return [
        f"{', '.join(labels)} failed with seed {number}: {outcomes[trial]['reason']}"
        for trial, (labels, number) in missing.items()
    ]
