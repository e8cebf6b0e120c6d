"""A training step asks a GPU for nothing that RecBole's own does not: no number back, nothing from another device.

Without a GPU, forward passes are taken in fake tensors, as far as they go; with one, whole steps are taken for real.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch
from model_data import KINDS, MAIN_PART, NAME, options_of, why_not, write_model_data
from torch.utils._python_dispatch import TorchDispatchMode

from recbole_ile.functional.distances import DISTANCES, MASKED
from recbole_ile.plugin.catalogue.mitigations import Stage, known_mitigations
from recbole_ile.plugin.catalogue.support import missing_packages
from recbole_ile.plugin.config.config import IleConfig
from recbole_ile.plugin.mitigations import ile
from recbole_ile.plugin.output.logs import quiet_recbole
from recbole_ile.plugin.runs.preparation import build_model, prepare_data
from recbole_ile.plugin.training.seeding import seed_everything

IN_TRAINING = [suffix for suffix, each in known_mitigations().items() if each.stage is Stage.TRAINING]
TRAINED = [base for base in KINDS if why_not("ILE", base) is None and not missing_packages(base)]
REASONS = {
    "PyTorch is not linked with support for cuda": "asks the driver for a device, in random numbers or an index say",
    "Torch not compiled with CUDA enabled": "asks the driver, in a sparse product or a recurrent layer",
    ".numpy() is not supported": "RecBole's own step reads numbers back",
    "DataDependentOutputException": "RecBole's own step reads numbers back",
    "DynamicOutputShapeException": "RecBole's own step reads a number of entries back",
    "called a synchronizing CUDA operation": "RecBole's own step reads numbers back",
}
"""How far stock RecBole's step goes where it does not go through, each by what torch says."""
AT_LEAST = ("BPR", "CKE", "FM", "MultiDAE", "NeuMF", "STAMP")
"""Models of every kind and way to compute a loss that go through on a machine without a GPU."""


def mitigated(base: str) -> str:
    return "_".join([base, *(each for each in IN_TRAINING if why_not(each, base) is None)])


@pytest.mark.slow
def test_a_step_asks_no_more_of_a_gpu_than_stock_recbole(tmp_path: Path) -> None:
    data, script = write_model_data(tmp_path / "data"), Path(__file__).parent / "fake_gpu.py"
    names = [name for base in TRAINED for name in (f"recbole.{base}", mitigated(base))]
    root = script.parent.parent
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(root), str(script.parent)]), "OMP_NUM_THREADS": "1"}
    seen = subprocess.run(
        [sys.executable, str(script), str(data), *names], capture_output=True, text=True, env=environment
    )
    assert seen.returncode == 0, seen.stderr[-3000:]
    found = json.loads(seen.stdout.splitlines()[-1])
    for base in TRAINED:
        stock = found[f"recbole.{base}"]
        assert found[mitigated(base)] == stock, base
        assert stock == "passed" or any(reason in stock for reason in REASONS), (base, stock)
    assert all(found[mitigated(base)] == "passed" for base in AT_LEAST)


class ReadBacks(TorchDispatchMode):
    """While active, counts the operations whose result the host has to know."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: Counter[str] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.overloadpacket.__name__
        masks = name in ("index", "index_put", "index_put_") and any(
            each is not None and each.dtype is torch.bool for each in args[1]
        )
        if masks or name in ("_local_scalar_dense", "nonzero", "is_nonzero", "masked_select", "equal", "_unique2"):
            self.counts[name] += 1
        return func(*args, **(kwargs or {}))


def read_backs_of_an_epoch(name: str, data: Path) -> Counter[str]:
    """Count what the forward and backward passes of an epoch read back."""
    options = {**options_of("BPR"), **MAIN_PART.get("BPR", {}), "data_path": str(data), "fast_loader": False}
    with quiet_recbole():
        config = IleConfig(name, NAME, config_dict=options)
        seed_everything(config)
        parts = prepare_data(config)
        model = build_model(config, parts)
    batches = list(parts.train)
    with ReadBacks() as seen:
        for batch in batches:
            loss = model.calculate_loss(batch)
            (sum(loss) if isinstance(loss, tuple) else loss).backward()
    return seen.counts


@pytest.fixture
def as_on_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """On the CPU, which may read what it likes, ILE compares groups as it does on a GPU."""

    def masked(means: torch.Tensor, present: torch.Tensor, distance: str) -> torch.Tensor:
        return torch.where(present.sum() < 2, (means * 0.0).sum(), MASKED[distance](means, present))

    monkeypatch.setattr(ile, "disparity", masked)


@pytest.mark.usefixtures("as_on_a_gpu")
def test_a_mitigation_reads_nothing_back_in_training(tmp_path: Path) -> None:
    data = write_model_data(tmp_path / "data")
    stock = read_backs_of_an_epoch("BPR", data)
    for mitigation in IN_TRAINING:
        if why_not(mitigation, "BPR") is None:
            assert read_backs_of_an_epoch(f"BPR_{mitigation}", data) == stock, mitigation


@pytest.mark.parametrize("name", DISTANCES)
def test_a_masked_distance_reads_nothing_back(name: str) -> None:
    means, present = torch.tensor([0.3, 0.0, 0.7], requires_grad=True), torch.tensor([True, False, True])
    with ReadBacks() as seen:
        MASKED[name](means, present).backward()
    assert not seen.counts
