"""No file of somebody else's runs code, by whatever road it comes in, unless the user trusts it.

``ROADS`` lists every place in RecBole where text or a file could become code, and how it is closed; a payload is
planted at each. Those of our own package are in ``test_security.py``, sweeps' folders in ``sweeping/``.
"""

from __future__ import annotations

import ast
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import recbole
import torch
from atomic import tiny_lines, write_atomic

from recbole_ile import InputError, load_model, run_recbole_ile
from recbole_ile.cli import main
from recbole_ile.plugin.checkpoints.files import read_checkpoint, write_checkpoint

CALLS = ("eval", "exec", "__import__", "import_module", "load", "loads", "Unpickler", "system", "Popen")
LOADING = ("pickle", "np", "numpy", "torch", "yaml", "joblib", "dill", "cloudpickle")

IN_MODEL = "torch.load is read_checkpoint while a model is made (pretrained_models)"
IN_TRAINER = "its torch reads with read_checkpoint (hooks.reading)"
PACKAGED = "reads a YAML file of RecBole's own package, with a loader that makes no objects"
FIXED = "imports a module of RecBole's own package by a name that get_model has found there"
ROADS = {
    ("config/configurator.py", "_convert_config_dict", "eval"): "IleConfig reads literals instead",
    ("config/configurator.py", "_load_config_files", "yaml.load"): "IleConfig reads with yaml.SafeLoader",
    ("config/configurator.py", "_update_internal_config_dict", "yaml.load"): PACKAGED,
    ("data/dataset/dataset.py", "_get_download_url", "yaml.load"): PACKAGED,
    ("data/utils.py", "create_dataset", "importlib.import_module"): FIXED,
    ("data/utils.py", "create_dataset", "pickle.load"): "reads trusted files alone (hooks.reading)",
    ("data/utils.py", "load_split_dataloaders", "pickle.load"): "reads trusted files alone (hooks.reading)",
    ("model/context_aware_recommender/kd_dagfm.py", "__init__", "eval"): "looks the name up (closed_models)",
    ("model/context_aware_recommender/kd_dagfm.py", "__init__", "torch.load"): IN_MODEL,
    ("model/general_recommender/convncf.py", "__init__", "torch.load"): IN_MODEL,
    ("model/general_recommender/ldiffrec.py", "__init__", "np.load"): "reads numbers alone (closed_models)",
    ("model/general_recommender/nais.py", "_load_pretrain", "torch.load"): IN_MODEL,
    ("model/general_recommender/neumf.py", "load_pretrain", "torch.load"): IN_MODEL,
    ("model/general_recommender/ract.py", "__init__", "torch.load"): IN_MODEL,
    ("model/sequential_recommender/s3rec.py", "__init__", "torch.load"): IN_MODEL,
    ("quick_start/quick_start.py", "load_data_and_model", "torch.load"): "is load_model_and_data (hooks.reading)",
    ("trainer/hyper_tuning.py", "_build_space_from_file", "eval"): "is not reached: a sweep reads the file itself",
    ("trainer/trainer.py", "__init__", "__import__"): "imports xgboost or lightgbm, by a name in the code",
    ("trainer/trainer.py", "evaluate", "torch.load"): IN_TRAINER,
    ("trainer/trainer.py", "resume_checkpoint", "torch.load"): IN_TRAINER,
    ("utils/utils.py", "get_model", "importlib.import_module"): FIXED,
    ("utils/utils.py", "get_trainer", "importlib.import_module"): FIXED,
}
"""By file, function and call of RecBole 1.2.0 and 1.2.1: how it is closed."""

SMALL = {"topk": 2, "valid_metric": "NDCG@2", "epochs": 1, "show_progress": False, "state": "ERROR"}
TEACHER = "(lambda: __import__('pathlib').Path('ran').touch())() or CrossNet"


class Evil:
    """Pickles as a call that leaves a trace."""

    def __reduce__(self) -> Any:
        return os.system, (f"touch {Path.cwd() / 'ran'}",)


def roads_of(path: Path) -> set[tuple[str, str]]:
    """Each function of a source file with the calls in it that could run what a text or a file says."""
    found = set()
    for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(function, ast.FunctionDef):
            for call in ast.walk(function):
                name = ast.unparse(call.func) if isinstance(call, ast.Call) else ""
                first, _, last = name.rpartition(".")
                if last in CALLS and (not first or first in (*LOADING, "importlib", "os", "subprocess")):
                    found.add((function.name, name))
    return found


def test_every_road_through_recbole_is_known() -> None:
    package = Path(recbole.__file__).parent
    found = {(str(path.relative_to(package)), *road) for path in package.rglob("*.py") for road in roads_of(path)}
    assert found == set(ROADS)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of BPR on ``tiny``, beside the folder of its data."""
    folder = tmp_path_factory.mktemp("good")
    write_atomic(folder / "data", "tiny", tiny_lines())
    options = {**SMALL, "data_path": str(folder / "data"), "checkpoint_dir": str(folder / "saved")}
    before = Path.cwd()
    os.chdir(folder)
    try:
        return Path(run_recbole_ile("BPR", "tiny", config_dict=options)["checkpoint"])
    finally:
        os.chdir(before)


def forged(good: Path, **settings: Any) -> Path:
    """The checkpoint with options in its configuration that nobody gave."""
    stored = read_checkpoint(good)
    for table in ("external_config_dict", "final_config_dict", "internal_config_dict"):
        vars(stored["config"])[table].update(settings)
    Path("theirs").mkdir(exist_ok=True)
    write_checkpoint(stored, "theirs/f.pth")
    return Path("theirs/f.pth")


def evil_pickle(path: str) -> str:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with open(path, "wb") as file:
        pickle.dump(Evil(), file)
    return str(Path(path).resolve())


def ran() -> bool:
    found = Path("ran").exists()
    Path("ran").unlink(missing_ok=True)
    return found


def stock_load(checkpoint: Path) -> None:
    from recbole.quick_start import load_data_and_model

    load_data_and_model(str(checkpoint))


WAYS: dict[str, Callable[[Path], Any]] = {
    "load_model": lambda checkpoint: load_model(checkpoint),
    "load_data_and_model": stock_load,
    "run --checkpoint": lambda checkpoint: main(["run", f"--checkpoint={checkpoint}"]),
    "run --resume": lambda checkpoint: main(["run", f"--resume={checkpoint}", "--epochs=2"]),
    "recommend": lambda checkpoint: main(["recommend", f"--checkpoint={checkpoint}", "--all", "--k=2", "--out=o.csv"]),
    "recommend to a folder": lambda checkpoint: main(
        ["recommend", f"--checkpoint={checkpoint}", "--all", "--k=2", "--out=o/"]
    ),
    "run --refit": lambda checkpoint: main(["run", f"--checkpoint={checkpoint}", "--refit"]),
    "export": lambda checkpoint: main(["export", f"--checkpoint={checkpoint}", "--k=2", "--out=o.npz"]),
}


STORED: dict[str, Callable[[], dict[str, Any]]] = {
    "dataset_save_path": lambda: {"dataset_save_path": evil_pickle("evil.pth")},
    "dataloaders_save_path": lambda: {"dataloaders_save_path": evil_pickle("evil.pth"), "fast_loader": False},
    "pre_model_path": lambda: {"pre_model_path": evil_pickle("evil.pth")},
    "warm_up": lambda: {"warm_up": evil_pickle("evil.pth")},
    "teacher": lambda: {"teacher": TEACHER},
    "log_wandb": lambda: {"log_wandb": True, "wandb_project": "theirs"},
    "checkpoint_dir": lambda: {"checkpoint_dir": str(Path("elsewhere").resolve()), "save_dataset": True},
}
"""Options that lie in a checkpoint of somebody's, each of which would run code, read or write something."""


@pytest.mark.trains
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("entry", STORED)
def test_a_stored_option_has_no_effect(good: Path, way: str, entry: str) -> None:
    checkpoint = forged(good, **STORED[entry]())
    done = WAYS[way](checkpoint)
    assert done == 0 or not isinstance(done, int), "the rest of the checkpoint is good"
    assert not ran()
    assert not Path("elsewhere").exists()
    assert not list(Path().rglob("*-Dataset.pth"))


@pytest.mark.trains
@pytest.mark.parametrize("way", WAYS)
def test_a_teacher_is_a_name(rich: Path, way: str) -> None:
    options = {**FM_LIKE, "data_path": str(rich)}
    stored = read_checkpoint(run_recbole_ile("KD_DAGFM", "rich", config_dict=options)["checkpoint"])
    for table in ("external_config_dict", "final_config_dict"):
        vars(stored["config"])[table]["teacher"] = TEACHER
    write_checkpoint(stored, "k.pth")
    WAYS[way](Path("k.pth"))
    assert not ran()


FM_LIKE = {
    **{"epochs": 1, "show_progress": False, "state": "ERROR", "topk": 2, "metrics": ["NDCG"], "valid_metric": "NDCG@2"},
    **{"eval_args.mode": "full", "train_neg_sample_args": {"distribution": "uniform", "sample_num": 1}},
}


@pytest.mark.parametrize("by_file", [False, True])
def test_a_teacher_that_a_user_gives_is_a_name(rich: Path, by_file: bool, capsys: pytest.CaptureFixture[str]) -> None:
    Path("t.yaml").write_text(f'teacher: "{TEACHER}"\n')
    given = "--config_files=t.yaml" if by_file else f"--teacher={TEACHER}"
    usual = [f"--{key}={value}" for key, value in FM_LIKE.items()]
    assert main(["run", "--model=KD_DAGFM", "--dataset=rich", f"--data_path={rich}", *usual, given]) == 2
    assert "teacher" in capsys.readouterr().err.splitlines()[-1]
    assert not ran()


@pytest.mark.trains
@pytest.mark.parametrize("fast_loader", [True, False])
@pytest.mark.parametrize("name", ["tiny-Dataset.pth", "tiny-for-BPR-dataloader.pth"])
def test_a_file_that_merely_lies_in_the_folder_is_not_read(tiny: Path, name: str, fast_loader: bool) -> None:
    evil_pickle(f"saved/{name}")
    run_recbole_ile("BPR", "tiny", config_dict={**SMALL, "data_path": str(tiny), "fast_loader": fast_loader})
    assert not ran()


@pytest.mark.parametrize("key", ["dataset_save_path", "dataloaders_save_path"])
def test_a_pickle_that_a_user_gives_is_read_with_trust_alone(tiny: Path, key: str) -> None:
    options = {**SMALL, "data_path": str(tiny), key: evil_pickle("evil.pth")}
    with pytest.raises(InputError, match=r"evil\.pth is a pickle, .*--trust_checkpoint"):
        run_recbole_ile("BPR", "tiny", config_dict=options)
    assert not ran()
    with pytest.raises(Exception, match=r".*"):
        run_recbole_ile("BPR", "tiny", config_dict=options, trust_checkpoint=True)
    assert ran(), "the user said so"


PRETRAINED: dict[str, dict[str, Any]] = {
    "NeuMF": {"use_pretrain": True, "mf_pretrain_path": "evil.pth", "mlp_pretrain_path": "evil.pth"},
    "NAIS": {"pretrain_path": "evil.pth"},
    "ConvNCF": {"train_method": "after_pretrain", "pre_model_path": "evil.pth"},
    "RaCT": {"train_stage": "finetune", "pre_model_path": "evil.pth"},
}


@pytest.mark.parametrize("model", PRETRAINED)
def test_a_file_of_a_pre_training_is_data(tiny: Path, model: str) -> None:
    torch.save({"state_dict": Evil()}, "evil.pth")
    with pytest.raises(InputError, match="holds more than data"):
        run_recbole_ile(model, "tiny", config_dict={**SMALL, "data_path": str(tiny), **PRETRAINED[model]})
    assert not ran()


@pytest.fixture(scope="module")
def ldiffrec(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of LDiffRec with categories, which it makes of ``item_emb.npy``."""
    folder = tmp_path_factory.mktemp("ldiffrec")
    write_atomic(folder / "data", "tiny", tiny_lines())
    np.save(folder / "data" / "tiny" / "item_emb.npy", np.random.default_rng(0).normal(size=(8, 4)).astype("float32"))
    options = {"data_path": str(folder / "data"), "checkpoint_dir": str(folder / "saved"), "n_cate": 2, "out_dims": [4]}
    before = Path.cwd()
    os.chdir(folder)
    try:
        return Path(run_recbole_ile("LDiffRec", "tiny", config_dict={**SMALL, **options})["checkpoint"])
    finally:
        os.chdir(before)


@pytest.mark.trains
@pytest.mark.parametrize("way", WAYS)
def test_an_array_of_objects_is_refused(ldiffrec: Path, way: str, capsys: pytest.CaptureFixture[str]) -> None:
    data = Path(read_checkpoint(ldiffrec)["config"].external_config_dict["data_path"]) / "tiny" / "item_emb.npy"
    np.save(data, np.array([Evil()] * 8, dtype=object), allow_pickle=True)
    if way.startswith("load"):
        with pytest.raises(InputError, match=r"item_emb\.npy does not hold"):
            WAYS[way](ldiffrec)
    else:
        assert WAYS[way](ldiffrec) == 2
        assert "item_emb.npy does not hold" in capsys.readouterr().err
    assert not ran()


def test_trust_is_nothing_that_a_file_can_say(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("t.yaml").write_text("trust_checkpoint: True\n")
    evil_pickle("evil.pth")
    words = ["run", "--model=BPR", "--dataset=tiny", f"--data_path={tiny}", "--topk=2", "--valid_metric=NDCG@2"]
    main([*words, "--config_files=t.yaml", "--dataset_save_path=evil.pth"])
    assert capsys.readouterr().err
    assert not ran()
