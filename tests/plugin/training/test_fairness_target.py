"""A fairness target: the weight is adapted after the model has learned, and the best model is one that meets it."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path
from typing import Any

import pytest

from recbole_ile import run_recbole_ile
from recbole_ile.cli import main
from recbole_ile.metric import Better, better_of
from recbole_ile.plugin.catalogue.mitigations import find_mitigation
from recbole_ile.plugin.config.config import IleConfig
from recbole_ile.plugin.config.rules import TARGETS
from recbole_ile.plugin.evaluation.metrics import METRICS
from recbole_ile.plugin.runs.preparation import build_model, prepare_data
from recbole_ile.plugin.training.fairness_target import Controller
from recbole_ile.plugin.training.trainer import get_trainer

TINY = {"topk": 2, "valid_metric": "NDCG@2", "state": "ERROR", "ile_lambda": 0.2}
MOVIES: dict[str, Any] = {
    "user_inter_num_interval": "[100,inf)",
    "epochs": 60,
    "learning_rate": 0.005,
    "valid_metric": "NDCG@10",
    "ile_distance": "std",
    "ile_lambda": 0.1,
    "stopping_step": 8,
    "show_progress": False,
    "state": "ERROR",
}


def controller(**options: Any) -> Controller:
    usual = find_mitigation("ILE").options
    return Controller({**usual, "ile_lambda": 0.6, "ile_target_range": 3, **options})


def test_nothing_is_judged_before_accuracy_has_stopped_rising() -> None:
    found = controller(ile_target_wait=2)
    assert [found.has_learned(each) for each in (0.1, 0.2, 0.15, 0.21, 0.2, 0.2)] == [False] * 5 + [True]
    assert found.has_learned(0.9), "what has learned once has learned"


def test_the_weight_follows_its_steps_and_is_pushed_while_the_target_is_missed() -> None:
    found = controller(ile_target_rate=0.5, ile_target_wait=2, ile_target_push=0.25)
    found.steer(0.4)
    assert found.target_weight == pytest.approx(0.2)
    assert found.weight == pytest.approx(0.2 * math.exp(0.25 * 0.4))
    found.steer(0.4)
    assert found.target_weight == pytest.approx(0.2 * math.exp(0.5 * 0.4))
    assert found.weight == pytest.approx(0.2 * math.exp(0.5 * 0.4 + 0.25 * 0.4))
    for _ in range(20):
        found.steer(1.0)
    assert found.weight == pytest.approx(1.8)
    assert not found.can_be_raised
    for _ in range(40):
        found.steer(-1.0)
    assert found.weight == pytest.approx(0.2)


def test_the_weight_waits_while_the_model_gets_fairer_by_itself() -> None:
    found = controller(ile_target_rate=0.5, ile_target_wait=1, ile_target_push=0.0)
    found.steer(0.4)
    raised = found.target_weight
    found.steer(0.38)
    found.steer(0.3)
    assert found.target_weight == raised > 0.2
    found.steer(0.29)
    assert found.target_weight == pytest.approx(raised * math.exp(0.5 * 0.29))


def test_a_controller_goes_on_from_its_state() -> None:
    whole, first = controller(ile_target_wait=2), controller(ile_target_wait=2)
    steps = (0.4, 0.4, 0.1, 0.3, -0.2, 0.2)
    weights = []
    for each in steps:
        whole.has_learned(each)
        whole.steer(each)
        weights.append(whole.weight)
    for each in steps[:3]:
        first.has_learned(each)
        first.steer(each)
    second = controller(ile_target_wait=2)
    second.load_state_dict(first.state_dict())
    for number, each in enumerate(steps[3:], 3):
        second.has_learned(each)
        second.steer(each)
        assert second.weight == weights[number]


def model(tiny: Path, **options: Any) -> Any:
    """Return a model with the trainer that trains it."""
    config = IleConfig("BPR_ILE", "tiny", config_dict={**TINY, "data_path": str(tiny), **options})
    net = build_model(config, prepare_data(config))
    get_trainer(config)(config, net)
    return net


def test_with_a_target_training_starts_with_the_least_weight(tiny: Path) -> None:
    assert model(tiny, ile_target="upd@2<=0.1", ile_target_range=4).ile_lambda == pytest.approx(0.05)
    assert model(tiny, ile_target_range=4).ile_lambda == 0.2


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.__name__)
def test_all_our_metrics_but_that_which_is_best_at_zero_may_be_targets(tiny: Path, metric: Any) -> None:
    name, better = metric.__name__, better_of(metric.__name__.lower())
    assert (name.lower() in TARGETS) == (better is not Better.ZERO)
    if better is not Better.ZERO:
        options = {"metrics": ["NDCG", name], "ile_target": f"{name}@2{better.operator}0.1", "data_path": str(tiny)}
        assert IleConfig("BPR_ILE", "tiny", config_dict={**TINY, **options})["ile_target"] == options["ile_target"]


@pytest.mark.trains
def test_a_target_within_reach_is_met_by_an_accurate_model(capsys: pytest.CaptureFixture[str]) -> None:
    words = [f"--{key}={value}" for key, value in MOVIES.items()]
    assert main(["run", "--model=BPR_ILE", "--dataset=ml-100k", "--ile_target=upd@10<=0.08", *words]) == 0
    (path,) = Path("saved").glob("*/result.json")
    result = json.loads(path.read_text())
    target, course = result["target"], result["target_course"]
    assert target["wanted"] == "upd@10<=0.08"
    assert target["met"]
    assert target["valid"] == result["best_valid_result"]["upd@10"] <= 0.08
    assert target["test"] == result["test_result"]["upd@10"]
    assert result["best_valid_score"] == result["best_valid_result"]["ndcg@10"]
    assert {entry["ile_lambda"] for entry in course[:3]} == {0.01}, "the least weight, until something is learned"
    assert len({entry["ile_lambda"] for entry in course}) > 3
    assert all(0.01 <= entry["ile_lambda"] <= 1.0 for entry in course)
    assert len(course) == len(result["group_losses"])
    rows = list(csv.DictReader((path.parent / "ile_target.csv").open()))
    assert [float(row["value"]) for row in rows] == [entry["value"] for entry in course]
    assert (path.parent / "ile_target.png").stat().st_size > 10_000
    assert f"target upd@10<=0.08: met; upd@10 {target['valid']:.4f} on the validation part" in capsys.readouterr().out


@pytest.mark.slow
def test_a_target_out_of_reach_is_said_to_be_missed_and_leaves_the_closest(capsys: pytest.CaptureFixture[str]) -> None:
    words = [f"--{key}={value}" for key, value in {**MOVIES, "ile_target_range": 2, "epochs": 40}.items()]
    assert main(["run", "--model=BPR_ILE", "--dataset=ml-100k", "--ile_target=upd@10<=0.001", *words]) == 0
    (path,) = Path("saved").glob("*/result.json")
    result = json.loads(path.read_text())
    assert not result["target"]["met"]
    judged = [entry["value"] for entry in result["target_course"] if entry["ile_lambda"] != 0.05]
    assert result["target"]["valid"] == min(judged)
    assert "target upd@10<=0.001: missed, this is the closest" in capsys.readouterr().out


@pytest.mark.trains
def test_without_a_target_nothing_is_added(tiny: Path) -> None:
    result = run_recbole_ile("BPR_ILE", "tiny", config_dict={**TINY, "data_path": str(tiny), "epochs": 2}, saved=False)
    assert "target" not in result
    assert "target_course" not in result


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--ile_target=upd@2<0.1"], "it is written metric@k<=number"),
        (["--ile_target=upd@2>=0.1"], "ILE makes upd lower; write <="),
        (["--ile_target=ad@2<=0.1"], "ILE makes ad higher; write >="),
        (["--ile_target=ndcg@2>=0.1"], "ndcg is nothing that ILE improves"),
        (["--ile_target=poplift@2<=0.1"], "poplift is nothing that ILE improves"),
        (["--ile_target=aplt@2<=0.1"], "ILE makes aplt higher; write >="),
        (["--ile_target=popreo@2<=0.1"], "popreo@2 is not evaluated"),
        (["--ile_target=updd@2<=0.1"], "did you mean upd?"),
        (["--ile_target=upd@5<=0.1"], "upd@5 is not evaluated"),
        (["--ile_target=upd@2<=0.1", "--ile_lambda=0"], "needs a first weight above 0"),
        (["--ile_target=upd@2<=0.1", "--model=BPR_ILE_PUFR"], "go their own way"),
        (["--ile_target_wait=0"], "ile_target_wait=0"),
        (["--ile_target=5"], "ile_target=5"),
    ],
)
def test_what_is_no_target_is_refused(
    tiny: Path, words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    model_word = [] if any(word.startswith("--model") for word in words) else ["--model=BPR_ILE"]
    usual = [*model_word, "--dataset=tiny", f"--data_path={tiny}", "--topk=2", "--valid_metric=NDCG@2"]
    assert main([*usual, *words]) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("error: ")
    assert message in error
