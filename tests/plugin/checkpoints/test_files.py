"""Checkpoints: readable by us and by stock RecBole, whole or not there, and never a way to run code."""

from __future__ import annotations

import copy
import hashlib
import os
import pickle
import pickletools
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse
import torch
from atomic import tiny_lines, write_atomic
from hypothesis import given
from hypothesis import strategies as st
from recbole.config import Config
from recbole.data import create_dataset, data_preparation
from recbole.trainer import Trainer

from recbole_ile import InputError, get_model, load_model, run_recbole_ile
from recbole_ile.cli import main
from recbole_ile.plugin.checkpoints import safe_pickle as pickles
from recbole_ile.plugin.checkpoints.files import read_checkpoint, write_checkpoint
from recbole_ile.plugin.trust import trusting_checkpoints

ROOT = str(Path(__file__).parents[2])
OPTIONS = {"epochs": 1, "show_progress": False, "state": "ERROR"}
ACTIVE = {**OPTIONS, "user_inter_num_interval": "[100,inf)"}


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
    from recbole_ile.plugin.config.config import IleConfig

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


@pytest.mark.trains
def test_a_model_loads_in_a_fresh_process_and_ranks_the_same() -> None:
    result = run_recbole_ile("BPR_ILE", "ml-100k", config_dict=ACTIVE)
    model = load_model(result["checkpoint"])
    expected = hashlib.sha256(model.item_embedding.weight.detach().numpy().tobytes()).hexdigest()
    code = (
        "import hashlib, recbole_ile, sys; m = recbole_ile.load_model(sys.argv[1]);"
        "values = m.item_embedding.weight.detach().numpy().tobytes();"
        "print(type(m).__name__, m.training, hashlib.sha256(values).hexdigest())"
    )
    environment = {"PYTHONPATH": ROOT, "PATH": "/usr/bin", "HOME": str(Path.cwd())}
    seen = subprocess.run(
        [sys.executable, "-c", code, result["checkpoint"]], capture_output=True, text=True, env=environment
    )
    assert seen.stdout.split() == ["BPR_ILE", "False", expected], seen.stderr


@pytest.mark.trains
def test_stock_recbole_loads_ours_and_we_load_stock(monkeypatch: pytest.MonkeyPatch) -> None:
    from recbole.quick_start import load_data_and_model

    ours = run_recbole_ile("BPR", "ml-100k", config_dict=ACTIVE)["checkpoint"]
    config, model, *_ = load_data_and_model(ours)
    assert isinstance(config, Config)
    with open(ours, "rb") as file:
        assert type(torch.load(file, weights_only=False)["config"]) is Config

    monkeypatch.setattr("sys.argv", ["stock"])
    stock_config = Config("BPR", "ml-100k", config_dict=dict(ACTIVE))
    train, _, _ = data_preparation(stock_config, create_dataset(stock_config))
    trainer = Trainer(stock_config, get_model("BPR")(stock_config, train._dataset))
    state = {"config": stock_config, "epoch": 0, "cur_step": 0, "best_valid_score": np.float64(0.1)}
    state |= {"state_dict": model.state_dict(), "other_parameter": {}, "optimizer": trainer.optimizer.state_dict()}
    torch.save(state, "stock.pth", pickle_protocol=4)
    loaded = load_model("stock.pth")
    assert all(torch.equal(loaded.state_dict()[name], value) for name, value in model.state_dict().items())
    trainer.resume_checkpoint("stock.pth")
    assert trainer.start_epoch == 1


@pytest.mark.trains
def test_a_checkpoint_for_another_data_set_is_refused(tiny: Path) -> None:
    checkpoint = run_recbole_ile("BPR", "ml-100k", config_dict=ACTIVE)["checkpoint"]
    stored = read_checkpoint(checkpoint)
    stored["config"].dataset = "tiny"
    stored["config"]["dataset"] = "tiny"
    write_checkpoint(stored, checkpoint)
    options = {"data_path": str(tiny), "topk": 2, "valid_metric": "NDCG@2", "user_inter_num_interval": None}
    with pytest.raises(InputError, match=r"was trained on other users: none of its 364 is in dataset tiny"):
        load_model(checkpoint, options)


def altered(checkpoint: str, **entries: Any) -> str:
    """The checkpoint with other entries; one that is ``None`` is left out."""
    stored = {**read_checkpoint(checkpoint), **entries}
    write_checkpoint({key: value for key, value in stored.items() if value is not None}, "altered.pth")
    return "altered.pth"


@pytest.fixture(scope="module")
def bpr(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("bpr")
    write_atomic(folder / "data", "tiny", tiny_lines())
    options = {**OPTIONS, "topk": 2, "valid_metric": "NDCG@2", "data_path": str(folder / "data")}
    before = Path.cwd()
    os.chdir(folder)
    try:
        return str(Path(run_recbole_ile("BPR", "tiny", config_dict=options)["checkpoint"]).resolve())
    finally:
        os.chdir(before)


def unfit(checkpoint: str, kind: str) -> str:
    """The checkpoint with something wrong in its parameters."""
    state = dict(read_checkpoint(checkpoint)["state_dict"])
    name = "item_embedding.weight"
    if kind == "nan":
        state[name] = torch.full_like(state[name], float("nan"))
    elif kind == "inf":
        state[name] = state[name].clone()
        state[name][3, 0] = float("inf")
    elif kind == "shape":
        state[name] = state[name][:-1].clone()
    elif kind == "missing":
        del state[name]
    else:
        state["more.weight"] = state[name]
    return altered(checkpoint, state_dict=state)


COMMANDS = {
    "run --checkpoint": lambda path: ["run", f"--checkpoint={path}"],
    "run --resume": lambda path: ["run", f"--resume={path}", "--epochs=2"],
    "recommend": lambda path: ["recommend", f"--checkpoint={path}", "--all", "--k=2", "--out=kept.csv"],
}


@pytest.mark.trains
@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("nan", "weights that are not finite numbers: item_embedding.weight"),
        ("inf", "weights that are not finite numbers: item_embedding.weight"),
        ("shape", "item_embedding.weight is [8, 64], but [9, 64] here"),
        ("missing", "it lacks item_embedding.weight"),
        ("further", "it has more.weight, which the model has not"),
    ],
)
def test_unfit_parameters_are_named_and_nothing_is_replaced(
    bpr: str, kind: str, told: str, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("kept.csv").write_text("user_id,item_id,rank,score\nu1,i1,1,9\n")
    path = unfit(bpr, kind)
    content = Path(path).read_bytes()
    assert main(COMMANDS[command](path)) == 2
    assert told in capsys.readouterr().err.splitlines()[-1]
    assert Path("kept.csv").read_text() == "user_id,item_id,rank,score\nu1,i1,1,9\n"
    assert Path(path).read_bytes() == content
    if command == "recommend":
        with pytest.raises(InputError, match=re.escape(told)):
            load_model(path)


@pytest.mark.trains
@pytest.mark.parametrize("field", ["config", "state_dict", "epoch", "cur_step", "best_valid_score", "optimizer"])
def test_a_missing_field_is_named(bpr: str, field: str, capsys: pytest.CaptureFixture[str]) -> None:
    if field == "config":
        torch.save({"state_dict": read_checkpoint(bpr)["state_dict"]}, "altered.pth")
        path = "altered.pth"
    else:
        path = altered(bpr, **{field: None})
    assert main(COMMANDS["run --resume"](path)) == 2
    told = {"config": "no RecBole configuration", "state_dict": "no parameters (state_dict)"}.get(
        field, f"lacks {field}"
    )
    assert told in capsys.readouterr().err.splitlines()[-1]


def rezipped(source: str, target: str, compression: int) -> str:
    with zipfile.ZipFile(source) as read, zipfile.ZipFile(target, "w", compression) as written:
        for name in read.namelist():
            written.writestr(name, read.read(name))
    return target


def repeating(text: str, times: int) -> bytes:
    """A pickle of a list that holds one text many times."""
    held = pickle.dumps([text], 2)
    put = next(number for code, number, _ in pickletools.genops(held) if code.name == "BINPUT" and number > 0)
    return held[:-2] + (pickle.BINGET + bytes([put]) + pickle.APPEND) * times + held[-2:]


@pytest.mark.trains
def test_a_small_file_does_not_become_a_large_one(bpr: str) -> None:
    with pytest.raises(InputError, match="is a compressed archive"):
        read_checkpoint(rezipped(bpr, "deflated.pth", zipfile.ZIP_DEFLATED))
    assert read_checkpoint(rezipped(bpr, "stored.pth", zipfile.ZIP_STORED))["epoch"] == 0
    with pytest.raises(pickle.UnpicklingError, match="repeats a text too often"):
        pickles.to_protocol_2(repeating("x" * 250, 100_000))
    rewritten, _ = pickles.to_protocol_2(repeating("x" * 1_000_000, 10_000))
    assert len(rewritten) < 1_200_000, "a long text stands there once"
    nested: Any = [0]
    for _ in range(60):
        nested = (nested, nested)
    write_checkpoint(checkpoint_with(x=nested), "nested.pth")
    found = read_checkpoint("nested.pth")["other_parameter"]["x"]
    assert found[0] is found[1], "each part is restored once"
    write_checkpoint(checkpoint_with(x=torch.zeros(1).expand(10**9)), "wide.pth")
    with pytest.raises(InputError, match="a tensor that repeats its numbers"):
        read_checkpoint("wide.pth")
    tall = scipy.sparse.lil_matrix((3, 3))
    tall._shape = (10**12, 3)
    write_checkpoint(checkpoint_with(x=tall), "tall.pth")
    with pytest.raises(InputError, match="rows are not as many"):
        read_checkpoint("tall.pth")


def test_garbage_is_garbage_with_trust_too() -> None:
    Path("garbage.pth").write_bytes(b"garbage")
    with trusting_checkpoints(True), pytest.raises(InputError, match="damaged or no checkpoint"):
        read_checkpoint("garbage.pth")


@pytest.mark.trains
@pytest.mark.parametrize("name", ["forward", "__class__", "training"])
def test_a_checkpoint_sets_nothing_but_what_its_model_keeps(bpr: str, name: str) -> None:
    further = {**read_checkpoint(bpr)["other_parameter"], name: 1}
    with pytest.raises(InputError, match=f"holds {name}, which this model does not know"):
        load_model(altered(bpr, other_parameter=further))


@pytest.mark.trains
@pytest.mark.parametrize("name", ["calculate_loss", "_parameters", "weights"])
def test_a_progress_changes_plain_attributes_alone(bpr: str, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    further = read_checkpoint(bpr)["other_parameter"]
    further["recbole_ile"]["resuming"]["attributes"] = {"": {name: {"a": 1} if name == "weights" else 1}}
    assert main(COMMANDS["run --resume"](altered(bpr, other_parameter=further))) == 2
    assert f"{name} is no attribute that a training changes" in capsys.readouterr().err
