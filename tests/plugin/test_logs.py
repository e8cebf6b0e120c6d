"""A log that cannot be written ends a run in one line that names it."""

from __future__ import annotations

import errno
import logging
from pathlib import Path
from typing import Any

import pytest

from recbole_ile.errors import UnwritableFile
from recbole_ile.plugin.config import IleConfig
from recbole_ile.plugin.logs import TellingWriter, start_logging


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
    start_logging(IleConfig("BPR", "tiny", config_dict={"data_path": str(tiny), "topk": 2, "valid_metric": "NDCG@2"}))
    root = logging.getLogger()
    (handler,) = [
        each for each in root.handlers if isinstance(each, logging.FileHandler) and "BPR" in each.baseFilename
    ]
    handler.stream.close()
    handler.stream = open("/dev/full", "w")  # noqa: SIM115
    with pytest.raises(UnwritableFile, match=r"\.log cannot be written: No space left on device"):
        root.info("an epoch")
    root.info("another")
    assert "Traceback" not in capsys.readouterr().err
