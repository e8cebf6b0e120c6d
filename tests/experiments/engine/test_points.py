"""Points become trainings: one for all settings of ranking, and the base model once."""

from __future__ import annotations

import pytest

from recbole_ile.errors import InputError
from recbole_ile.experiments.engine.points import baselines, check_keys, is_baseline, make_trials, trial_id
from recbole_ile.experiments.sweep.space import grid_points, read_option, read_space
from recbole_ile.plugin.catalogue.model_names import ModelName


def planned(model: str, *options: str) -> list:
    space = [{key: domain for text in options for key, domain in read_option("grid", text).items()}]
    points = grid_points(space, 1, 0)
    return make_trials([*baselines(points, space, ModelName.parse(model), True), *points], ModelName.parse(model))


def test_settings_of_ranking_share_a_training() -> None:
    trials = planned("BPR_ILE_CP", "ile_lambda=0.1,0.3", "cp_weight=0.0,0.5,0.9")
    assert [trial.training for trial in trials] == [{"ile_lambda": 0.0}, {"ile_lambda": 0.1}, {"ile_lambda": 0.3}]
    assert [len(trial.ranking) for trial in trials] == [1, 3, 3]
    assert trials[0].ranking == ({"cp_weight": 0.0},)


def test_members_are_trained_and_their_weight_is_not() -> None:
    trials = planned("BPR_PUFR", "pufr_members=3,5", "pufr_weight=0.5,1.0")
    assert [trial.training for trial in trials] == [{"pufr_members": 3}, {"pufr_members": 5}]
    assert [len(trial.ranking) for trial in trials] == [3, 3]


def test_without_weight_the_distance_makes_no_difference() -> None:
    trials = planned("BPR_ILE", "ile_lambda=0,0.1", "ile_distance=std,mad")
    assert [trial.training for trial in trials] == [
        {"ile_lambda": 0.0},
        {"ile_lambda": 0.1, "ile_distance": "std"},
        {"ile_lambda": 0.1, "ile_distance": "mad"},
    ]


def test_every_seed_and_learning_rate_has_its_baseline() -> None:
    trials = planned("BPR_ILE", "ile_lambda=0.1", "seed=0,1", "learning_rate=0.01,0.001")
    bases = [trial for trial in trials if is_baseline(trial.training, ModelName.parse("BPR_ILE"), {})]
    assert len(bases) == 4
    assert planned("BPR", "learning_rate=0.01,0.001")[0].training == {"learning_rate": 0.01}


@pytest.mark.parametrize(("model", "n_trials"), [("BPR_ILE", 13), ("BPR_ILE_CP", 13), ("BPR_IPS", 5), ("BPR_PUFR", 1)])
def test_the_default_spaces(model: str, n_trials: int) -> None:
    from recbole_ile.experiments.sweep.space import merged

    space = merged([read_space(name, True) for name in ModelName.parse(model).suffixes])
    name = ModelName.parse(model)
    check_keys(space, name, {})
    points = grid_points(space, 1, 0)
    assert (
        len(make_trials([*baselines(points, space, ModelName.parse(model), True), *points], ModelName.parse(model)))
        == n_trials
    )


@pytest.mark.parametrize(
    ("model", "text", "fixed", "message"),
    [
        ("BPR_ILE", "ile_lamda=0.1", {}, "unknown option ile_lamda, did you mean ile_lambda"),
        (
            "BPR_ILE",
            "cp_weight=0.1",
            {},
            "cp_weight is a setting of CP, which model BPR_ILE is without; try BPR_ILE_CP",
        ),
        ("BPR_CP", "ile_lambda=0.1", {}, "try BPR_ILE_CP"),
        ("BPR_ILE", "ile_lambda=0.1", {"ile_lambda": 0.2}, "ile_lambda=0.2 is fixed"),
        ("BPR_ILE", "dataset=a,b", {}, "make a sweep for each"),
    ],
)
def test_a_key_that_cannot_be_swept_is_one_line(model: str, text: str, fixed: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        check_keys([read_option("grid", text)], ModelName.parse(model), fixed)


def test_an_id_is_that_of_the_settings() -> None:
    assert trial_id({"a": 1, "b": 0.5}) == trial_id({"b": 0.5, "a": 1}) != trial_id({"a": 1, "b": 0.25})
