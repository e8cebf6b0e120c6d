"""A sweep across models: what is tried of each, which come first, when one is given up, and the time there is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recbole_ile.errors import InputError
from recbole_ile.experiments.sweep.budget import Budget, kept_for_report, read_budget
from recbole_ile.experiments.sweep.dominated import MARGIN, dominated_bases
from recbole_ile.experiments.sweep.models import (
    DENSE_ITEMS,
    Swept,
    auto_models,
    check_named,
    check_together,
    fitting_space,
    too_wide,
    trials_of,
)
from recbole_ile.experiments.sweep.rounds import next_trainings
from recbole_ile.experiments.sweep.selection import (
    base_model_of,
    best_of_methods,
    candidates,
    method_volumes,
    selected,
)
from recbole_ile.experiments.sweep.space import by_model, read_option, read_space, spaces_text
from recbole_ile.metric import Metric
from recbole_ile.plugin.catalogue.model_names import ModelName
from recbole_ile.plugin.catalogue.model_options import has_option
from recbole_ile.plugin.config.known_keys import check_known
from recbole_ile.report.sweep.files import best_config, command, label

OBJECTIVES = [Metric.parse("ndcg@10"), Metric.parse("upd@10")]
EASE, BPR = ModelName.parse("EASE_EP_CP"), ModelName.parse("BPR_LA_EP_CP")


@pytest.mark.parametrize(
    ("model", "option", "has"),
    [
        ("EASE_EP", "reg_weight", True),
        ("BPR_EP", "reg_weight", False),
        ("LightGCN", "reg_weight", True),
        ("BPR", "cp_weight", False),
        ("BPR_CP", "cp_weight", True),
        ("BPR", "learning_rate", True),
        ("EASE", "learning_rate", False),
        ("EASE", "item_group_by", True),
        ("BPR", "train_neg_sample_args.alpha", True),
        ("EASE", "train_neg_sample_args.alpha", False),
    ],
)
def test_a_model_has_its_own_options_and_the_general_ones_that_it_reads(model: str, option: str, has: bool) -> None:
    assert has_option(ModelName.parse(model), option) is has


def test_what_a_model_has_not_is_left_out_of_its_space() -> None:
    front = read_space("front", exhaustive=True)
    fitting, without = fitting_space(front, EASE)
    assert fitting == [{"cp_weight": front[0]["cp_weight"]}]
    assert without == ["la_tau", "ile_lambda", "ile_distance"]
    assert fitting_space([read_option("grid", "reg_weight=1.0")], BPR) == ([], ["reg_weight"])


def test_the_trials_of_all_models_name_theirs_and_have_their_baselines() -> None:
    space = [read_option("grid", "reg_weight=1.0,2.0") | read_option("grid", "cp_weight=0.0,0.8")]
    trials = trials_of([Swept(EASE, space), Swept(ModelName("BPR"), [{}])], True, 1, 0)
    assert [trial.training for trial in trials] == [
        {"model": "EASE_EP_CP", "reg_weight": 1.0},
        {"model": "EASE_EP_CP", "reg_weight": 2.0},
        {"model": "BPR"},
    ]
    assert {"ep_weight": 0.0, "cp_weight": 0.0} in trials[0].ranking
    assert trials[2].ranking == ({},)


def test_a_file_may_have_a_space_for_each_model(tmp_path: Path) -> None:
    path = tmp_path / "space.yaml"
    spaces = {"EASE": [read_option("grid", "reg_weight=1.0")], "BPR_LA_EP_CP": [read_option("uniform", "la_tau=0,1")]}
    path.write_text(spaces_text(spaces))
    assert by_model(path) == spaces
    check_named(spaces, [EASE, BPR], "space.yaml")
    with pytest.raises(InputError, match="BPR_LA_EP_CP is no model of this sweep, did you mean BPR_EP_CP"):
        check_named(spaces, [EASE, ModelName.parse("BPR_EP_CP")], "space.yaml")
    path.write_text("reg_weight: {grid: [1.0]}\n")
    assert by_model(path) is None, "a space of one model"


def test_auto_tries_options_that_its_models_have() -> None:
    chosen = auto_models()
    assert [each.name.base for each in chosen][-1] == "LightGCN"
    for name, space in chosen:
        keys = {key for alternative in space for key in alternative}
        check_known(keys)
        assert all(has_option(name, key) for key in keys), name
        assert name.refusal() is None


def test_models_of_different_kinds_share_no_data() -> None:
    with pytest.raises(InputError, match="BPR is general and SASRec sequential"):
        check_together([BPR, ModelName("SASRec")])
    with pytest.raises(InputError, match="EASE_EP_CP is named twice"):
        check_together([EASE, EASE])


def test_models_are_left_out_where_the_data_are_too_wide_for_them() -> None:
    assert too_wide(EASE, 10**6, DENSE_ITEMS) is None
    assert "needs a matrix of all pairs of the 20,001 items" in str(too_wide(EASE, 10, DENSE_ITEMS + 1))
    assert "too many" in str(too_wide(ModelName("ItemKNN"), 10_000, 2_000))
    assert too_wide(BPR, 10**6, 10**6) is None


def outcome(number: int, model: str, *points: tuple[float, float, float], **training: Any) -> dict[str, Any]:
    found = [
        {"ranking": {"ep_weight": 0.0, "cp_weight": weight}, "metrics": {"ndcg@10": ndcg, "upd@10": upd}}
        for weight, ndcg, upd in points
    ]
    return {"id": str(number), "status": "done", "training": {"model": model, **training}, "points": found}


OUTCOMES = [
    outcome(0, "BPR_LA_EP_CP", (0.0, 0.27, 0.12), la_tau=0.0),
    outcome(1, "BPR_LA_EP_CP", (0.0, 0.26, 0.10), (0.8, 0.25, 0.07), la_tau=0.2),
    outcome(2, "EASE_EP_CP", (0.0, 0.30, 0.11), (0.8, 0.28, 0.03), reg_weight=250.0),
]


def test_the_recommendation_is_across_models_and_against_the_stated_baseline() -> None:
    found = selected(candidates(OUTCOMES, BPR, {}, ModelName("BPR")), OBJECTIVES, 0.05)
    assert [each.method for each in found] == ["BPR", "BPR_LA", "BPR_LA_CP", "EASE", "EASE_CP"]
    assert [each.baseline for each in found] == [True, False, False, False, False]
    (best,) = [each for each in found if each.recommended]
    assert label(best) == "EASE_CP: reg_weight=250, cp_weight=0.8"
    assert "model: EASE_EP_CP\n" in best_config(best, BPR, "tiny", {})
    assert command(best, BPR, "tiny", {}).count("--model=") == 1
    others = selected(candidates(OUTCOMES, EASE, {}, ModelName("EASE")), OBJECTIVES, 0.05)
    assert [each.method for each in others if each.baseline] == ["EASE"]
    assert [label(each) for each in others if each.recommended] == ["baseline: reg_weight=250"]
    assert list(best_of_methods(found, OBJECTIVES, 0.05, named=base_model_of)) == ["BPR", "EASE"]
    assert [each.method for each in method_volumes(found, OBJECTIVES, base_model_of)] == [
        *("BPR", "EASE"),
        "all together",
    ]


def test_a_model_is_given_up_if_each_of_its_settings_is_beaten_by_the_margin() -> None:
    assert dominated_bases(candidates(OUTCOMES, BPR, {}, ModelName("BPR")), OBJECTIVES) == {"BPR": "EASE"}
    near = [*OUTCOMES[:2], outcome(2, "EASE_EP_CP", (0.0, 0.30, 0.11), (0.8, 0.28, 0.0951))]
    assert dominated_bases(candidates(near, BPR, {}, ModelName("BPR")), OBJECTIVES) == {}, "la_tau=0.2 is near"
    assert dominated_bases(candidates(OUTCOMES[:2], BPR, {}, ModelName("BPR")), OBJECTIVES) == {}
    assert 0 < MARGIN < 1


def planned(*models: str) -> list[dict[str, Any]]:
    return [{"id": str(number), "training": {"model": model}} for number, model in enumerate(models)]


def ids(trials: list[dict[str, Any]]) -> str:
    return "".join(trial["id"] for trial in trials)


def test_cheap_models_come_first_and_one_training_of_each_before_the_others() -> None:
    missing = planned("EASE_EP", "EASE_EP", "ItemKNN", "BPR_EP", "BPR_EP", "LightGCN", "LightGCN")
    assert ids(next_trainings(missing, (), (), "EASE")) == "02"
    assert ids(next_trainings(missing, (), (), "BPR")) == "023", "the baseline is not left to the end of a budget"
    assert ids(next_trainings(missing[1:2] + missing[3:], {"EASE", "ItemKNN"}, (), "EASE")) == "1"
    assert ids(next_trainings(missing[1:2] + missing[3:], {"EASE", "ItemKNN"}, {"EASE"}, "EASE")) == "35"
    begun = {"EASE", "ItemKNN", "BPR", "LightGCN"}
    assert ids(next_trainings([missing[4], missing[6]], begun, (), "EASE")) == "46"
    assert ids(next_trainings([missing[4], missing[6]], begun, {"BPR"}, "EASE")) == "6"
    assert next_trainings([missing[4]], begun, {"BPR"}, "EASE") == []


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90.0), ("30m", 1800.0), ("1.5h", 5400.0)])
def test_a_budget_is_a_time(text: str, seconds: float) -> None:
    assert read_budget(text) == seconds


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("30", "budget=30 is not allowed; 30 minutes are 30m; it is a time such as 90s, 30m or 1.5h"),
        ("30min", "30 minutes are 30m"),
        ("soon", "budget=soon is not allowed; it is a time"),
        ("0s", "it is at least 1s"),
        ("-5m", "is not allowed"),
    ],
)
def test_a_budget_that_is_no_time_is_refused(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_budget(text)


@given(st.floats(1, 1e6), st.floats(0, 2e6))
def test_nothing_is_trained_in_the_part_that_is_kept_for_the_report(seconds: float, later: float) -> None:
    budget = Budget(seconds, 0.0)
    left = budget.left_for_training(later)
    assert left == pytest.approx(max(0.0, seconds - kept_for_report(seconds) - later))
    assert budget.is_spent(later) == (left == 0.0)
    assert 0 < kept_for_report(seconds) <= min(60.0, seconds / 2)
    assert Budget(None, 0.0).left_for_training(later) is None
    assert not Budget(None, 0.0).is_spent(later)
