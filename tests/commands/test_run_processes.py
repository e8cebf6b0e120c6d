"""``--nproc=2``: the run that one process makes, and one set of files."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch
from atomic import write_atomic

from recbole_ile import load_model, run_recbole_ile
from recbole_ile.cli import main
from recbole_ile.plugin.processes import launch as processes

pytestmark = pytest.mark.trains

TINY = ["--dataset=tiny", "--topk=2", "--valid_metric=NDCG@2", "--epochs=2", "--show_progress=False", "--state=ERROR"]


@pytest.fixture(autouse=True)
def _two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "n_cores", lambda: 2)


def runs(words: list[str]) -> list[dict[str, Any]]:
    """What one process and two processes leave, each in a folder of its own."""
    found = []
    for n in (1, 2):
        assert main([*words, f"--nproc={n}", f"--checkpoint_dir=saved{n}"]) == 0
        (result,) = Path(f"saved{n}").glob("*/result.json")
        found.append(json.loads(result.read_text()))
    return found


def assert_same(one: dict[str, Any], two: dict[str, Any]) -> None:
    for part in ("best_valid_score", "best_valid_result", "test_result"):
        assert two[part] == pytest.approx(one[part], abs=1.1e-4), part
    for epoch, expected in zip(two["group_losses"], one["group_losses"], strict=True):
        assert epoch["losses"] == pytest.approx(expected["losses"], abs=1e-5)
    states = [load_model(result["checkpoint"]).state_dict() for result in (one, two)]
    for name, value in states[0].items():
        torch.testing.assert_close(states[1][name], value, rtol=1e-3, atol=1e-4)


def test_two_processes_make_the_run_of_one(tiny: Path, capfd: pytest.CaptureFixture[str]) -> None:
    one, two = runs(["--model=BPR_ILE", f"--data_path={tiny}", *TINY])
    assert_same(one, two)
    assert [row["users"] for row in two["test_by_user_group"]] == [row["users"] for row in one["test_by_user_group"]]
    assert {path.name for path in Path("saved2").rglob("*")} == {
        Path(two["checkpoint"]).name,
        Path(two["output_dir"]).name,
        "result.json",
        "group_losses.csv",
        "group_losses.png",
    }
    for folder in ("log/BPR_ILE", "log_tensorboard"):
        assert len(list(Path(folder).iterdir())) == 2, "one of each run"
    assert capfd.readouterr().out.count("test part") == 2, "one of each run"
    more = run_recbole_ile(resume=two["checkpoint"], config_dict={"epochs": 3})
    assert [epoch["epoch"] for epoch in more["group_losses"]] == [0, 1, 2]


def test_wrong_input_of_the_processes_is_one_line(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    header = "user_id:token item_id:token"
    write_atomic(tmp_path, "tiny", [header, header, "a b"])
    assert main(["--model=BPR_ILE", f"--data_path={tmp_path}", "--nproc=2", *TINY]) == 2
    printed = capfd.readouterr().err
    assert printed.count("error: ") == 1
    assert "the header stands there twice" in printed.splitlines()[-1]
    assert "Traceback" not in printed


NEUMF = ["--model=NeuMF", "--dropout_prob=0.0", "--fast_loader=False"]


@pytest.mark.slow
@pytest.mark.parametrize("options", [["--model=LightGCN_ILE"], [*NEUMF, "--learner=sgd", "--learning_rate=0.1"]])
def test_two_processes_make_the_run_of_one_on_movielens(options: list[str]) -> None:
    """NeuMF learns by plain gradient descent: Adam would make steps of the rounding where a gradient is nearly 0."""
    one, two = runs(
        [*options, "--dataset=ml-100k", "--epochs=2", "--show_progress=False", "--user_inter_num_interval=[100,inf)"]
    )
    assert_same(one, two)


@pytest.mark.slow
def test_an_interrupt_ends_all_processes() -> None:
    command = [sys.executable, "-m", "recbole_ile", "--model=BPR_ILE", "--dataset=ml-100k", "--nproc=2"]
    command += ["--user_inter_num_interval=[200,inf)", "--epochs=5000", "--stopping_step=5000", "--show_progress=False"]
    run = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    deadline = time.time() + 120
    while not list(Path().glob("saved/*.pth")) and time.time() < deadline and run.poll() is None:
        time.sleep(0.1)
    children = psutil.Process(run.pid).children(recursive=True)
    assert len(children) >= 2
    os.killpg(run.pid, signal.SIGINT)
    _, printed = run.communicate(timeout=30)
    assert run.returncode == 130
    assert "Traceback" not in printed
    assert "interrupted" in printed.splitlines()[-1]
    psutil.wait_procs(children, timeout=10)
    assert not [child for child in children if child.is_running()]
