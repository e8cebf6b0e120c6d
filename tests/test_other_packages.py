"""Mitigations of another package: every command knows them, with no edit in this one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import toy_package
from atomic import tiny_lines, write_atomic

pytestmark = pytest.mark.trains

SMALL = (
    "--epochs=2",
    "--topk=2",
    "--valid_metric=NDCG@2",
    "--embedding_size=8",
    "--show_progress=False",
    "--state=ERROR",
)


@pytest.fixture
def run(tmp_path: Path) -> object:
    """Run the command line in a process in which the package is installed; return what it printed."""
    packages = toy_package.install(tmp_path / "packages")
    write_atomic(tmp_path / "data", "tiny", tiny_lines())

    def call(*words: str, code: int = 0) -> str:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(packages), os.environ.get("PYTHONPATH", "")])}
        ended = subprocess.run(
            [sys.executable, "-m", "recbole_ile", *words], capture_output=True, text=True, env=environment, timeout=500
        )
        assert ended.returncode == code, ended.stdout + ended.stderr
        return ended.stdout + ended.stderr

    return call


def options(tmp_path: Path) -> tuple[str, ...]:
    return ("--dataset=tiny", f"--data_path={tmp_path / 'data'}", *SMALL)


def result(folder: Path) -> dict:
    return json.loads((folder / "result.json").read_text())


@pytest.mark.slow
def test_a_run_and_all_that_follows_knows_them(run, tmp_path: Path) -> None:
    table = run("doctor", "--models")
    assert "LOUD" in table
    assert "LAST" in table
    run("run", "--model=BPR_LOUD_LAST", *options(tmp_path), "--checkpoint_dir=a")
    (folder,) = Path("a").glob("*/")
    checkpoint = f"{folder}.pth"
    found = result(folder)
    assert found["model"] == "BPR_LOUD_LAST"

    run("run", f"--checkpoint={checkpoint}", "--last_weight=0")
    other = result(folder / "evaluation-1")
    assert other["test_result"] != found["test_result"]
    assert "takes a number" in run("run", f"--checkpoint={checkpoint}", "--last_weight=x", code=2)
    assert "did you mean last_weight?" in run("run", f"--checkpoint={checkpoint}", "--last_wieght=1", code=2)

    run("recommend", f"--checkpoint={checkpoint}", "--all", "--k=1", "--out=lists.csv")
    lists = pd.read_csv("lists.csv", dtype=str)
    assert len(set(lists["item_id"])) < 3, "the last item that a user does not know is first"

    run("run", f"--resume={checkpoint}", "--epochs=3")
    assert [each["epoch"] for each in result(folder)["group_losses"]][-1] == 2


@pytest.mark.slow
def test_several_processes_know_them(run, tmp_path: Path) -> None:
    run("run", "--model=BPR_LOUD_LAST", "--nproc=2", *options(tmp_path), "--checkpoint_dir=a")
    (folder,) = Path("a").glob("*/")
    assert result(folder)["model"] == "BPR_LOUD_LAST"


@pytest.mark.slow
def test_a_sweep_and_a_comparison_know_them(run, tmp_path: Path) -> None:
    run("sweep", "--model=BPR_LOUD_LAST", *options(tmp_path), "--objectives=ndcg@2,upd@2")
    table = pd.read_csv(next(Path("saved/sweeps").glob("*/trials.csv")))
    tried = set(zip(table["loud_factor"], table["last_weight"], strict=True))
    assert tried >= {(1.0, 0.0), (0.5, 0.0), (0.5, 1000.0), (4.0, 0.0), (4.0, 1000.0)}
    methods = "BPR_LOUD,BPR_LAST,BPR_CP,BPR_LOUD:loud_factor=3"
    run("compare", f"--methods={methods}", "--seeds=1", *options(tmp_path))
    (folder,) = Path("saved/comparisons").glob("*/")
    compared = pd.read_csv(folder / "table.csv")
    assert set(compared["method"]) == {"BPR", *methods.split(",")}


@pytest.mark.parametrize(
    ("entry_points", "told"),
    [
        ("cp = recbole_ile.plugin.catalogue.mitigations:_OWN", "is no Mitigation but tuple"),
        ("loud = toy:NOTHING", "cannot be imported: AttributeError"),
        ("loud = toy:LOUD\nloud2 = toy:LOUD", "there is a mitigation LOUD already"),
    ],
)
def test_what_is_no_mitigation_is_told_in_a_line(run, tmp_path: Path, entry_points: str, told: str) -> None:
    toy_package.install(tmp_path / "packages", entry_points=entry_points)
    printed = run("doctor", "--models", code=2)
    assert told in printed
    assert "of toy (" in printed
    assert "Traceback" not in printed
