"""What saves the tests time: no pauses, YAML parsed once, one Ray for many commands, no training where none is said."""

from __future__ import annotations

import contextlib
import copy
import multiprocessing.popen_spawn_posix
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml
from recbole.trainer import trainer as trainers

REFUSAL = "this test trains a model or starts Python; say so with @pytest.mark.trains, and make quick leaves it out"


@contextlib.contextmanager
def no_pauses() -> Iterator[None]:
    """Have psutil say at once how busy the processor is, which RecBole watches for a second at the end of each run."""
    percent = psutil.cpu_percent
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(psutil, "cpu_percent", lambda *_, **__: percent())
        yield


@contextlib.contextmanager
def yaml_read_once() -> Iterator[None]:
    """Parse each text of YAML once: every configuration reads six files of RecBole's and ours in pure Python."""
    load, known = yaml.load, {}

    def load_once(stream: Any, Loader: Any) -> Any:
        if not isinstance(stream, str):
            return load(stream, Loader)
        rules = sum(map(len, getattr(Loader, "yaml_implicit_resolvers", {}).values()))
        if (key := (stream, Loader, rules)) not in known:
            known[key] = load(stream, Loader)
        return copy.deepcopy(known[key])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(yaml, "load", load_once)
        yield


def refuse(*_: Any, **__: Any) -> None:
    """Fail the test, through whatever catches exceptions."""
    pytest.fail(REFUSAL)


@contextlib.contextmanager
def no_training() -> Iterator[None]:
    """Within this, a test fails that has a trainer fit a model or starts Python anew."""
    start = subprocess.Popen.__init__

    def start_others(self: Any, args: Any, *rest: Any, **options: Any) -> None:
        words = [args] if isinstance(args, (str, bytes, os.PathLike)) else list(args)
        if sys.executable in map(os.fspath, words):
            refuse()
        start(self, args, *rest, **options)

    with pytest.MonkeyPatch.context() as patch:
        for found in vars(trainers).values():
            if isinstance(found, type) and "fit" in vars(found):
                patch.setattr(found, "fit", refuse)
        patch.setattr(multiprocessing.popen_spawn_posix.Popen, "_launch", refuse)
        patch.setattr(subprocess.Popen, "__init__", start_others)
        yield


def start_ray(folder: Path) -> None:
    """Start a Ray of one CPU that every command finds, its processes in a folder, unless one is there."""
    import ray

    from recbole_ile.experiments.engine.machines import CHATTER

    if ray.is_initialized():
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name, value in {**CHATTER, "RECBOLE_ILE_CACHE": str(folder / "cache")}.items():
            patch.setenv(name, value)
        ray.init(address="local", num_cpus=1, include_dashboard=False, log_to_driver=False, logging_level="CRITICAL")


def stop_ray() -> None:
    """End what ``start_ray`` has started."""
    ray = sys.modules.get("ray")
    if ray and ray.is_initialized():
        ray.shutdown()
