"""Checkpoints: readable by us and by stock RecBole, whole or not there, and never a way to run code."""

from __future__ import annotations

import copy
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse
import torch
from hypothesis import given
from hypothesis import strategies as st
from recbole.config import Config
from recbole.data import create_dataset, data_preparation
from recbole.trainer import Trainer

from recbole_ile import InputError, get_model, load_model, run_recbole_ile
from recbole_ile.plugin import pickles
from recbole_ile.plugin.checkpoint import read_checkpoint, trusting_checkpoints, write_checkpoint

ROOT = str(Path(__file__).parents[2])
OPTIONS = {"epochs": 1, "show_progress": False, "state": "ERROR"}


class Malicious:
    """Pickles as a call of ``os.system``."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> Any:
        return os.system, (self.command,)


class Evaluating:
    """Pickles as a call of RecBole's ``Config``, which evaluates strings."""

    def __init__(self, code: str) -> None:
        self.code = code

    def __reduce__(self) -> Any:
        return Config, ("BPR", "ml-100k", None, {"topk": self.code})


def plain_config() -> Config:
    from recbole_ile.plugin.config import IleConfig

    return IleConfig("BPR", "ml-100k")


def checkpoint_with(**entries: Any) -> dict[str, Any]:
    return {"config": plain_config(), "epoch": 0, "state_dict": {}, "other_parameter": entries}


@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize("kind", ["system", "config"])
def test_a_checkpoint_from_a_stranger_runs_nothing(tmp_path: Path, protocol: int, kind: str) -> None:
    trap = tmp_path / "ran"
    code = f"__import__('pathlib').Path({str(trap)!r}).touch()"
    weapon = Malicious(f"touch {trap}") if kind == "system" else Evaluating(code)
    config = Config.__new__(Config)
    vars(config).update(vars(plain_config()))
    torch.save({**checkpoint_with(x=weapon), "config": config}, tmp_path / "x.pth", pickle_protocol=protocol)
    with pytest.raises(InputError, match=r"holds more than data: .*--trust_checkpoint"):
        read_checkpoint(tmp_path / "x.pth")
    assert not trap.exists()
    if kind == "system":
        with trusting_checkpoints(True):
            read_checkpoint(tmp_path / "x.pth")
        assert trap.exists()


@pytest.mark.parametrize("protocol", [2, 4])
def test_what_models_store_comes_back(tmp_path: Path, protocol: int) -> None:
    stored = {
        "matrix": np.arange(6, dtype=np.float32).reshape(2, 3),
        "columns": np.asfortranarray(np.arange(6).reshape(2, 3)),
        "score": np.float64(0.5),
        "sparse": scipy.sparse.csr_matrix(np.eye(3, dtype=np.float32)),
        "rows": scipy.sparse.lil_matrix(np.eye(3, dtype=np.float32)),
        "square": np.matrix([[1.0, 2.0], [3.0, 4.0]]),
        "tensor": torch.arange(3),
        "nested": {"list": [1, (2.5, None, "x", b"y", True, 2**70)]},
    }
    config = Config.__new__(Config)
    vars(config).update(vars(plain_config()))
    torch.save({**checkpoint_with(**stored), "config": config}, tmp_path / "x.pth", pickle_protocol=protocol)
    found = read_checkpoint(tmp_path / "x.pth")["other_parameter"]
    assert np.array_equal(found["matrix"], stored["matrix"])
    assert found["matrix"].dtype == np.float32
    assert np.array_equal(found["columns"], stored["columns"])
    assert found["score"] == 0.5
    assert (found["sparse"] != stored["sparse"]).nnz == 0
    assert (found["rows"] != stored["rows"]).nnz == 0
    assert type(found["rows"]) is scipy.sparse.lil_matrix
    assert isinstance(found["square"], np.matrix)
    assert np.array_equal(found["square"], stored["square"])
    assert torch.equal(found["tensor"], stored["tensor"])
    assert found["nested"] == stored["nested"]


def test_objects_in_arrays_are_data_too_or_refused(tmp_path: Path) -> None:
    trap = tmp_path / "ran"
    write_checkpoint(checkpoint_with(x=np.array([Malicious(f"touch {trap}"), None])), tmp_path / "x.pth")
    with pytest.raises(InputError, match="holds more than data"):
        read_checkpoint(tmp_path / "x.pth")
    assert not trap.exists()
    write_checkpoint(checkpoint_with(x=np.array(["text"])), tmp_path / "x.pth")
    with pytest.raises(InputError, match="an array of type 'U4'"):
        read_checkpoint(tmp_path / "x.pth")


@pytest.mark.parametrize("content", [b"", b"nonsense", b"PK\x03\x04 broken"])
def test_a_damaged_file_is_said_to_be_one(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.pth").write_bytes(content)
    with pytest.raises(InputError, match=r"x\.pth is damaged or no checkpoint"):
        read_checkpoint(tmp_path / "x.pth")


def test_a_truncated_file_and_a_file_without_configuration_are_refused(tmp_path: Path) -> None:
    write_checkpoint(checkpoint_with(), tmp_path / "x.pth")
    whole = (tmp_path / "x.pth").read_bytes()
    (tmp_path / "x.pth").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="is damaged"):
        read_checkpoint(tmp_path / "x.pth")
    torch.save({"state_dict": {}}, tmp_path / "y.pth")
    with pytest.raises(InputError, match="has no RecBole configuration"):
        read_checkpoint(tmp_path / "y.pth")
    with pytest.raises(InputError, match="does not exist"):
        read_checkpoint(tmp_path / "z.pth")


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**80), 2**80)
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary(max_size=300),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3) | st.tuples(inner)
    ),
    max_leaves=8,
)


@given(values, st.integers(2, 4))
def test_rewriting_a_pickle_keeps_its_value(value: Any, protocol: int) -> None:
    original = pickle.dumps([value, copy.deepcopy(value), "text", "text", np.dtype], protocol)
    rewritten, names = pickles.to_protocol_2(original)
    assert pickle.loads(rewritten) == [value, value, "text", "text", np.dtype]
    assert "numpy.dtype" in names
    assert rewritten[1] == 2


def test_a_model_loads_in_a_fresh_process_and_ranks_the_same() -> None:
    result = run_recbole_ile("BPR_ILE", "ml-100k", config_dict=OPTIONS)
    model = load_model(result["checkpoint"])
    expected = model.item_embedding.weight.sum().item()
    code = (
        "import recbole_ile, sys; m = recbole_ile.load_model(sys.argv[1]);"
        "print(type(m).__name__, m.training, m.item_embedding.weight.sum().item())"
    )
    environment = {"PYTHONPATH": ROOT, "PATH": "/usr/bin", "HOME": str(Path.cwd())}
    seen = subprocess.run(
        [sys.executable, "-c", code, result["checkpoint"]], capture_output=True, text=True, env=environment
    )
    assert seen.stdout.split() == ["BPR_ILE", "False", str(expected)], seen.stderr


def test_stock_recbole_loads_ours_and_we_load_stock(monkeypatch: pytest.MonkeyPatch) -> None:
    from recbole.quick_start import load_data_and_model

    ours = run_recbole_ile("BPR", "ml-100k", config_dict=OPTIONS)["checkpoint"]
    config, model, *_ = load_data_and_model(ours)
    assert type(config) is Config
    with open(ours, "rb") as file:
        assert type(torch.load(file, weights_only=False)["config"]) is Config

    monkeypatch.setattr("sys.argv", ["stock"])
    stock_config = Config("BPR", "ml-100k", config_dict=dict(OPTIONS))
    train, _, _ = data_preparation(stock_config, create_dataset(stock_config))
    trainer = Trainer(stock_config, get_model("BPR")(stock_config, train._dataset))
    state = {"config": stock_config, "epoch": 0, "cur_step": 0, "best_valid_score": np.float64(0.1)}
    state |= {"state_dict": model.state_dict(), "other_parameter": {}, "optimizer": trainer.optimizer.state_dict()}
    torch.save(state, "stock.pth", pickle_protocol=4)
    loaded = load_model("stock.pth")
    assert all(torch.equal(loaded.state_dict()[name], value) for name, value in model.state_dict().items())
    trainer.resume_checkpoint("stock.pth")
    assert trainer.start_epoch == 1


def test_a_checkpoint_for_another_data_set_is_refused(tiny: Path) -> None:
    checkpoint = run_recbole_ile("BPR", "ml-100k", config_dict=OPTIONS)["checkpoint"]
    stored = read_checkpoint(checkpoint)
    stored["config"].dataset = "tiny"
    stored["config"]["dataset"] = "tiny"
    write_checkpoint(stored, checkpoint)
    options = {"data_path": str(tiny), "topk": 2, "valid_metric": "NDCG@2"}
    with pytest.raises(InputError, match="does not fit dataset tiny"):
        load_model(checkpoint, options)
