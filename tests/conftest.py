"""Every test runs in an empty folder of its own, in which RecBole may leave what it likes."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from atomic import tiny_lines, write_atomic
from hypothesis import settings

import recbole_ile  # noqa: F401  mends RecBole before a test imports it

settings.register_profile("repeatable", deadline=None, derandomize=True)
settings.load_profile("repeatable")


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    yield
    root = logging.getLogger()
    for handler in list(root.handlers):
        if type(handler) in (logging.FileHandler, logging.StreamHandler):
            root.removeHandler(handler)
            handler.close()


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """A ``data_path`` that holds the hand-checkable data set ``tiny``."""
    write_atomic(tmp_path / "data", "tiny", tiny_lines())
    return tmp_path / "data"
