"""A refit is the training on everything for the epochs that validation found, and its checkpoint says so."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from rich_data import LOADED

from recbole_ile import InputError, load_model, run_recbole_ile
from recbole_ile.cli import main
from recbole_ile.plugin.checkpoints.files import read_checkpoint
from recbole_ile.plugin.config.config import IleConfig
from recbole_ile.plugin.runs.refit import check_repeatable
from recbole_ile.plugin.runs.restoring import load_model_and_data

pytestmark = pytest.mark.usefixtures("undrawn")
FAST: dict[str, Any] = {"epochs": 4, "show_progress": False, "state": "ERROR", "load_col": LOADED, "learning_rate": 0.1}
FAST |= {"topk": 3, "valid_metric": "NDCG@3", "metrics": ["NDCG"], "rank_metric": "NDCG@3"}


@pytest.mark.trains
def test_it_is_the_training_on_everything_for_the_epochs_of_the_best(rich: Path) -> None:
    options = {**FAST, "data_path": str(rich)}
    found = run_recbole_ile("BPR", "rich", config_dict=options)["checkpoint"]
    epochs = read_checkpoint(found)["epoch"] + 1
    assert main(["run", f"--checkpoint={found}", "--refit", "--model=BPR_EP", "--ep_weight=0.3"]) == 0
    (refit,) = Path("saved").glob("BPR_EP-*.pth")
    everything = {**options, "epochs": epochs, "eval_args.split": {"RS": [1, 0, 0]}}
    expected = load_model(run_recbole_ile("BPR", "rich", config_dict=everything)["checkpoint"]).state_dict()
    model, _, data = load_model_and_data(refit)
    assert all(torch.equal(model.state_dict()[name], value) for name, value in expected.items())
    assert [len(part._dataset) for part in (data.train, data.valid, data.test)] == [84, 0, 0]
    result = json.loads(refit.with_suffix("").joinpath("result.json").read_text(encoding="utf-8"))
    assert result["refit"] == {"of": found, "epochs": epochs}
    assert result["test_result"] == {}


@pytest.mark.trains
def test_its_lists_hold_nothing_that_was_used_and_it_is_not_evaluated(
    rich: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = run_recbole_ile("EASE_EP", "rich", config_dict={**FAST, "data_path": str(rich), "ep_weight": "auto"})
    result = run_recbole_ile(checkpoint=found["checkpoint"], refit=True)
    refit = result["checkpoint"]
    config = read_checkpoint(refit)["config"]
    assert config["ep_weight"] == pytest.approx(found["ranking"]["chosen"]["ep_weight"])
    assert main(["recommend", f"--checkpoint={refit}", "--all", "--k=15", "--out=lists.parquet"]) == 0
    lists = pd.read_parquet("lists.parquet")
    used = pd.read_csv(rich / "rich" / "rich.inter", sep="\t").iloc[:, :2].set_axis(["user_id", "item_id"], axis=1)
    assert len(lists.merge(used)) == 0
    assert len(lists) == 12 * 15 - len(used)
    for words in ([], ["--refit"]):
        assert main(["run", f"--checkpoint={refit}", *words]) == 2
        said = capsys.readouterr().err
        assert f"holds a refit of {found['checkpoint']} on all interactions, so that nothing is left" in said


def test_what_one_number_of_epochs_does_not_repeat_is_refused() -> None:
    for model, options, message in (
        ("BPR_ILE", {"ile_target": "upd@10<=0.1"}, "for ile_target steers by the validation part"),
        ("BPR_PUFR", {}, "for the members of PUFR have a number of epochs each"),
        ("RaCT", {"train_stage": "actor_pretrain"}, "for its training has stages"),
    ):
        with pytest.raises(InputError, match=f"option refit: checkpoint x.pth cannot be trained .*{message}"):
            check_repeatable("x.pth", IleConfig(model, "ml-100k", config_dict=options))
    check_repeatable("x.pth", IleConfig("BPR_ILE_CP", "ml-100k"))


def test_it_needs_a_checkpoint(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["--model=BPR", "--dataset=ml-100k"], ["--checkpoint=x.pth", "--reprice"]):
        assert main(["run", "--refit", *words]) == 2
        assert "option refit=True trains the setting of a checkpoint" in capsys.readouterr().err
