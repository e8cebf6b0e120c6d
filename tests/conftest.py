"""Every test runs in an empty folder of its own, in which RecBole may leave what it likes."""

from __future__ import annotations

from pathlib import Path

import pytest
from atomic import tiny_lines, write_atomic
from hypothesis import settings

import recbole_ile  # noqa: F401  mends RecBole before a test imports it

settings.register_profile("repeatable", deadline=None, derandomize=True)
settings.load_profile("repeatable")


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RECBOLE_ILE_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """A ``data_path`` that holds the hand-checkable data set ``tiny``."""
    write_atomic(tmp_path / "data", "tiny", tiny_lines())
    return tmp_path / "data"


@pytest.fixture
def rich(tmp_path: Path) -> Path:
    """A ``data_path`` that holds the data set ``rich``, with every kind of file and column."""
    from rich_data import write_rich

    return write_rich(tmp_path / "data")
