"""``sweep`` across models: wrong input, and from one command to a setting that runs, through an interruption."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
import yaml
from refusals import assert_refused_before_start

from recbole_ile.cli import main
from recbole_ile.experiments.engine.ledger import Ledger

FOLDER = Path("saved/sweeps/EASE_EP_CP+BPR_EP_CP-tiny")


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--model=BPR_EP,EASEE_EP"], "unknown model EASEE_EP, did you mean EASE_EP?"),
        (["--model=EASE_EP_CP,"], "there is nothing between two commas"),
        (["--model=auto,BPR"], "auto chooses the models; it stands alone"),
        (["--model=atuo"], "unknown model atuo, did you mean auto?"),
        (["--model=BPR_EP,BPR_EP"], "BPR_EP is named twice"),
        (["--model=BPR_EP,SASRec_EP"], "BPR is general and SASRec sequential"),
        (["--model=BPR_EP,LightGCN_EP", "--baseline=BRP"], "option baseline=BRP: unknown model BRP, did you mean BPR?"),
        (["--model=BPR_EP,LightGCN_EP", "--baseline=BPR_CP"], "a baseline is a model without mitigations, BPR say"),
        (["--model=BPR_EP,LightGCN_EP", "--budget=10"], "budget=10 is not allowed; 10 minutes are 10m"),
        (["--model=BPR_EP,LightGCN_EP", "--search=optuna"], "optuna suggests settings of one model"),
        (["--model=BPR_EP,LightGCN_EP", "--grid", "cp_weight=0.1"], "cp_weight is a setting of CP, which model BPR_EP"),
        (["--model=BPR_EP,LightGCN_EP", "--grid", "shrink=0.1"], "shrink is an option of none of the models"),
        (["--model=BPR_EP,LightGCN_EP", "--grid", "ep_wieght=0.1"], "unknown option ep_wieght, did you mean ep_weight"),
    ],
)
def test_wrong_input_is_one_line_before_anything_starts(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert_refused_before_start(["--dataset=ml-100k", *words], message, capsys, monkeypatch)


@pytest.mark.slow
@pytest.mark.usefixtures("one_ray")
def test_a_sweep_across_models_goes_on_where_it_was_and_its_setting_can_be_run(
    tiny: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--dataset=tiny", f"--data_path={tiny}", "--epochs=2", "--topk=[3]", "--valid_metric=NDCG@3"]
    words += ["--model=EASE_EP_CP,BPR_EP_CP", "--baseline=BPR", "--objectives=ndcg@3,upd@3"]
    words += ["--grid", "ep_weight=0.0,0.4", "--grid", "cp_weight=0.0,0.8", "--grid", "reg_weight=1.0,5.0"]
    assert main(["sweep", *words, "--budget=1s"]) == 0
    printed = capsys.readouterr().out
    assert "BPR_EP_CP has no reg_weight: left out for it." in printed
    assert "The budget of 1s left out 3 trainings, of BPR_EP_CP (1), EASE_EP_CP (2)." in printed
    assert main(["sweep", f"--resume={FOLDER}"]) == 0
    capsys.readouterr()
    ledger = Ledger(FOLDER)
    outcomes = ledger.outcomes()
    assert [entry["status"] for entry in outcomes.values()] == ["done"] * 3
    lost = next(name for name, entry in outcomes.items() if entry["training"]["model"] == "BPR_EP_CP")
    (FOLDER / "trials" / f"{lost}.json").unlink()
    (FOLDER / "report.html").unlink()
    assert main(["sweep", f"--resume={FOLDER}"]) == 0
    assert "1 trials, 2 are there already" in capsys.readouterr().out.replace("\n", " ")
    after = ledger.outcomes()
    assert after[lost]["metrics"] == outcomes[lost]["metrics"]
    assert {name: after[name] for name in after if name != lost} == {
        name: outcomes[name] for name in outcomes if name != lost
    }
    assert {row["model"] for row in rows(FOLDER / "trials.csv")} == {"EASE_EP_CP", "BPR_EP_CP"}
    assert {row["method"] for row in rows(FOLDER / "front.csv") if row["baseline"] == "True"} == {"BPR"}
    page = (FOLDER / "report.html").read_text()
    assert '"families"' in page
    assert "recommended against baseline, test part" in page
    settings = yaml.safe_load((FOLDER / "best.yaml").read_text())
    (best,) = [row for row in rows(FOLDER / "front.csv") if row["recommended"] == "True"]
    assert settings["model"] == best["model"]
    assert main(["run", "--config_files", str(FOLDER / "best.yaml"), "--show_progress=False"]) == 0
    (result,) = Path("saved").glob("*/result.json")
    again = json.loads(result.read_text())["best_valid_result"]
    assert again["ndcg@3"] == pytest.approx(float(best["valid_ndcg@3"]), abs=2e-3)
