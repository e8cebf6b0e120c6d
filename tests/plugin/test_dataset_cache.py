"""A data set from the cache is the one from the files, bit for bit, or is made again."""

from __future__ import annotations

import logging
import multiprocessing
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from recbole.data import create_dataset
from recbole.data.interaction import Interaction
from recbole.utils import init_seed

from recbole_ile import run_recbole_ile
from recbole_ile.plugin import dataset_cache
from recbole_ile.plugin.config import IleConfig, as_base_model
from recbole_ile.plugin.dataset_cache import cache_folder, cached_dataset
from recbole_ile.plugin.dataset_key import content_digest, dataset_key, settings_without_effect
from recbole_ile.plugin.plain_state import NotPlain, from_plain, to_plain
from recbole_ile.plugin.sealed_file import DamagedFile, read_sealed, write_sealed

SMALL: dict[str, Any] = {"topk": 2, "valid_metric": "NDCG@2", "metrics": ["NDCG"], "epochs": 1, "show_progress": False}
LOADED = {
    "inter": ["user_id", "item_id", "rating", "timestamp"],
    "user": ["user_id", "age", "home"],
    "item": ["item_id", "price", "tags", "sizes"],
    "kg": ["head_id", "relation_id", "tail_id"],
    "link": ["item_id", "entity_id"],
    "feat": ["feat_id", "vector"],
}
IN_ORDER = {"eval_args": {"split": {"LS": "valid_and_test"}, "order": "TO", "mode": "full"}}
LABELS = {"threshold": {"rating": 3}, "metrics": ["AUC"], "valid_metric": "AUC"}
LABELS["eval_args"] = {"split": {"RS": [8, 1, 1]}, "group_by": None, "order": "RO", "mode": "labeled"}
KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "general": ("BPR_ILE", {}),
    "in the order of time": ("BPR", IN_ORDER),
    "filtered": (
        "BPR",
        {"user_inter_num_interval": "[3,inf)", "unused_col": {"inter": ["timestamp"]}, "rm_dup_inter": "last"},
    ),
    "context-aware": ("FM", LABELS),
    "numbers in buckets": ("FM", {**LABELS, "numerical_features": ["age"], "normalize_all": False}),
    "sequential": ("SASRec", {"train_neg_sample_args": None, "MAX_ITEM_LIST_LENGTH": 4, **IN_ORDER}),
    "knowledge-based": ("CKE", {"kg_reverse_r": True}),
    "preloaded": (
        "BPR",
        {"additional_feat_suffix": "feat", "alias_of_item_id": ["feat_id"], "preload_weight": {"feat_id": "vector"}},
    ),
}


@pytest.fixture
def rich(tmp_path: Path) -> Path:
    """A ``data_path`` with a data set of every kind of file and column."""
    random = np.random.default_rng(0)
    rows = [
        f"u{user} i{item} {random.integers(1, 6)} {random.integers(1000)}"
        for user in range(12)
        for item in random.choice(15, 7, replace=False)
    ]
    tables = {
        "inter": ["user_id:token item_id:token rating:float timestamp:float", *rows],
        "user": ["user_id:token age:float home:token", *(f"u{user} {20 + user / 3} h{user % 3}" for user in range(12))],
        "item": [
            "item_id:token price:float tags:token_seq sizes:float_seq",
            *(f"i{item} {item} {'a_b_c'[: 1 + 2 * (item % 3)]} {'1_2.5'[: 1 + 2 * (item % 2)]}" for item in range(15)),
        ],
        "kg": [
            "head_id:token relation_id:token tail_id:token",
            *(f"e{item} r{item % 2} e{item + 9}" for item in range(15)),
        ],
        "link": ["item_id:token entity_id:token", *(f"i{item} e{item}" for item in range(15))],
        "feat": ["feat_id:token vector:float_seq", *(f"i{item} {item}_2.5" for item in range(15))],
    }
    folder = tmp_path / "data" / "rich"
    folder.mkdir(parents=True)
    for suffix, lines in tables.items():
        text = "\n".join(
            line.replace(" ", "\t").replace("_b", " b").replace("_c", " c").replace("_2.5", " 2.5") for line in lines
        )
        (folder / f"rich.{suffix}").write_text(text + "\n")
    return tmp_path / "data"


def config(data: Path, model: str = "BPR", dataset: str = "rich", **options: Any) -> IleConfig:
    return IleConfig(model, dataset, config_dict={"data_path": str(data), "load_col": LOADED, **SMALL, **options})


def prepared(settings: IleConfig) -> dict[str, Any]:
    """Prepare a data set; return all that it consists of, and torch's next random number."""
    init_seed(settings["seed"], True)
    with as_base_model(settings):
        whole = cached_dataset(settings, create_dataset)
        parts = whole.build()
    number = torch.rand(1)
    left_out = ("config", "logger", "build")
    states = [{name: vars(one)[name] for name in sorted(vars(one)) if name not in left_out} for one in (whole, *parts)]
    assert all(type(part) is type(whole) and part.config is settings for part in parts)
    return {"states": states, "class": type(whole), "number": number}


def assert_same(one: Any, other: Any) -> None:
    assert type(one) is type(other)
    if isinstance(one, Interaction):
        assert len(one) == len(other)
        assert_same(one.interaction, other.interaction)
    elif isinstance(one, dict):
        assert list(one) == list(other)
        assert [type(key) for key in one] == [type(key) for key in other]
        for entry in one:
            assert_same(one[entry], other[entry])
    elif isinstance(one, list | tuple):
        assert len(one) == len(other)
        for first, second in zip(one, other, strict=True):
            assert_same(first, second)
    elif isinstance(one, torch.Tensor | np.ndarray):
        assert one.dtype == other.dtype
        assert one.shape == other.shape
        assert bytes(np.ascontiguousarray(one)) == bytes(np.ascontiguousarray(other))
    else:
        assert one == other


def entries() -> list[Path]:
    return sorted(cache_folder().glob("*.npz"))


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_tells_a_data_set_from_the_cache_from_one_from_the_files(
    rich: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, options = KINDS[kind]
    stock = prepared(config(rich, model, **options, dataset_cache=False))
    first = prepared(config(rich, model, **options))
    assert len(entries()) == 1
    monkeypatch.setattr(dataset_cache, "_split", None)  # whoever reads the files now fails
    second = prepared(config(rich, model, **options))
    assert_same(first, stock)
    assert_same(second, stock)


def test_parts_that_come_in_files_of_their_own(rich: Path) -> None:
    folder = rich / "rich"
    header, *lines = (folder / "rich.inter").read_text().splitlines()
    for part, rows in {"a": lines[:40], "b": lines[40:60], "c": lines[60:]}.items():
        (folder / f"rich.{part}.inter").write_text("\n".join([header, *rows]) + "\n")
    options = {"benchmark_filename": ["a", "b", "c"]}
    stock = prepared(config(rich, **options, dataset_cache=False))
    assert_same(prepared(config(rich, **options)), stock)
    assert_same(prepared(config(rich, **options)), stock)
    assert len(entries()) == 1
    (folder / "rich.b.inter").write_text("\n".join([header, *lines[41:60]]) + "\n")
    prepared(config(rich, **options))
    assert len(entries()) == 2


@pytest.mark.parametrize("model", ["BPR_ILE", "SASRec"])
def test_a_run_ends_in_the_same_parameters_and_metrics(rich: Path, model: str) -> None:
    options = {"data_path": str(rich), "load_col": LOADED, **SMALL, "metrics": ["NDCG", "UPD", "AD", "EE"]}
    if model == "SASRec":
        options |= KINDS["sequential"][1]
    found = []
    for cached in (False, True, True):
        result = run_recbole_ile(model, "rich", config_dict={**options, "dataset_cache": cached})
        stored = torch.load(result["checkpoint"], weights_only=False)["state_dict"]
        found.append((result["test_result"], {name: tensor.cpu() for name, tensor in stored.items()}))
    assert len(entries()) == 1
    assert_same(found[1], found[0])
    assert_same(found[2], found[0])


def test_a_seed_of_its_own_has_a_split_of_its_own_unless_time_decides(rich: Path) -> None:
    for seed in (1, 2, 1):
        prepared(config(rich, seed=seed))
    assert len(entries()) == 2
    for seed in (1, 2, 1):
        stock = prepared(config(rich, seed=seed, **IN_ORDER, dataset_cache=False))
        assert_same(prepared(config(rich, seed=seed, **IN_ORDER)), stock)
    assert len(entries()) == 3


def test_a_file_edited_behind_the_back_of_size_and_time_is_read_again(rich: Path) -> None:
    path = rich / "rich" / "rich.inter"
    options = {"filter_inter_by_user_or_item": False}
    before, status = prepared(config(rich, **options)), path.stat()
    path.write_text(path.read_text().replace("u11\t", "u12\t"))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert path.stat().st_size == status.st_size
    after = prepared(config(rich, **options))
    assert "u12" in after["states"][0]["field2token_id"]["user_id"]
    assert "u12" not in before["states"][0]["field2token_id"]["user_id"]


def truncated(content: bytes) -> bytes:
    return content[: len(content) // 2]


def flipped(content: bytes) -> bytes:
    return content[:-500] + bytes([content[-500] ^ 1]) + content[-499:]


def emptied(_: bytes) -> bytes:
    return b""


def prolonged(content: bytes) -> bytes:
    return content + b"\0"


@pytest.mark.parametrize("damage", [truncated, flipped, emptied, prolonged])
def test_a_damaged_entry_is_made_again(rich: Path, damage: Any, caplog: pytest.LogCaptureFixture) -> None:
    stock = prepared(config(rich))
    (path,) = entries()
    content = path.read_bytes()
    path.write_bytes(damage(content))
    with caplog.at_level(logging.WARNING):
        again = prepared(config(rich))
    assert_same(again, stock)
    assert len([record for record in caplog.records if str(path) in record.message]) == 1
    assert path.read_bytes() == content


def test_every_byte_of_an_entry_is_under_the_checksum(tmp_path: Path) -> None:
    path = tmp_path / "entry.npz"
    write_sealed(path, "text", [np.arange(3)])
    content = path.read_bytes()
    for position in range(len(content)):
        path.write_bytes(content[:position] + bytes([content[position] ^ 255]) + content[position + 1 :])
        with pytest.raises(DamagedFile):
            read_sealed(path)


def test_an_entry_of_another_version_or_data_set_is_made_again(rich: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stock = prepared(config(rich))
    (path,) = entries()
    monkeypatch.setattr("recbole_ile.plugin.dataset_key.FORMAT", 0)
    prepared(config(rich))
    (other,) = set(entries()) - {path}
    other.write_bytes(path.read_bytes())  # a whole entry, but of another version
    assert_same(prepared(config(rich)), stock)
    assert other.read_bytes() != path.read_bytes()
    write_sealed(other, *to_plain({"key": other.stem.rpartition("-")[2]}))  # the right name and half of the content
    assert_same(prepared(config(rich)), stock)


def test_switched_off_nothing_is_written_or_read(rich: Path) -> None:
    prepared(config(rich, dataset_cache=False))
    assert not cache_folder().exists()
    prepared(config(rich))
    (path,) = entries()
    path.write_bytes(b"")
    prepared(config(rich, dataset_cache=False))
    assert path.read_bytes() == b""


def test_a_folder_that_cannot_be_written_costs_one_line(
    rich: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("RECBOLE_ILE_CACHE", str(tmp_path / "file"))
    with caplog.at_level(logging.WARNING):
        found = prepared(config(rich))
    assert_same(found, prepared(config(rich, dataset_cache=False)))
    assert len([record for record in caplog.records if "cannot be kept" in record.message]) == 1


def test_several_processes_may_write_the_same_entry(rich: Path) -> None:
    with multiprocessing.get_context("fork").Pool(4) as pool:
        pool.map(_prepare_in_process, [str(rich)] * 8)
    assert [path.suffix for path in cache_folder().iterdir()] == [".npz"]
    assert_same(prepared(config(rich)), prepared(config(rich, dataset_cache=False)))


def _prepare_in_process(data: str) -> None:
    prepared(config(Path(data)))


def test_recboles_own_stores_go_first(rich: Path, tmp_path: Path) -> None:
    for options in ({"save_dataset": True}, {}):
        cached_dataset(config(rich, **options, checkpoint_dir=str(tmp_path / "own")), create_dataset)
        assert (tmp_path / "own" / "rich-Dataset.pth").is_file()
        assert not entries()


def test_a_data_set_with_more_than_tables_is_not_kept(rich: Path) -> None:
    options = KINDS["sequential"][1]
    stock = prepared(config(rich, "SASRec", **options, dataset_cache=False))
    settings = config(rich, "SASRec", **options)

    def with_more(of: Any) -> Any:
        dataset = create_dataset(of)
        dataset.sampler = object()
        return dataset

    init_seed(settings["seed"], True)
    parts = cached_dataset(settings, with_more).build()
    assert not entries()
    assert_same(parts[0].inter_feat, stock["states"][1]["inter_feat"])


def test_the_folder_stays_small_and_keeps_what_was_used_last(rich: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for seed in (1, 2):
        prepared(config(rich, seed=seed))
        for path in entries():
            os.utime(path, (seed, seed))
    first = entries()
    prepared(config(rich, seed=1))  # used, so the other one goes
    used = max(first, key=lambda path: path.stat().st_mtime)
    abandoned = cache_folder() / ".rich-killed.npz"
    abandoned.write_bytes(b"")
    os.utime(abandoned, (1, 1))
    monkeypatch.setattr(dataset_cache, "LARGEST_FOLDER", int(2.5 * used.stat().st_size))
    prepared(config(rich, seed=3))
    assert len(entries()) == 2
    assert used in entries()
    assert not abandoned.exists()


CHANGES: dict[str, Any] = {
    "field_separator": ",",
    "seq_separator": "|",
    "encoding": "latin-1",
    "LABEL_FIELD": "liked",
    "TIME_FIELD": "when",
    "NEG_PREFIX": "not_",
    "MAX_ITEM_LIST_LENGTH": 7,
    "LIST_SUFFIX": "_seq",
    "seq_len": {"tags": 1},
    "threshold": {"rating": 4},
    "load_col": {"inter": ["user_id", "item_id"]},
    "unload_col": {"inter": ["rating"]},
    "unused_col": {"inter": ["rating"]},
    "additional_feat_suffix": ["feat"],
    "rm_dup_inter": "first",
    "val_interval": {"rating": "[2,inf)"},
    "filter_inter_by_user_or_item": False,
    "user_inter_num_interval": "[2,inf)",
    "item_inter_num_interval": "[2,inf)",
    "alias_of_user_id": ["home"],
    "alias_of_item_id": ["tags"],
    "preload_weight": {"item_id": "price"},
    "normalize_field": ["rating"],
    "normalize_all": False,
    "numerical_features": ["age"],
    "discretization": {"age": {"method": "LD"}},
    "kg_reverse_r": True,
    "entity_kg_num_interval": "[2,inf)",
    "benchmark_filename": ["a", "b", "c"],
    "eval_args.order": "TO",
    "eval_args.split.RS": [0.7, 0.1, 0.2],
    "eval_args.group_by": "none",
}
WITHOUT_EFFECT: dict[str, Any] = {
    "learning_rate": 0.5,
    "epochs": 7,
    "embedding_size": 8,
    "train_batch_size": 3,
    "eval_batch_size": 3,
    "train_neg_sample_args.sample_num": 3,
    "weight_decay": 0.1,
    "topk": [1],
    "metrics": ["NDCG", "UPD"],
    "eval_args.mode": "uni5",
    "stopping_step": 3,
    "item_group_by": "items",
    "item_group_split": [0.5, 0.5],
    "user_group_num": 2,
    "checkpoint_dir": "elsewhere",
    "gpu_id": "1",
    "state": "ERROR",
}


def key_of(data: Path, model: str = "BPR", **options: Any) -> str:
    settings = config(data, model, **{"valid_metric": f"NDCG@{options.get('topk', [2])[0]}", **options})
    init_seed(settings["seed"], True)
    with as_base_model(settings):
        return dataset_key(settings, content_digest(settings))


@pytest.mark.parametrize("name", CHANGES)
def test_every_setting_of_the_data_set_changes_the_key(rich: Path, name: str) -> None:
    assert key_of(rich, **{name: CHANGES[name]}) != key_of(rich)


@pytest.mark.parametrize("name", WITHOUT_EFFECT)
def test_a_setting_of_the_model_or_the_training_shares_the_entry(rich: Path, name: str) -> None:
    assert key_of(rich, **{name: WITHOUT_EFFECT[name]}) == key_of(rich)


def test_models_share_the_data_set_that_they_have_in_common(rich: Path) -> None:
    assert len({key_of(rich, model) for model in ("BPR", "BPR_ILE", "NeuMF", "LightGCN")}) == 1
    assert key_of(rich, "LightGCN_ILE", n_layers=1, ile_lambda=0.7) == key_of(rich, "LightGCN")
    assert key_of(rich, "CKE") != key_of(rich)


@pytest.mark.parametrize("kind", KINDS)
def test_no_setting_that_making_a_data_set_reads_is_left_out_of_its_key(rich: Path, kind: str) -> None:
    class Watched(IleConfig):
        read: set[str]

        def __getitem__(self, name: str) -> Any:
            vars(self).setdefault("read", set()).add(name)
            return super().__getitem__(name)

    model, options = KINDS[kind]
    settings = Watched(model, "rich", config_dict={"data_path": str(rich), "load_col": LOADED, **SMALL, **options})
    with as_base_model(settings):
        settings.read = set()
        dataset = create_dataset(settings)
        chosen_by = {"model", "MODEL_TYPE", "checkpoint_dir", "dataset_save_path", "save_dataset"}
        settings.read -= chosen_by  # by create_dataset, which makes the class of the data set from the first two
        dataset.build()
    assert len(settings.read) > 20
    assert settings.read & settings_without_effect() <= {"data_path"}


@pytest.mark.parametrize(
    "array",
    [
        np.array(["[PAD]", "ä", "日本", "🎬"]),
        np.array([], dtype="<U3"),
        np.array([0, 255]),
        np.array([-1, 2**62]),
        np.arange(6).reshape(2, 3),
        np.array([0.1, np.nan]),
        np.array([True, False]),
        np.zeros((0, 4), dtype=np.float32),
    ],
)
def test_arrays_come_back_as_they_were(tmp_path: Path, array: np.ndarray) -> None:
    write_sealed(tmp_path / "a.npz", "ä", [array])
    text, (found,) = read_sealed(tmp_path / "a.npz")
    assert text == "ä"
    assert_same(found, array)


def test_what_cannot_be_written_plainly_is_refused() -> None:
    for value in (object(), {1, 2}, np.array([object()]), torch.zeros(2).to_sparse(), torch.zeros(())):
        with pytest.raises(NotPlain):
            to_plain([value])
    shared = {"a": 1}
    found = from_plain(*to_plain([shared, shared]))
    assert found[0] is found[1]
