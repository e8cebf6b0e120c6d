"""The fewest trainings that serve all methods."""

from __future__ import annotations

from recbole_ile.experiments.comparison.methods import read_methods
from recbole_ile.experiments.comparison.plan import Plan, make_plan
from recbole_ile.plugin.catalogue.model_names import ModelName


def plan(*texts: str, seeds: int = 1, there: Plan | None = None, base: str = "BPR") -> Plan:
    methods = read_methods(list(texts), ModelName.parse(base), "ml-1m", {})
    earlier = [trial._asdict() for trial in there.trials] if there else []
    return make_plan(methods, list(range(seeds)), earlier)


def test_seven_methods_need_five_trainings_a_seed() -> None:
    found = plan(seeds=2)
    assert [trial.training["model"] for trial in found.trials] == ["BPR_PUFR_CP"] * 2 + [
        *("BPR_IPS_CP", "BPR_ILE_CP", "BPR_ILE_CP", "BPR_ILE_CP") * 2
    ]
    assert len(found.evaluations) == 14
    ensemble = found.evaluations["BPR", 0]
    assert ensemble.ranking == {"pufr_weight": 0.0, "cp_weight": 0.0}
    assert found.evaluations["BPR_CP", 0] == (ensemble.training, {"pufr_weight": 0.0})
    assert found.evaluations["BPR_PUFR", 0] == (ensemble.training, {"cp_weight": 0.0})
    assert found.evaluations["BPR", 1].training != ensemble.training


def test_settings_of_ranking_share_a_training_and_others_do_not() -> None:
    found = plan("BPR_CP", "BPR_CP:cp_weight=0.5", "BPR:learning_rate=0.01")
    assert [trial.training for trial in found.trials] == [
        {"model": "BPR_CP", "seed": 0},
        {"model": "BPR_CP", "seed": 0, "learning_rate": 0.01},
    ]
    assert found.trials[0].ranking == ({"cp_weight": 0.0}, {}, {"cp_weight": 0.5})


def test_an_ensemble_of_another_size_is_another_training() -> None:
    found = plan("BPR_PUFR", "BPR_PUFR:pufr_members=3")
    assert [trial.training.get("pufr_members") for trial in found.trials] == [None, 3]
    assert found.evaluations["BPR", 0].training == found.trials[0].id


def test_what_an_earlier_plan_trained_serves_again() -> None:
    earlier = plan()
    later = plan("BPR_CP:cp_weight=0.5", "BPR_ILE:std", there=earlier)
    assert {trial.id for trial in later.trials} < {trial.id for trial in earlier.trials}
    assert plan("BPR_CP").trials[0].training["model"] == "BPR_CP"


def test_a_base_that_cannot_be_mitigated_in_training_is_compared_with_cp() -> None:
    found = plan(base="EASE")
    assert [trial.training["model"] for trial in found.trials] == ["EASE_CP"]
