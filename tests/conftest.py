"""Every test runs in an empty folder of its own, in which RecBole may leave what it likes."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from atomic import tiny_lines, write_atomic

if "PYTEST_XDIST_WORKER" in os.environ:  # before torch asks for it: two workers with two threads each wait in turn
    os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_collectstart() -> None:
    """Import what tests need, which the process that only hands tests to others would wait for before they start."""
    from hypothesis import settings

    import recbole_ile  # noqa: F401  mends RecBole before a test imports it

    settings.register_profile("repeatable", deadline=None, derandomize=True)
    settings.register_profile("quick", settings.get_profile("repeatable"), max_examples=20)  # the first of the same
    settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))


@pytest.fixture(scope="session", autouse=True)
def _without_delays() -> Iterator[None]:
    from speed import no_pauses, yaml_read_once

    with no_pauses(), yaml_read_once():
        yield


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Have what ``make quick`` runs train nothing and start no Python, whichever tests are run."""
    from speed import no_training

    may = item.get_closest_marker("trains") or item.get_closest_marker("slow")
    with contextlib.nullcontext() if may else no_training():
        return (yield)


@pytest.fixture(autouse=True)
def _own_folder(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    import torch
    from speed import stop_ray

    from recbole_ile.plugin.output.logs import stop_logging

    torch.autograd.set_detect_anomaly(False)  # which a module of RecBole's turns on for whoever imports it
    if "one_ray" not in request.fixturenames:
        stop_ray()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RECBOLE_ILE_CACHE", str(tmp_path / "cache"))
    yield
    stop_logging()  # a log that a part of a run began would go on to a stream that pytest has closed


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


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs draw no figures, which takes longer than two epochs and which other tests look at."""
    from recbole_ile.report import figures

    monkeypatch.setattr(figures, "save_figure", lambda *_: None)


@pytest.fixture
def one_ray(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Commands find one Ray of one CPU, whose processes import everything once; a test that does not ask ends it."""
    from speed import start_ray

    start_ray(tmp_path_factory.mktemp("ray"))


@pytest.fixture(scope="session", autouse=True)
def _no_ray_left() -> Iterator[None]:
    from speed import stop_ray

    yield
    stop_ray()
