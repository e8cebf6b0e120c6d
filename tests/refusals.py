"""What a sweep refuses before it costs anything."""

from __future__ import annotations

from pathlib import Path

import pytest

from recbole_ile.cli import main
from recbole_ile.experiments.engine import workers


def assert_refused_before_start(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sweep of these words is refused in one line, and leaves nothing."""
    monkeypatch.setattr(workers, "workers", lambda *_: pytest.fail("processes were started"))
    assert main(["sweep", *words]) == 2
    printed = capsys.readouterr().err
    assert printed.count("\n") == 1
    assert message in printed
    assert not Path("saved/sweeps").exists()
