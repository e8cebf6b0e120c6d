"""What a sweep refuses before it costs anything."""

from __future__ import annotations

from pathlib import Path

import pytest

from recbole_ile.cli import main


def assert_refused_before_ray(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sweep of these words is refused in one line, and leaves nothing."""
    import ray

    monkeypatch.setattr(ray, "init", lambda **_: pytest.fail("Ray was started"))
    assert main(["sweep", *words]) == 2
    printed = capsys.readouterr().err
    assert printed.count("\n") == 1
    assert message in printed
    assert not Path("saved/sweeps").exists()
