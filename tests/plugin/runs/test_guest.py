"""After a call from Python the process is as before: threads, flags, logs, random numbers, streams, environment."""

from __future__ import annotations

import logging
import os
import random
import signal
import subprocess
import sys
import threading
import types
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from atomic import tiny_lines, write_atomic

import recbole_ile
from recbole_ile.cli import main
from recbole_ile.errors import InputError
from recbole_ile.plugin.runs import pipeline
from recbole_ile.plugin.runs.guest import leaving_no_trace

OPTIONS: dict[str, Any] = {"epochs": 1, "topk": 2, "valid_metric": "NDCG@2"}
WORDS = ["--dataset=tiny", "--epochs=1", "--topk=2", "--valid_metric=NDCG@2"]


def process() -> dict[str, Any]:
    """Return what of a process somebody may notice that a call has changed."""
    loggers = [logging.root, *(each for each in logging.root.manager.loggerDict.values() if hasattr(each, "handlers"))]
    return {
        "threads": sorted(thread.name for thread in threading.enumerate()),
        "files": len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").exists() else 0,
        "random": (random.getstate(), str(np.random.get_state()), torch.get_rng_state().tolist()),
        "torch": (
            torch.are_deterministic_algorithms_enabled(),
            torch.is_deterministic_algorithms_warn_only_enabled(),
            torch.utils.deterministic.fill_uninitialized_memory,  # type: ignore[attr-defined]
            torch.get_num_threads(),
            torch.get_default_dtype(),
            torch.is_grad_enabled(),
            torch.is_anomaly_enabled(),
            torch.backends.cudnn.deterministic,
            torch.backends.cudnn.benchmark,
        ),
        "loggers": {each.name: (each.level, list(each.handlers), each.disabled, each.propagate) for each in loggers},
        "warnings": (list(warnings.filters), warnings.showwarning),
        "folder": os.getcwd(),
        "environment": dict(os.environ),
        "signals": {number: signal.getsignal(number) for number in signal.valid_signals()},
        "path": (list(sys.path), list(sys.argv)),
        "streams": (sys.stdin, sys.stdout, sys.stderr, sys.stdout.errors, sys.stderr.errors),
        "hooks": (sys.excepthook, sys.unraisablehook, threading.excepthook),
        "numpy": np.geterr(),
        "yaml": {key: len(known) for key, known in yaml.FullLoader.yaml_implicit_resolvers.items()},
    }


def changes(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    old = before["loggers"]
    after = {**after, "loggers": {name: after["loggers"][name] for name in old}}  # what was imported may have its own
    return [name for name in before if before[name] != after[name]]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A trained model; what a first call imports is there then."""
    folder = tmp_path_factory.mktemp("guest")
    write_atomic(folder / "data", "tiny", tiny_lines())
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        options = {**OPTIONS, "data_path": str(folder / "data"), "show_progress": False}
        result = recbole_ile.run_recbole_ile("BPR_ILE_CP", "tiny", config_dict=options)
        return {**options, "checkpoint": str(folder / result["checkpoint"])}


def settings(trained: dict[str, Any]) -> dict[str, Any]:
    return {**OPTIONS, "data_path": trained["data_path"]}


CALLS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "run_recbole_ile": lambda trained: recbole_ile.run_recbole_ile("BPR_ILE", "tiny", config_dict=settings(trained)),
    "without saving": lambda trained: recbole_ile.run_recbole_ile(
        "BPR", "tiny", config_dict={**settings(trained), "reproducibility": False}, saved=False
    ),
    "a sequential model": lambda _: recbole_ile.get_model("SASRec_ILE"),
    "load_model": lambda trained: recbole_ile.load_model(trained["checkpoint"]),
    "another evaluation": lambda trained: recbole_ile.run_recbole_ile(
        checkpoint=trained["checkpoint"], config_dict={"cp_weight": 0.5}
    ),
    "recommend": lambda trained: main(
        ["recommend", f"--checkpoint={trained['checkpoint']}", "--all", "--k=2", "--out=lists.csv"]
    ),
    "the command line": lambda trained: main(["--model=BPR,BPR_ILE", f"--data_path={trained['data_path']}", *WORDS]),
    "doctor": lambda _: main(["doctor", "--models"]),
}


@pytest.mark.trains
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_call_leaves_no_trace(trained: dict[str, Any], call: Callable[[dict[str, Any]], Any]) -> None:
    random.seed(1), np.random.seed(2), torch.manual_seed(3)
    before = process()
    call(trained)
    assert changes(before, process()) == []


@pytest.mark.trains
@pytest.mark.parametrize("flags", [True, False], ids=["everything on", "everything off"])
def test_what_the_caller_had_set_stays(trained: dict[str, Any], flags: bool) -> None:
    handler = logging.NullHandler()
    logging.getLogger().addHandler(handler)
    with leaving_no_trace():  # the test's own settings
        torch.use_deterministic_algorithms(flags, warn_only=flags)
        torch.backends.cudnn.benchmark = flags
        torch.autograd.set_detect_anomaly(flags)
        logging.getLogger().setLevel(logging.DEBUG if flags else logging.CRITICAL)
        os.environ["CUBLAS_WORKSPACE_CONFIG"] = ":16:8"
        os.environ["CUDA_VISIBLE_DEVICES"] = "0" if flags else ""
        before = process()
        CALLS["run_recbole_ile"](trained)
        assert changes(before, process()) == []
        assert handler in logging.getLogger().handlers
    logging.getLogger().removeHandler(handler)


ENDINGS: dict[str, tuple[type[BaseException], Any]] = {
    "wrong input": (InputError, InputError("a wrong value")),
    "an error": (RuntimeError, RuntimeError("out of paper")),
    "Ctrl-C": (KeyboardInterrupt, KeyboardInterrupt()),
    "exit": (SystemExit, SystemExit(3)),
}


@pytest.mark.trains
@pytest.mark.parametrize(("kind", "error"), ENDINGS.values(), ids=ENDINGS)
def test_a_run_that_ends_early_leaves_no_trace(
    trained: dict[str, Any], monkeypatch: pytest.MonkeyPatch, kind: type[BaseException], error: BaseException
) -> None:
    def ends(*_: Any, **__: Any) -> None:
        os.environ["LEFT"] = "1"
        os.chdir("/")
        torch.set_num_threads(1 if torch.get_num_threads() > 1 else 2)
        torch.set_default_dtype(torch.float64)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        sys.path.append("left")
        raise error

    monkeypatch.setattr(
        pipeline, "evaluate_on_test", ends
    )  # training is over: log, TensorBoard and progress bar are there
    before = process()
    with pytest.raises(kind):
        CALLS["run_recbole_ile"](trained)
    assert changes(before, process()) == []


@pytest.mark.trains
def test_a_loaded_model_works_in_a_process_left_alone(trained: dict[str, Any]) -> None:
    model = recbole_ile.load_model(trained["checkpoint"])
    assert recbole_ile.load_model is recbole_ile.load_model
    scores = model.full_sort_predict({"user_id": torch.tensor([1, 2])})
    assert scores.shape == (2 * 9,)
    assert not model.training
    model.train()
    model.full_sort_predict({"user_id": torch.tensor([1])}).sum().backward()
    assert model.item_embedding.weight.grad is not None


@pytest.mark.trains
def test_a_guest_changes_no_result(trained: dict[str, Any]) -> None:
    torch.manual_seed(5)
    first = CALLS["run_recbole_ile"](trained)
    torch.manual_seed(6)
    second = CALLS["run_recbole_ile"](trained)
    assert first["test_result"] == second["test_result"]
    assert first["group_losses"] == second["group_losses"]
    one, other = (recbole_ile.load_model(each["checkpoint"]).state_dict() for each in (first, second))
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_a_run_of_wandb_that_was_begun_within_is_finished(monkeypatch: pytest.MonkeyPatch) -> None:
    wandb = types.ModuleType("wandb")
    finished: list[bool] = []
    wandb.run, wandb.finish = None, lambda: finished.append(True)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "wandb", wandb)
    with leaving_no_trace():
        wandb.run = object()  # type: ignore[attr-defined]
    assert finished == [True]
    with leaving_no_trace():
        pass
    assert finished == [True], "the caller's own run goes on"


REPEATED = """
import os, sys, threading
import psutil
psutil.cpu_percent = lambda *_, **__: 0.0  # RecBole watches the processor for a second of each run
import recbole_ile
options = {"data_path": sys.argv[1], "epochs": 1, "topk": 2, "valid_metric": "NDCG@2", "show_progress": False}
for number in range(1, 101):
    recbole_ile.run_recbole_ile("BPR_ILE", "tiny", config_dict={**options, "state": "ERROR"})
    if number in (10, 100):
        process = psutil.Process()
        print(len(os.listdir("/proc/self/fd")), threading.active_count(), process.num_threads(),
              process.memory_info().rss)
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc")
def test_a_hundred_runs_take_no_more_than_ten(tiny: Path) -> None:
    command = [sys.executable, "-c", REPEATED, str(tiny)]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    after_ten, after_hundred = ([int(word) for word in line.split()] for line in ended.stdout.splitlines()[-2:])
    assert after_hundred[:3] == after_ten[:3], "descriptors, threads of Python, threads of the process"
    assert after_hundred[3] < 1.05 * after_ten[3]
