"""With ``valid_tolerance`` the kept epoch is the fairest of those that are accurate enough."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from recbole_ile import run_recbole_ile
from recbole_ile.cli import main
from recbole_ile.functional.epoch_choice import update_choice
from recbole_ile.plugin.config.config import IleConfig
from recbole_ile.plugin.runs.preparation import build_model, prepare_data
from recbole_ile.plugin.training.seeding import seed_everything
from recbole_ile.plugin.training.trainer import get_trainer

MOVIES: dict[str, Any] = {
    "user_inter_num_interval": "[100,inf)",
    "epochs": 25,
    "learning_rate": 0.005,
    "valid_metric": "NDCG@10",
    "stopping_step": 3,
    "show_progress": False,
    "state": "ERROR",
}


def validations(model: str, **options: Any) -> tuple[list[dict[str, float]], tuple[float, dict[str, float]]]:
    """The results of all validations of a training, and the score and result of the kept one."""
    config = IleConfig(model, "ml-100k", config_dict={**MOVIES, **options})
    seed_everything(config)
    data = prepare_data(config)
    trainer = get_trainer(config)(config, build_model(config, data))
    seen: list[dict[str, float]] = []
    kept = trainer.fit(data.train, data.valid, callback_fn=lambda *_: seen.append(trainer.last_valid_result))
    return seen, kept


@pytest.mark.trains
@pytest.mark.parametrize("model", ["BPR", "BPR_ILE_CP"])
def test_the_fairest_of_the_accurate_epochs_is_kept(model: str) -> None:
    seen, (score, result) = validations(model, valid_tolerance=0.05, cp_weight=0.0)
    choice, wanted = None, -1
    for number, each in enumerate(seen):
        choice, keep = update_choice(choice, each["ndcg@10"], -each["upd@10"], 0.05)
        wanted = number if keep else wanted
    assert {name: result[name] for name in ("ndcg@10", "upd@10")} == {
        name: seen[wanted][name] for name in ("ndcg@10", "upd@10")
    }
    assert score == result["ndcg@10"]
    assert result["ndcg@10"] >= 0.95 * max(each["ndcg@10"] for each in seen)
    accurate, _ = validations(model, cp_weight=0.0)
    assert seen[: len(accurate)] == accurate, "training itself is the same"
    most = max(range(len(accurate)), key=lambda number: (accurate[number]["ndcg@10"], number))
    assert result["upd@10"] < accurate[most]["upd@10"]


@pytest.mark.trains
def test_another_metric_may_choose() -> None:
    seen, (_, result) = validations("BPR", valid_tolerance=1.0, valid_fairness="AD@10")
    assert result["ad@10"] == max(each["ad@10"] for each in seen)


@pytest.mark.trains
def test_a_metric_of_which_less_is_better_may_be_the_accuracy(tiny: Path) -> None:
    options = {"data_path": str(tiny), "topk": 2, "valid_metric": "UPD@2", "valid_tolerance": 0.1, "state": "ERROR"}
    settings = {**options, "valid_fairness": "AD@2", "epochs": 4}
    result = run_recbole_ile("BPR", "tiny", config_dict=settings)
    assert result["best_valid_score"] == result["best_valid_result"]["upd@2"]


@pytest.mark.trains
def test_an_interrupted_run_goes_on_with_what_it_knew() -> None:
    def words(**options: Any) -> list[str]:
        settings = {**MOVIES, "valid_tolerance": 0.05, **options}
        return ["run", "--model=BPR", "--dataset=ml-100k", *(f"--{key}={value}" for key, value in settings.items())]

    assert main(words()) == 0
    (path,) = Path("saved").glob("*/result.json")
    uninterrupted = json.loads(path.read_text())
    assert main(words(epochs=12, checkpoint_dir="cut")) == 0
    (checkpoint,) = Path("cut").glob("*.pth")
    assert main([*words(checkpoint_dir="cut"), f"--resume={checkpoint}"]) == 0
    resumed = json.loads((checkpoint.with_suffix("") / "result.json").read_text())
    for part in ("best_valid_score", "best_valid_result", "test_result", "group_losses"):
        assert resumed[part] == uninterrupted[part]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--valid_tolerance=-0.1"], "valid_tolerance=-0.1 is not allowed; it takes a number of at least 0"),
        (["--valid_tolerance=0.1", "--valid_fairness=UPD@5"], "'UPD@5' is not evaluated, did you mean UPD@2?"),
        (["--valid_tolerance=0.1", "--valid_fairness=UDP@2"], "did you mean UPD@2?"),
        (["--valid_tolerance=0.1", "--valid_fairness=AD@2", "--ile_target=upd@2<=0.1"], "leave out one"),
    ],
)
def test_what_cannot_choose_is_refused(
    tiny: Path, words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    usual = ["--model=BPR_ILE", "--dataset=tiny", f"--data_path={tiny}", "--topk=2", "--valid_metric=NDCG@2"]
    assert main([*usual, *words]) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("error: ")
    assert message in error
