"""Whatever RecBole leaves out is counted in one line with its reason, the same from the cache as from the files."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
from recbole.data import create_dataset
from recbole.utils import init_seed

from recbole_ile.errors import InputError
from recbole_ile.plugin.config.config import IleConfig, for_recbole
from recbole_ile.plugin.data.cache import cached_dataset
from recbole_ile.plugin.runs.preparation import read_dataset

OPTIONS: dict[str, Any] = {"topk": 1, "valid_metric": "NDCG@1", "dataset_cache": False, "state": "WARNING"}
HEADER = "user_id:token item_id:token rating:float"
ROWS = ["a x 1", "a y 2", "b x 3", "b z 4", "c y 5", "c x 1", "d x 2", "d z 3"]
LOADED = {"inter": ["user_id", "item_id", "rating"], "user": ["user_id"], "item": ["item_id", "price"]}


@pytest.fixture(autouse=True)
def _warnings_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)


def read(folder: Path, model: str = "BPR", **options: Any) -> Any:
    config = IleConfig(model, "d", config_dict={**OPTIONS, "data_path": str(folder), "load_col": LOADED, **options})
    asked = for_recbole(config)
    return read_dataset(asked)


def write(folder: Path, suffix: str, lines: list[str]) -> None:
    path = folder / "d" / f"d.{suffix}"
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(line.replace(" ", "\t") + "\n" for line in lines))


def pairs(dataset: Any) -> set[str]:
    names = dataset.field2id_token
    columns = [names[field][dataset.inter_feat[field]] for field in ("user_id", "item_id")]
    return {f"{user} {item}" for user, item in zip(*columns, strict=True)}


CASES: dict[str, tuple[dict[str, list[str]], dict[str, Any], str, int]] = {
    "a field too many or too few": (
        {"inter": [HEADER, *ROWS, "e x 1 1", "e y"]},
        {},
        "d.inter: 1 line with more fields than the header (first: line 10), which are not read; 1 line with fewer "
        "fields than the header (first: line 11), where the missing ones are taken for empty",
        10,
    ),
    "no user, no item, neither": (
        {"inter": [HEADER, *ROWS, " x 1", "a  1", "  1", "b  1"]},
        {},
        "dataset d: left out are 2 interactions without a user (first: line 10); "
        "2 interactions without an item (first: line 11)",
        8,
    ),
    "repeated": (
        {"inter": [HEADER, *ROWS, "a x 3", "a x 4"]},
        {"rm_dup_inter": "first"},
        "2 interactions that are repeated (rm_dup_inter=first)",
        8,
    ),
    "an interval of values": (
        {"inter": [HEADER, *ROWS]},
        {"val_interval": {"rating": "[2,inf)"}},
        "2 interactions outside of val_interval={'rating': '[2,inf)'}",
        6,
    ),
    "no row in .item and .user": (
        {"inter": [HEADER, *ROWS, "e w 1"], "item": ["item_id:token", "x", "y"], "user": ["user_id:token", *"abcd"]},
        {},
        "3 interactions of 1 user and 2 items without a row in the file of users or items",
        6,
    ),
    "a core": (
        {"inter": [HEADER, *ROWS, "e w 1"], "item": ["item_id:token", *"wxyzv"]},
        {"item_inter_num_interval": "[2,inf)"},
        "1 interaction, 2 rows of d.item outside of user_inter_num_interval=[0,inf) and item_inter_num_interval=[2,",
        8,
    ),
    "an id of .item twice": (
        {"inter": [HEADER, *ROWS], "item": ["item_id:token price:float", "x 1", "y 2", "z 3", "y 4"]},
        {},
        "1 row of d.item whose item_id came before (first: line 5)",
        8,
    ),
    "a row of .item without an id": (
        {"inter": [HEADER, *ROWS], "item": ["item_id:token price:float", "x 1", " 2", "y 2", "z 3"]},
        {},
        "1 row of d.item without an item (first: line 3)",
        8,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_left_out_is_said_once(tmp_path: Path, name: str, caplog: pytest.LogCaptureFixture) -> None:
    files, options, said, left = CASES[name]
    for suffix, lines in files.items():
        write(tmp_path, suffix, lines)
    dataset = read(tmp_path, **options)
    warned = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    ours = [line for line in warned if str(tmp_path) in line or line.startswith("dataset d: left out are ")]
    assert len([line for line in ours if said in line]) == 1
    assert len(ours) == 1 if name != "a field too many or too few" else len(ours) <= 2
    assert dataset.inter_num == left
    assert said in str(dataset)


def test_an_item_without_an_entity_is_counted(rich: Path, caplog: pytest.LogCaptureFixture) -> None:
    link = rich / "rich" / "rich.link"
    link.write_text("".join(line for line in link.read_text().splitlines(keepends=True) if not line.startswith("i1\t")))
    from rich_data import config

    settings = config(rich, "CKE", dataset_cache=False)
    asked = for_recbole(settings)
    dataset = create_dataset(asked)
    missing = len((rich / "rich" / "rich.inter").read_text().splitlines()) - 1 - dataset.inter_num
    assert missing
    said = f"left out are {missing} interactions whose item the .link file links to no entity of the .kg file"
    assert len([record for record in caplog.records if said in record.getMessage()]) == 1


def test_nothing_is_said_where_nothing_is_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(tmp_path, "inter", [HEADER, *ROWS])
    dataset = read(tmp_path)
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert "left out" not in str(dataset)


def test_nothing_left_is_an_error_with_the_reasons(tmp_path: Path) -> None:
    write(tmp_path, "inter", [HEADER, *ROWS])
    with pytest.raises(InputError, match=r"no interactions are left: 8 interactions outside of .*\[9,inf\)"):
        read(tmp_path, user_inter_num_interval="[9,inf)")


def test_the_cache_gives_the_same_data_set_and_says_the_same(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(tmp_path, "inter", [HEADER, *ROWS, "NA None 1", "NA null 1 1", "e  1", "nan x 2"])
    found = []
    for _ in range(2):
        caplog.clear()
        options = {**OPTIONS, "data_path": str(tmp_path), "dataset_cache": True}
        config = IleConfig("BPR", "d", config_dict=options)
        init_seed(config["seed"], True)
        asked = for_recbole(config)
        with caplog.at_level(logging.INFO):
            dataset = cached_dataset(asked, read_dataset)
            found.append((pairs(dataset), [part.inter_num for part in dataset.build()]))
        logged = "\n".join(record.getMessage() for record in caplog.records)
        assert "1 line with more fields than the header (first: line 11)" in logged
        assert "1 interaction without an item (first: line 12)" in logged
    assert "prepared data set read from" in logged
    assert found[0] == found[1]
    assert {"NA None", "NA null", "nan x"} <= found[0][0]


@pytest.mark.parametrize(
    ("lines", "said"), [(["a x", " y"], "line 3 has no user"), (["a x", "b"], "line 3 has no item")]
)
def test_a_part_in_a_file_of_its_own_needs_every_id(tmp_path: Path, lines: list[str], said: str) -> None:
    for part, rows in {"train": ["a x", "b y"], "valid": lines, "test": ["a y"]}.items():
        write(tmp_path, f"{part}.inter", ["user_id:token item_id:token", *rows])
    with pytest.raises(InputError, match=rf"d\.valid\.inter: {said}"):
        read(tmp_path, benchmark_filename=["train", "valid", "test"])
