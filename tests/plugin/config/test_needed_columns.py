"""Columns that a setting names are loaded, from whichever file has them; one that is nowhere is missed in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from rich_data import SMALL

from recbole_ile import run_recbole_ile
from recbole_ile.errors import InputError
from recbole_ile.plugin.config.config import IleConfig, for_recbole
from recbole_ile.plugin.runs.preparation import prepare_data, read_dataset

SEQUENTIAL = {"train_neg_sample_args": None}
LABELED = {"metrics": ["AUC"], "valid_metric": "AUC"}
PARTS = {"benchmark_filename": ["train", "valid", "test"]}


def config(data: Path, model: str = "BPR", **options: Any) -> IleConfig:
    settings = {**SMALL, "data_path": str(data), "dataset_cache": False, "state": "ERROR", **options}
    return IleConfig(model, "rich", config_dict=settings)


LOADED: list[tuple[str, dict[str, Any], dict[str, list[str]]]] = [
    ("SASRec", SEQUENTIAL, {"inter": ["user_id", "item_id", "timestamp"]}),
    ("SASRec_ILE", SEQUENTIAL, {"inter": ["user_id", "item_id", "timestamp"]}),
    ("BPR", {"eval_args.order": "TO"}, {"inter": ["user_id", "item_id", "timestamp"]}),
    ("BPR", {"eval_args.order": "TO", "TIME_FIELD": "rating"}, {"inter": ["user_id", "item_id", "rating"]}),
    ("FM", {**LABELED, "threshold": {"rating": 3}}, {"inter": ["user_id", "item_id", "rating"]}),
    ("FM", {**LABELED, "LABEL_FIELD": "rating"}, {"inter": ["user_id", "item_id", "rating"]}),
    ("BPR", {"val_interval": {"rating": "[2,inf)"}}, {"inter": ["user_id", "item_id", "rating"]}),
    ("BPR", {"val_interval": {"price": "[2,inf)"}}, {"inter": ["user_id", "item_id"], "item": ["item_id", "price"]}),
    ("BPR", {"normalize_field": ["age"]}, {"inter": ["user_id", "item_id"], "user": ["user_id", "age"]}),
    ("DMF", {"inter_matrix_type": "rating"}, {"inter": ["user_id", "item_id", "rating"]}),
    (
        "SASRecF",
        {**SEQUENTIAL, "selected_features": ["tags"]},
        {"inter": ["user_id", "item_id", "timestamp"], "item": ["item_id", "tags"]},
    ),
    ("BPR", {}, {"inter": ["user_id", "item_id"]}),
]


@pytest.mark.parametrize(("model", "options", "loaded"), LOADED, ids=[f"{m} {[*o]}" for m, o, _ in LOADED])
def test_a_column_that_a_setting_names_is_loaded(
    rich: Path, model: str, options: dict[str, Any], loaded: dict[str, list[str]]
) -> None:
    found = config(rich, model, **options)
    assert found["load_col"] == loaded
    asked = for_recbole(found)
    dataset = read_dataset(asked)
    wanted = {column for columns in loaded.values() for column in columns} - {*(options.get("threshold") or ())}
    assert wanted <= set(dataset.field2type)


MISSED: list[tuple[str, dict[str, Any], str]] = [
    (
        "SASRec",
        {**SEQUENTIAL, "TIME_FIELD": "time"},
        "no column time, did you mean timestamp?, TIME_FIELD names the column by which SASRec",
    ),
    ("BPR", {"eval_args.order": "TO", "TIME_FIELD": "timestmap"}, "timestmap, did you mean timestamp?"),
    ("FM", {**LABELED, "threshold": {"ratings": 3}}, "no column ratings, did you mean rating?, which threshold names"),
    ("BPR", {"val_interval": {"prize": "[2,inf)"}}, "rich.inter or rich.user or rich.item has no column prize"),
    ("BPR", {"normalize_field": ["xyz"]}, "which normalize_field names; it has user_id"),
    (
        "BPR",
        {"eval_args.order": "TO", "load_col": None, "unload_col": {"inter": ["timestamp"]}},
        "option unload_col={'inter': ['timestamp']} leaves out timestamp",
    ),
]


@pytest.mark.parametrize(("model", "options", "said"), MISSED, ids=[said for _, _, said in MISSED])
def test_one_that_is_nowhere_is_missed_in_one_line(rich: Path, model: str, options: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError) as caught:
        prepare_data(config(rich, model, **options))
    assert said in str(caught.value)


@pytest.mark.parametrize("parts", [["train", "test"], ["train"], "train", [], [1, 2, 3], ["a", "a", "b"], 5, {"a": 1}])
def test_there_are_three_parts(rich: Path, parts: Any) -> None:
    with pytest.raises(InputError, match=r"benchmark_filename=.* is not allowed; it takes three names"):
        config(rich, benchmark_filename=parts)


def write_parts(rich: Path, header: str, rows: dict[str, list[str]]) -> None:
    for part, lines in rows.items():
        text = "".join("\t".join(line.split("|")) + "\n" for line in [header, *lines])
        (rich / "rich" / f"rich.{part}.inter").write_text(text)


def test_a_part_that_is_not_there_is_named(rich: Path) -> None:
    write_parts(rich, "user_id:token|item_id:token", {"train": ["a|x", "b|y"], "valid": ["a|y"]})
    with pytest.raises(InputError, match=r"rich\.test\.inter"):
        prepare_data(config(rich, **PARTS))


def test_parts_of_a_sequential_model_hold_what_came_before(rich: Path) -> None:
    rows = {"train": ["a|x|1", "b|y|1", "a|y|2"], "valid": ["a|z|3"], "test": ["b|x|3"]}
    write_parts(rich, "user_id:token|item_id:token|timestamp:float", rows)
    with pytest.raises(
        InputError, match=r"has no column item_id_list.*, the items before each one, which the parts of"
    ):
        prepare_data(config(rich, "SASRec", **SEQUENTIAL, **PARTS))
    rows = {"train": ["a|y|x", "a|z|x y", "b|x|z"], "valid": ["b|z|z x"], "test": ["a|x|x y z"]}
    write_parts(rich, "user_id:token|item_id:token|item_id_list:token_seq", rows)
    found = config(rich, "SASRec", **SEQUENTIAL, **PARTS)
    names = prepare_data(found).dataset.field2id_token
    assert names["item_id_list"].tolist() == names["item_id"].tolist()


@pytest.mark.trains
def test_a_sequential_model_trains_on_parts_of_its_own(rich: Path) -> None:
    rows = {"train": ["a|y|x", "a|z|x y", "b|x|z"], "valid": ["b|z|z x"], "test": ["a|x|x y z"]}
    write_parts(rich, "user_id:token|item_id:token|item_id_list:token_seq", rows)
    options = {**SMALL, **SEQUENTIAL, **PARTS, "data_path": str(rich), "state": "ERROR", "MAX_ITEM_LIST_LENGTH": 5}
    assert "ndcg@2" in run_recbole_ile("SASRec", "rich", config_dict=options)["test_result"]
