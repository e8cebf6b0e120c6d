"""Logs are of one run each, and one that cannot be written ends a run in one line that names it."""

from __future__ import annotations

import errno
import logging
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import pytest
from atomic import tiny_lines, write_atomic

from recbole_ile import run_recbole_ile
from recbole_ile.errors import InputError, UnwritableFile
from recbole_ile.plugin.config.config import IleConfig
from recbole_ile.plugin.output.logs import TellingWriter, start_logging
from recbole_ile.plugin.runs import pipeline


class Writer:
    """Stands for TensorBoard's, on a full disk."""

    def get_logdir(self) -> str:
        return "log_tensorboard/run"

    def add_scalar(self, *_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")


def test_tensorboard_on_a_full_disk_is_named() -> None:
    with pytest.raises(UnwritableFile, match=r"^file log_tensorboard/run cannot be written: No space left on device$"):
        TellingWriter(Writer()).add_scalar("loss", 1.0, 0)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_full_log_is_named_once(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    others = list(root.handlers)  # a stock run of another test may have left its own
    start_logging(IleConfig("BPR", "tiny", config_dict={"data_path": str(tiny), "topk": 2, "valid_metric": "NDCG@2"}))
    (handler,) = [each for each in root.handlers if isinstance(each, logging.FileHandler) and each not in others]
    handler.stream.close()
    handler.stream = open("/dev/full", "w")  # noqa: SIM115
    with pytest.raises(UnwritableFile, match=r"\.log cannot be written: No space left on device"):
        root.info("an epoch")
    root.info("another")
    assert "Traceback" not in capsys.readouterr().err


OPTIONS: dict[str, Any] = {"epochs": 1, "topk": 2, "valid_metric": "NDCG@2", "show_progress": False, "state": "ERROR"}
FROZEN = "Jan-01-2030_00-00-00"


def places() -> dict[str, list[str]]:
    """Return the names of all logs, TensorBoard folders and run folders."""
    logs = [str(path.relative_to("log")) for path in Path("log").rglob("*.log")]
    events = {path: list(path.glob("events*")) for path in Path("log_tensorboard").iterdir()}
    assert all(len(found) == 1 for found in events.values()), "a folder is one run's"
    return {
        "log": logs,
        "tensorboard": [path.name for path in events],
        "run": [str(p) for p in Path("saved").glob("*/")],
    }


@pytest.fixture
def _frozen(monkeypatch: pytest.MonkeyPatch) -> None:
    import recbole.trainer.trainer

    for module in (recbole.utils.logger, recbole.trainer.trainer):
        monkeypatch.setattr(module, "get_local_time", lambda: FROZEN)


@pytest.mark.trains
@pytest.mark.usefixtures("_frozen")
@pytest.mark.parametrize("dataset", ["tiny", "tiny.1", "a  b", "x" * 200], ids=["plain", "a dot", "strange", "long"])
def test_two_runs_of_one_second_share_nothing(tmp_path: Path, dataset: str) -> None:
    write_atomic(tmp_path / "data", dataset, tiny_lines())
    logging.getLogger().addHandler(own := logging.FileHandler("mine.log"))
    try:
        for _ in range(2):
            run_recbole_ile("BPR", dataset, config_dict={**OPTIONS, "data_path": str(tmp_path / "data")})
    finally:
        logging.getLogger().removeHandler(own)
        own.close()
    found = places()
    assert {kind: len(names) for kind, names in found.items()} == {"log": 2, "tensorboard": 2, "run": 2}
    assert {Path(name).stem.replace(".", "_") for name in found["log"]} == set(found["tensorboard"])
    assert all(FROZEN in name for names in found.values() for name in names)
    assert not any("\x1b" in name or " " in name for names in found.values() for name in names)


BESIDE = f"""
import sys, time
import recbole.utils.logger
import recbole.trainer.trainer
import recbole_ile
import recbole_ile.commands.run
for module in (recbole.utils.logger, recbole.trainer.trainer):
    module.get_local_time = lambda: {FROZEN!r}
sys.stdin.readline()
recbole_ile.run_recbole_ile("BPR", "tiny", config_dict={OPTIONS!r} | dict(data_path=sys.argv[1]))
"""


@pytest.mark.trains
def test_two_processes_of_one_second_share_nothing(tiny: Path) -> None:
    command = [sys.executable, "-c", "import recbole_ile\n" + BESIDE, str(tiny)]
    beside = [subprocess.Popen(command, stdin=subprocess.PIPE, text=True) for _ in range(2)]
    for process in beside:
        process.stdin.write("start\n")  # type: ignore[union-attr]
        process.stdin.flush()  # type: ignore[union-attr]
    for process in beside:
        process.communicate()
    assert [process.returncode for process in beside] == [0, 0]
    assert {kind: len(names) for kind, names in places().items()} == {"log": 2, "tensorboard": 2, "run": 2}


@pytest.mark.parametrize("left", ["nothing", "a folder of runs"])
def test_wandb_that_is_missing_is_named_before_anything_is_read(
    tiny: Path, monkeypatch: pytest.MonkeyPatch, left: str
) -> None:
    monkeypatch.setitem(sys.modules, "wandb", None if left == "nothing" else types.ModuleType("wandb"))
    monkeypatch.setattr(pipeline, "prepare_data", lambda *_: pytest.fail("data was read"))
    with pytest.raises(InputError, match=r"^option log_wandb=True needs the package wandb, .* pip install wandb$"):
        run_recbole_ile("BPR", "tiny", config_dict={**OPTIONS, "data_path": str(tiny), "log_wandb": True})
    assert not Path("saved").exists()
