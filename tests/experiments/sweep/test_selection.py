"""The recommendation follows from the validation figures by the rule that the options state."""

from __future__ import annotations

import math
from typing import Any

import pytest

from recbole_ile.experiments.sweep.selection import (
    ALL,
    Candidate,
    best_of_methods,
    candidates,
    dominated_volume,
    largest_violation,
    method_volumes,
    selected,
    worst_values,
)
from recbole_ile.metric import Better, Bound, Metric
from recbole_ile.plugin.catalogue.model_names import ModelName
from recbole_ile.report.sweep.files import label

OBJECTIVES = [Metric.parse("ndcg@10"), Metric.parse("upd@10")]


def outcome(
    number: int, training: dict[str, Any], *points: tuple[float, float], status: str = "done"
) -> dict[str, Any]:
    found = [
        {"ranking": {"cp_weight": place / 10}, "metrics": {"ndcg@10": ndcg, "upd@10": upd}}
        for place, (ndcg, upd) in enumerate(points)
    ]
    return {"id": str(number), "status": status, "training": training, "points": found}


def chosen(outcomes: list[dict[str, Any]], max_loss: float = 0.05, model: str = "BPR_ILE_CP") -> Candidate:
    found = selected(candidates(outcomes, ModelName.parse(model), {}), OBJECTIVES, max_loss)
    (best,) = [each for each in found if each.recommended]
    return best


OUTCOMES = [
    outcome(0, {"ile_lambda": 0.0}, (0.300, 0.200), (0.290, 0.150)),
    outcome(1, {"ile_lambda": 0.1}, (0.305, 0.180), (0.2849, 0.050)),
    outcome(2, {"ile_lambda": 0.3}, (0.286, 0.100), (0.200, 0.010)),
]


def test_the_fairest_within_the_allowed_loss_is_recommended() -> None:
    assert chosen(OUTCOMES).point == {"ile_lambda": 0.3, "cp_weight": 0.0}
    assert chosen(OUTCOMES, max_loss=0.06).point == {"ile_lambda": 0.1, "cp_weight": 0.1}
    assert chosen(OUTCOMES, max_loss=0.0).point == {"ile_lambda": 0.1, "cp_weight": 0.0}
    assert chosen(OUTCOMES, max_loss=1.0).point == {"ile_lambda": 0.3, "cp_weight": 0.1}


def required(*bounds: str, outcomes: list[dict[str, Any]] = OUTCOMES) -> Candidate:
    targets = [Bound.parse(bound) for bound in bounds]
    found = selected(candidates(outcomes, ModelName.parse("BPR_ILE_CP"), {}), OBJECTIVES, 0.0, targets)
    (best,) = [each for each in found if each.recommended]
    return best


def test_of_what_meets_all_that_is_required_the_most_accurate_is_recommended() -> None:
    assert required("upd@10<=0.16").point == {"ile_lambda": 0.0, "cp_weight": 0.1}
    assert required("upd@10<=0.1", "ndcg@10>=0.2").point == {"ile_lambda": 0.3, "cp_weight": 0.0}
    assert required("upd@10<=1").point == {"ile_lambda": 0.1, "cp_weight": 0.0}


def test_if_nothing_meets_what_is_required_the_closest_is_recommended() -> None:
    best = required("upd@10<=0.005")
    assert best.point == {"ile_lambda": 0.3, "cp_weight": 0.1}
    assert largest_violation(best, [Bound.parse("upd@10<=0.005")]) == pytest.approx(1.0)
    both = [Bound.parse("upd@10<=0.04"), Bound.parse("ndcg@10>=0.29")]
    assert required(*map(str, both)).point == {"ile_lambda": 0.1, "cp_weight": 0.1}
    assert largest_violation(best, [Bound.parse("upd@10<=0.5")]) == 0.0


def test_what_has_no_number_meets_nothing() -> None:
    unknown = outcome(3, {"ile_lambda": 1.0}, (0.9, float("nan")))
    assert required("upd@10<=0.1", outcomes=[*OUTCOMES, unknown]).point == {"ile_lambda": 0.3, "cp_weight": 0.0}
    (alone,) = candidates([unknown], ModelName.parse("BPR_ILE_CP"), {})
    assert math.isnan(largest_violation(alone, [Bound.parse("upd@10<=0.1")]))


def test_without_something_fairer_the_baseline_is_recommended() -> None:
    only = [OUTCOMES[0], outcome(1, {"ile_lambda": 9.0}, (0.1, 0.01))]
    best = chosen(only, max_loss=0.01)
    assert best.baseline
    assert best.point == {"ile_lambda": 0.0, "cp_weight": 0.0}


def test_without_a_baseline_the_best_accuracy_is_the_measure() -> None:
    assert chosen(OUTCOMES[1:], max_loss=0.01).point == {"ile_lambda": 0.1, "cp_weight": 0.0}


def test_seeds_are_one_setting_and_decide_by_their_mean() -> None:
    seeds = [
        outcome(0, {"ile_lambda": 0.0, "seed": 1}, (0.30, 0.20)),
        outcome(1, {"ile_lambda": 0.0, "seed": 2}, (0.32, 0.22)),
        outcome(2, {"ile_lambda": 0.1, "seed": 1}, (0.31, 0.05)),
        outcome(3, {"ile_lambda": 0.1, "seed": 2}, (0.20, 0.05)),
    ]
    found = selected(candidates(seeds, ModelName.parse("BPR_ILE"), {}), OBJECTIVES, 0.05)
    assert [len(each.replicates) for each in found] == [2, 2]
    assert found[0].mean["ndcg@10"] == pytest.approx(0.31)
    assert found[0].spread["ndcg@10"] == pytest.approx(0.02 / 2**0.5)
    assert [each.recommended for each in found] == [True, False]


def test_what_failed_or_was_stopped_is_no_point() -> None:
    outcomes = [*OUTCOMES, outcome(3, {"ile_lambda": 1.0}, (0.9, 0.0), status="stopped")]
    assert len(candidates(outcomes, ModelName.parse("BPR_ILE_CP"), {})) == 6
    assert selected([], OBJECTIVES, 0.05) == []


def test_a_result_that_is_not_a_number_is_neither_on_the_front_nor_recommended() -> None:
    outcomes = [*OUTCOMES, outcome(3, {"ile_lambda": 1.0}, (float("nan"), 0.0))]
    found = selected(candidates(outcomes, ModelName.parse("BPR_ILE_CP"), {}), OBJECTIVES, 1.0)
    assert not found[-1].front
    assert not found[-1].recommended
    assert dominated_volume(found, OBJECTIVES, worst_values(found, OBJECTIVES)) > 0


def test_the_worst_of_all_settings_is_where_the_hypervolume_begins() -> None:
    found = candidates(
        [outcome(0, {"ile_lambda": 0.1}, (0.3, 0.1), (0.2, 0.05), (0.1, 0.5))], ModelName.parse("BPR_ILE"), {}
    )
    assert worst_values(found, OBJECTIVES) == [0.1, 0.5]
    by_hand = (0.3 - 0.1) * (0.5 - 0.1) + (0.2 - 0.1) * (0.1 - 0.05)
    assert dominated_volume(found, OBJECTIVES, [0.1, 0.5]) == pytest.approx(by_hand)
    assert worst_values([], OBJECTIVES) == pytest.approx([float("nan")] * 2, nan_ok=True)


def test_a_setting_is_named_after_the_mitigations_that_do_something() -> None:
    found = selected(candidates(OUTCOMES, ModelName.parse("BPR_ILE_CP"), {}), OBJECTIVES, 0.05)
    assert [each.method for each in found] == ["BPR", "BPR_CP", "BPR_ILE", "BPR_ILE_CP", "BPR_ILE", "BPR_ILE_CP"]
    assert [label(each) for each in found[:4]] == [
        "baseline",
        "BPR_CP: cp_weight=0.1",
        "BPR_ILE: ile_lambda=0.1",
        "BPR_ILE_CP: ile_lambda=0.1, cp_weight=0.1",
    ]
    (alone, *_) = candidates([outcome(0, {"ile_lambda": 0.1}, (0.3, 0.1))], ModelName.parse("BPR_ILE"), {})
    assert alone.method == ""
    assert label(alone) == "ile_lambda=0.1, cp_weight=0"


def test_each_method_stands_with_what_it_would_be_recommended_with() -> None:
    found = candidates(OUTCOMES, ModelName.parse("BPR_ILE_CP"), {})
    points = {method: each and each.point for method, each in best_of_methods(found, OBJECTIVES, 0.06).items()}
    assert points == {
        "BPR_CP": {"ile_lambda": 0.0, "cp_weight": 0.1},
        "BPR_ILE": {"ile_lambda": 0.3, "cp_weight": 0.0},
        "BPR_ILE_CP": {"ile_lambda": 0.1, "cp_weight": 0.1},
    }
    under = best_of_methods(found, OBJECTIVES, 0.06, [Bound.parse("upd@10<=0.06")])
    assert {method: each and each.mean["upd@10"] for method, each in under.items()} == {
        "BPR_CP": None,
        "BPR_ILE": None,
        "BPR_ILE_CP": 0.05,
    }


def test_each_method_has_the_volume_of_its_own_settings_beside_the_baseline() -> None:
    found = selected(candidates(OUTCOMES, ModelName.parse("BPR_ILE_CP"), {}), OBJECTIVES, 0.05)
    volumes = {each.method: each for each in method_volumes(found, OBJECTIVES)}
    assert list(volumes) == ["BPR_CP", "BPR_ILE", "BPR_ILE_CP", ALL]
    assert [each.settings for each in volumes.values()] == [1, 2, 2, 5]
    assert volumes["BPR_CP"].volume == pytest.approx((0.290 - 0.2) * (0.2 - 0.15))
    assert volumes["BPR_CP"].on_front == 1
    assert sum(each.on_front for each in list(volumes.values())[:-1]) == volumes[ALL].on_front
    assert all(each.volume <= volumes[ALL].volume for each in volumes.values())
    assert method_volumes(candidates(OUTCOMES, ModelName.parse("BPR_ILE"), {}), OBJECTIVES) == []


def test_what_is_best_at_zero_is_chosen_by_its_distance_from_there() -> None:
    lift = Metric("poplift", 10, Better.ZERO)
    points = [(0.30, 0.4), (0.299, -0.1), (0.298, 0.2), (0.297, -0.5)]
    outcomes = [
        {
            "id": str(number),
            "status": "done",
            "training": {"ile_lambda": float(number)},
            "points": [{"ranking": {}, "metrics": {"ndcg@10": ndcg, "poplift@10": value}}],
        }
        for number, (ndcg, value) in enumerate(points)
    ]
    objectives = [OBJECTIVES[0], lift]
    found = selected(candidates(outcomes, ModelName.parse("BPR_ILE"), {}), objectives, 0.05)
    assert [each.front for each in found] == [True, True, False, False]
    assert [each.recommended for each in found] == [False, True, False, False]
    assert worst_values(found, objectives) == [0.297, -0.5]
    bound = Bound(lift, "<=", 0.2)
    assert [largest_violation(each, [bound]) for each in found] == pytest.approx([1.0, 0.0, 0.0, 1.5])
    (met,) = [each for each in selected(found, objectives, 0.0, [bound]) if each.recommended]
    assert met.mean["poplift@10"] == -0.1
