"""Optuna learns from the outcomes of a ledger, and from nothing else."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import optuna
import pytest

from recbole_ile.experiments.engine.optuna_searcher import OptunaSearcher
from recbole_ile.experiments.sweep.space import Alternative, Domain
from recbole_ile.experiments.sweep.suggestions import suggestion
from recbole_ile.metric import Better, Metric

ONE = [{"x": Domain("uniform", (0.0, 1.0)), "kind": Domain("choice", ("a", "b"))}]
TWO = [*ONE, {"y": Domain("loguniform", (0.01, 1.0)), "z": Domain("quniform", (0.0, 1.0, 0.25))}]


def searcher(space: list[Alternative], known: list[dict[str, Any]], seed: int = 1) -> OptunaSearcher:
    return OptunaSearcher(space, [Metric.parse("ndcg@10"), Metric.parse("upd@10")], seed, known)


def outcome(training: dict[str, Any], ndcg: float | None = 0.1, upd: float = 0.1) -> dict[str, Any]:
    return {"training": training, "metrics": {"ndcg@10": ndcg, "upd@10": upd}}


def score(training: dict[str, Any]) -> dict[str, float]:
    """Best at x = 0.8 with kind b; whatever the other alternative has is worse."""
    good = 1 - abs(training["x"] - 0.8) - 0.3 * (training["kind"] == "a") if "x" in training else -1.0
    return {"ndcg@10": good, "upd@10": -good}


@pytest.mark.parametrize("space", [ONE, TWO], ids=["one alternative", "two"])
def test_a_new_search_goes_on_with_what_is_known(space: list[Alternative]) -> None:
    first = searcher(space, [])
    known = []
    for number in range(30):
        training = suggestion(first.suggest(str(number)))
        first.on_trial_complete(str(number), score(training))
        known.append({"training": training, "metrics": score(training)})

    first._study.sampler = optuna.samplers.TPESampler(seed=2)
    again = searcher(space, known, seed=2)
    for number in range(30, 35):
        assert again.suggest(str(number)) == first.suggest(str(number)), "it knows all that the first one knew"
    assert searcher(space, known, seed=2).suggest("30") != searcher(space, [], seed=2).suggest("30")


@pytest.mark.parametrize(
    "training",
    [
        {},
        {"x": 0.5},
        {"x": 1.5, "kind": "a"},
        {"x": "text", "kind": "a"},
        {"x": 0.5, "kind": "c"},
        {"x": None, "kind": []},
    ],
    ids=repr,
)
def test_what_lies_outside_of_the_space_is_not_learned(training: dict[str, Any]) -> None:
    assert searcher(TWO, [outcome(training)]).suggest("1") == searcher(TWO, []).suggest("1")


@pytest.mark.parametrize("ndcg", [None, float("nan")])
def test_what_has_no_result_is_not_learned(ndcg: float | None) -> None:
    known = [outcome({"x": 0.5, "kind": "a"}, ndcg)]
    assert searcher(ONE, known).suggest("1") == searcher(ONE, []).suggest("1")


def test_a_trial_that_failed_is_no_result() -> None:
    found = searcher(ONE, [])
    for number, result in enumerate([None, {}, {"ndcg@10": 0.1}, {"ndcg@10": float("nan"), "upd@10": 0.1}]):
        found.suggest(str(number))
        found.on_trial_complete(str(number), result, error=result is None)
    assert found.suggest("last")


class Payload:
    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (Path("ran"),)


def test_it_keeps_and_reads_no_record_of_its_own() -> None:
    found = searcher(ONE, [])
    found.save("record.pkl")
    assert not Path("record.pkl").exists()
    Path("record.pkl").write_bytes(pickle.dumps(Payload()))
    found.restore("record.pkl")
    assert not Path("ran").exists()


def test_what_is_best_at_zero_is_searched_by_its_distance_from_there() -> None:
    def suggested(metric: Metric, sign: int) -> list[dict[str, Any]]:
        known = [
            {"training": {"x": x / 20, "kind": "a"}, "metrics": {"ndcg@10": 0.1, str(metric): sign * abs(x / 20 - 0.5)}}
            for x in range(20)
        ]
        search = OptunaSearcher(ONE, [Metric.parse("ndcg@10"), metric], 1, known)
        return [search.suggest(str(number)) for number in range(5)]

    lift, upd = Metric("poplift", 10, Better.ZERO), Metric.parse("upd@10")
    assert suggested(lift, 1) == suggested(lift, -1) == suggested(upd, 1)
    assert suggested(upd, 1) != suggested(upd, -1)
