"""What version 0.1 wrote is read: its checkpoints, sweeps and comparisons go on as if it had gone on itself."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
import yaml
from written_by_0_1.write import LISTED, scores_of

from recbole_ile import load_model, run_recbole_ile
from recbole_ile.cli import main
from recbole_ile.experiments.engine.ledger import Ledger
from recbole_ile.plugin.checkpoints.files import read_checkpoint
from recbole_ile.plugin.runs.restoring import load_model_and_data

WRITTEN = Path(__file__).parent / "written_by_0_1"
KNOWN = json.loads((WRITTEN / "known.json").read_text())
FINISHED = pytest.mark.parametrize("name", [name for name, known in KNOWN.items() if "scores" in known])
INTERRUPTED = pytest.mark.parametrize("name", [name for name, known in KNOWN.items() if "resumed" in known])
QUIET = {"show_progress": False, "state": "ERROR"}


@pytest.fixture
def options() -> dict[str, Any]:
    """Where the data of the old runs lie now, under a path that no checkpoint knows."""
    shutil.copytree(WRITTEN / "data", "moved")
    return {**QUIET, "data_path": "moved"}


def checkpoint(name: str) -> Path:
    """Return a copy of an old checkpoint, alone in the folder where runs are saved."""
    (path,) = (WRITTEN / "checkpoints").glob(f"{name}.pth*")
    Path("saved").mkdir()
    return Path(shutil.copy(path, "saved"))


def metrics(result: dict[str, Any]) -> dict[str, Any]:
    return {name: result[name] for name in ("best_valid_score", "best_valid_result", "test_result")}


def assert_same_epochs(result: dict[str, Any], known: dict[str, Any], whole: bool = True) -> None:
    """Compare what is told of each epoch; of a checkpoint, those up to the epoch that it keeps."""
    for kind in ("group_losses", "target_course"):
        now, then = result.get(kind, []), known.get(kind, [])
        assert len(now) == len(then) if whole else len(now) <= len(then)
        assert bool(now) == bool(then)
        for one, other in zip(now, then, strict=whole):
            assert one.keys() == other.keys()
            assert all(one[name] == pytest.approx(other[name], rel=1e-5) for name in one)


@FINISHED
def test_a_checkpoint_gives_the_scores_that_it_gave(name: str, options: dict[str, Any]) -> None:
    model, _, data = load_model_and_data(checkpoint(name), options)
    scores = scores_of(model, data.dataset, LISTED.split(","))
    for user, known in KNOWN[name]["scores"].items():
        assert scores[user] == pytest.approx(known, rel=1e-5, abs=1e-7)


def test_load_model_reads_a_checkpoint(options: dict[str, Any]) -> None:
    assert not load_model(checkpoint("target"), options).training


@FINISHED
def test_a_checkpoint_is_evaluated_as_it_was(name: str, options: dict[str, Any]) -> None:
    again = run_recbole_ile(checkpoint=checkpoint(name), config_dict=options)
    assert metrics(again) == metrics(KNOWN[name]["result"])
    assert_same_epochs(again, KNOWN[name]["result"], whole=False)


@FINISHED
def test_a_checkpoint_recommends_what_it_recommended(name: str, options: dict[str, Any]) -> None:
    words = [f"--checkpoint={checkpoint(name)}", f"--users={LISTED}", "--k=5", "--out=lists.csv"]
    assert main(["recommend", *words, f"--data_path={options['data_path']}"]) == 0
    now, then = (list(csv.reader(text.splitlines())) for text in (Path("lists.csv").read_text(), KNOWN[name]["lists"]))
    assert [row[:3] for row in now] == [row[:3] for row in then]
    assert [float(row[3]) for row in now[1:]] == pytest.approx([float(row[3]) for row in then[1:]], rel=1e-5, abs=1e-7)


@pytest.mark.trains
@INTERRUPTED
def test_an_interrupted_run_ends_as_the_old_version_ended_it(name: str, options: dict[str, Any]) -> None:
    longer = {} if name.startswith("ensemble") else {"epochs": 4}
    result = run_recbole_ile(resume=checkpoint(name), config_dict={**options, **longer})
    whole = name.partition("-")[0]
    assert KNOWN[name]["resumed"] == KNOWN[whole]["result"], "the old version went on as if nothing had happened"
    assert metrics(result) == metrics(KNOWN[name]["resumed"])
    assert_same_epochs(result, KNOWN[name]["resumed"])
    known = read_checkpoint(WRITTEN / "checkpoints" / f"{whole}.pth")["state_dict"]
    trained = read_checkpoint(result["checkpoint"])["state_dict"]
    assert trained.keys() == known.keys()
    for key, values in known.items():
        torch.testing.assert_close(trained[key], values, rtol=1e-4, atol=1e-6)


def test_the_old_checkpoints_hold_what_the_old_version_alone_wrote() -> None:
    held = {
        name: read_checkpoint(WRITTEN / "checkpoints" / f"{name}.pth")["other_parameter"]
        for name in ("target-2-of-4", "tolerant", "ensemble")
    }
    assert all({"group_loss_history", "training_progress"} <= other.keys() for other in held.values())
    assert [step["epoch"] for step in held["target-2-of-4"]["ile_target_course"]] == [0, 1]
    best, accuracy, _ = held["tolerant"]["valid_tolerance_choice"]
    assert accuracy < best, "the tolerance has chosen another epoch than the most accurate"


def copied(kind: str) -> Path:
    """Return a copy of an old folder."""
    return Path(shutil.copytree(WRITTEN / kind, kind))


def moved(kind: str) -> Path:
    """Return a copy of an old folder whose data lie elsewhere now, as its settings file is told."""
    folder = copied(kind)
    settings = folder / f"{kind}.yaml"
    content = yaml.safe_load(settings.read_text())
    content["fixed"]["data_path"] = str(shutil.copytree(WRITTEN / "data", Path("moved").resolve()))
    settings.write_text(yaml.safe_dump(content, sort_keys=False))
    return folder


def table(path: Path, *left_out: str) -> list[dict[str, Any]]:
    """Return the rows of a table, numbers rounded as evaluations are, without the columns that are named."""
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    return [{name: _number(text) for name, text in row.items() if not name.startswith(left_out)} for row in rows]


def _number(text: str) -> Any:
    try:
        return round(float(text), 4)
    except ValueError:
        return text


def test_the_ledgers_of_old_folders_are_whole() -> None:
    for kind, trained in (("sweep", 3), ("comparison", 2)):
        ledger = Ledger(copied(kind), kind, metrics=["ndcg@10", "upd@10"])
        assert ledger.finished().keys() == {trial["id"] for trial in ledger.planned()}
        assert len(ledger.finished()) == trained
        assert ledger.tests()
        assert ledger.damaged == set()
        for outcome in ledger.outcomes().values():
            assert read_checkpoint(ledger.folder / outcome["checkpoint"] / "model.pth")["config"]["dataset"] == "small"


@pytest.mark.slow
@pytest.mark.usefixtures("one_ray")
def test_a_finished_sweep_is_reported_without_any_training(capsys: pytest.CaptureFixture[str]) -> None:
    folder = moved("sweep")
    before, tests = Ledger(folder).outcomes(), Ledger(folder).tests()
    assert main(["sweep", f"--resume={folder}", "--max_concurrent=1"]) == 0
    assert "all 3 trials are there already" in capsys.readouterr().out
    assert Ledger(folder).outcomes() == before
    assert {name: Ledger(folder).tests()[name]["metrics"] for name in tests} == {
        name: point["metrics"] for name, point in tests.items()
    }
    for name in ("trials.csv", "front.csv"):
        assert table(folder / name, "checkpoint") == table(WRITTEN / "sweep" / name, "checkpoint"), name
    assert (folder / "report.html").stat().st_size > 0


@pytest.mark.slow
@pytest.mark.usefixtures("one_ray")
def test_of_an_unfinished_sweep_only_the_missing_trial_is_trained(capsys: pytest.CaptureFixture[str]) -> None:
    lost = max(trial["id"] for trial in Ledger(WRITTEN / "sweep").planned() if trial["training"]["ile_lambda"])
    folder = moved("sweep")
    shutil.rmtree(folder / Ledger(folder).outcomes()[lost]["checkpoint"])
    (folder / "trials" / f"{lost}.json").unlink()
    before = Ledger(folder).outcomes()
    assert lost not in before
    assert len(before) == 2
    assert main(["sweep", f"--resume={folder}", "--max_concurrent=1"]) == 0
    assert "1 trials, 2 are there already" in capsys.readouterr().out
    after = Ledger(folder).outcomes()
    assert {name: after[name] for name in before} == before
    assert after[lost]["metrics"] == Ledger(WRITTEN / "sweep").outcomes()[lost]["metrics"]
    assert table(folder / "front.csv") == table(WRITTEN / "sweep" / "front.csv")


@pytest.mark.slow
@pytest.mark.usefixtures("one_ray")
def test_a_finished_comparison_is_reported_without_any_training(capsys: pytest.CaptureFixture[str]) -> None:
    folder = moved("comparison")
    before = Ledger(folder, "comparison").outcomes()
    assert main(["compare", f"--resume={folder}", "--jobs=1"]) == 0
    assert "all 2 trainings are there already" in capsys.readouterr().out
    assert Ledger(folder, "comparison").outcomes() == before
    assert table(folder / "table.csv") == table(WRITTEN / "comparison" / "table.csv")
    users, known = (pd.read_parquet(path / "per_user.parquet") for path in (folder, WRITTEN / "comparison"))
    pd.testing.assert_frame_equal(users, known)
