"""Settings of a sweep are compared with the seeds that they have."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from recbole_ile.experiments.comparison.of_sweep import as_methods
from recbole_ile.experiments.comparison.results import collect, wanted_tests
from recbole_ile.experiments.engine.ledger import Ledger
from recbole_ile.experiments.sweep.selection import candidates
from recbole_ile.metric import Metric
from recbole_ile.plugin.catalogue.model_names import ModelName

METRICS = [Metric.parse("ndcg@10"), Metric.parse("ad@10")]


def outcome(number: int, seed: int, weight: float) -> dict[str, Any]:
    points = [{"ranking": {"cp_weight": cp}, "metrics": {"ndcg@10": 0.3 - weight / 10 - cp / 100}} for cp in (0.0, 0.9)]
    training = {"ile_lambda": weight, "seed": seed}
    return {"id": f"t{number}", "status": "done", "training": training, "points": points}


def test_each_setting_is_a_method_with_its_own_seeds() -> None:
    outcomes = [outcome(0, 1, 0.0), outcome(1, 2, 0.0), outcome(2, 1, 0.1)]  # of the last setting, one seed failed
    base, *_, both = candidates(outcomes, ModelName.parse("BPR_ILE_CP"), {})
    methods, plan = as_methods([("baseline", base), ("ILE and CP", both)], seed=0)
    assert [(each.label, str(each.model), each.settings) for each in methods] == [
        ("baseline", "BPR", {}),
        ("ILE and CP", "BPR_ILE_CP", {"ile_lambda": 0.1, "cp_weight": 0.9}),
    ]
    assert list(plan.evaluations) == [("baseline", 1), ("baseline", 2), ("ILE and CP", 1)]

    ledger = Ledger("sweep")
    ledger.open({}, {})
    for each in outcomes:
        ledger.write({"id": each["id"]}, each)
    wanted = wanted_tests(plan, ledger.outcomes())
    assert wanted == {"t0": [{"cp_weight": 0.0}], "t1": [{"cp_weight": 0.0}], "t2": [{"cp_weight": 0.9}]}
    tests = {}
    for number, (trial, (ranking,)) in enumerate(wanted.items()):
        name = ledger.point_name(trial, ranking)
        value = 0.2 + number / 10
        tests[name] = {"metrics": {"ndcg@10": value, "ad@10": 0.5}, "by_user_group": [], "by_item_group": []}
        users = pd.DataFrame({"user": ["a", "b", "c"], "user_group": 0, "ndcg@10": [value - 0.1, value, value + 0.1]})
        ledger.write_users(name, users)
    ledger.write_tests(tests)
    found = collect("title", methods, plan, METRICS, ledger, {}, [], seed=0)
    assert [row.seeds for row in found.rows] == [[1, 2], [1]]
    assert found.rows[0].cells["ndcg@10"].mean == pytest.approx(0.25)
    assert found.rows[1].cells["ndcg@10"].mean == pytest.approx(0.4)
    assert found.rows[1].cells["ndcg@10"].p_base is not None
