"""Ray is started where something is asked for that only it does, and nowhere else."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
import torch

from recbole_ile.experiments.engine import machines, workers
from recbole_ile.experiments.engine.pool import Pool
from recbole_ile.experiments.engine.ray_workers import RayWorkers
from recbole_ile.experiments.engine.workers import Resources

ASKED: dict[str, Any] = {
    "address": None, "verbose": False, "needs_ray": False, "cpus": 1.0, "gpus": None, "max_concurrent": 3,
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "gpu_there", "ray_runs", "address"),
    [
        ({}, False, False, None),
        ({"gpus": 0.0}, True, False, None),
        ({}, True, False, "local"),
        ({"gpus": 0.5}, False, False, "local"),
        ({"needs_ray": True}, False, False, "local"),
        ({}, False, True, "local"),
        ({"address": "local"}, False, False, "local"),
        ({"address": "auto"}, False, False, "auto"),
    ],
)
def test_who_runs_trials(
    change: dict[str, Any], gpu_there: bool, ray_runs: bool, address: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    joined = []

    def session(address: str, _: bool) -> contextlib.AbstractContextManager[None]:
        joined.append(address)
        return contextlib.nullcontext()

    monkeypatch.setattr(machines, "ray_session", session)
    monkeypatch.setattr(machines, "trial_resources", lambda cpus, gpus, most: Resources(cpus, gpus or 0.0, most))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpu_there)
    monkeypatch.setattr(workers, "_ray_runs", lambda: ray_runs)
    with workers.workers(**ASKED | change) as found:
        assert isinstance(found, Pool if address is None else RayWorkers)
        assert found.resources.max_concurrent == 3
    assert joined == ([] if address is None else [address])
