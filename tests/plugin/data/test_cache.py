"""A data set from the cache is the one from the files, bit for bit, or is made again."""

from __future__ import annotations

import logging
import multiprocessing
import os
from pathlib import Path
from typing import Any

import pytest
import torch
from recbole.data import create_dataset
from recbole.utils import init_seed
from rich_data import IN_ORDER, KINDS, LOADED, SMALL, assert_same, config

from recbole_ile import InputError, run_recbole_ile
from recbole_ile.plugin.config.config import IleConfig, for_recbole
from recbole_ile.plugin.data import cache as dataset_cache
from recbole_ile.plugin.data.cache import cache_folder, cached_dataset
from recbole_ile.plugin.data.checksummed_file import read_checksummed, write_checksummed
from recbole_ile.plugin.data.json_state import to_json_state
from recbole_ile.plugin.runs.preparation import prepare_data


def prepared(settings: IleConfig) -> dict[str, Any]:
    """Prepare a data set; return all that it consists of, and torch's next random number."""
    init_seed(settings["seed"], True)
    asked = for_recbole(settings)
    whole = cached_dataset(asked, create_dataset)
    parts = whole.build()
    number = torch.rand(1)
    left_out = ("config", "logger", "build")
    states = [{name: vars(one)[name] for name in sorted(vars(one)) if name not in left_out} for one in (whole, *parts)]
    assert all(type(part) is type(whole) and part.config is asked for part in parts)
    return {"states": states, "class": type(whole), "number": number}


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


@pytest.mark.trains
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
    content = read_checksummed(path)
    path.write_bytes(damage(path.read_bytes()))
    with caplog.at_level(logging.WARNING):
        again = prepared(config(rich))
    assert_same(again, stock)
    warned = [record.message for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warned) == 1
    assert str(path) in warned[0]
    assert_same(read_checksummed(path), content)


def test_an_entry_of_another_version_or_data_set_is_made_again(rich: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stock = prepared(config(rich))
    (path,) = entries()
    monkeypatch.setattr("recbole_ile.plugin.data.cache_key.FORMAT", 0)
    prepared(config(rich))
    (other,) = set(entries()) - {path}
    other.write_bytes(path.read_bytes())  # a whole entry, but of another version
    assert_same(prepared(config(rich)), stock)
    assert other.read_bytes() != path.read_bytes()
    half = {"key": other.stem.rpartition("-")[2]}  # the right name and half of the content
    write_checksummed(other, *to_json_state(half))
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


@pytest.mark.parametrize("key", ["save_dataset", "save_dataloaders"])
def test_what_recbole_would_keep_is_in_the_cache_and_follows_the_files(
    rich: Path, tmp_path: Path, key: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    own = {key: True, "checkpoint_dir": str(tmp_path / "own"), "fast_loader": False}
    assert len(prepare_data(config(rich, **own)).dataset) == 84
    assert f"option {key}: the cache does it" in caplog.text
    assert not list((tmp_path / "own").glob("*"))
    assert len(entries()) == 1
    with open(rich / "rich" / "rich.inter", "a") as file:
        file.write("u0\ti99\t3\t7\n")
    (rich / "rich" / "rich.item").unlink()
    assert len(prepare_data(config(rich, **own)).dataset) == 85


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


def test_what_is_larger_than_the_folder_may_be_is_not_kept(rich: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dataset_cache, "LARGEST_FOLDER", 100)
    prepared(config(rich))
    assert not entries()


def test_what_a_file_lacks_is_said_with_the_cache_as_without(rich: Path) -> None:
    prepare_data(config(rich))
    (rich / "rich" / "rich.inter").write_text("user_id:token\n")
    for cached in (True, False):
        with pytest.raises(InputError, match="item_id"):
            prepare_data(config(rich, dataset_cache=cached))
