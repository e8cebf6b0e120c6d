"""Lists for users whom the model has never seen are those of known users with the same training profile."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from rich_data import IN_ORDER, LOADED, config

from recbole_ile import InputError, run_recbole_ile
from recbole_ile.cli import main
from recbole_ile.functional.implicit_feedback import solve_user
from recbole_ile.plugin.data.histories import read_histories
from recbole_ile.plugin.runs.preparation import prepare_data
from recbole_ile.plugin.runs.restoring import load_model_and_data

pytestmark = pytest.mark.usefixtures("undrawn")
FAST: dict[str, Any] = {"epochs": 1, "show_progress": False, "state": "ERROR", "load_col": LOADED}
FAST |= {"topk": 3, "valid_metric": "NDCG@3", "metrics": ["NDCG"], "eval_args.split": {"RS": [8, 0, 2]}}
LAST_OUT = {"train_neg_sample_args": None, "MAX_ITEM_LIST_LENGTH": 4, **IN_ORDER}


def trained(data: Path, model: str, **options: Any) -> str:
    settings = {**FAST, "data_path": str(data), **options}
    if "eval_args" in options:
        del settings["eval_args.split"]
    return run_recbole_ile(model, "rich", config_dict=settings)["checkpoint"]


def lists(checkpoint: str, *words: str) -> pd.DataFrame:
    assert main(["recommend", f"--checkpoint={checkpoint}", "--k=4", *words, "--out=lists.parquet"]) == 0
    return pd.read_parquet("lists.parquet").sort_values(["user_id", "rank"], ignore_index=True)


def write_history(checkpoint: str, sequential: bool) -> None:
    """Write what each user has before the test part, under a new id."""
    data = load_model_and_data(checkpoint)[2]
    parts = [loader._dataset for loader in (data.train, data.valid, data.test)]
    names = parts[0].field2id_token
    if sequential:
        rows = parts[2].inter_feat
        lengths = rows["item_length"].numpy()
        users = np.repeat(rows["user_id"].numpy(), lengths)
        items = np.concatenate([row[:size] for row, size in zip(rows["item_id_list"].numpy(), lengths, strict=True)])
    else:
        users, items = (parts[0].inter_feat[field].numpy() for field in ("user_id", "item_id"))
    table = pd.DataFrame({"user": names["user_id"][users], "item": names["item_id"][items]})
    table["user"] = "new " + table["user"].astype(str)
    table.to_csv("items.csv", index=False, encoding="utf-8")


@pytest.mark.trains
@pytest.mark.parametrize(
    ("model", "ranked", "options"),
    [
        ("EASE", "EASE_EP_XQ_FAIR_CP", {}),
        ("ItemKNN", "ItemKNN_CP", {}),
        ("MultiDAE", "MultiDAE_CP", {}),
        ("SASRec", "SASRec", LAST_OUT),
    ],
)
def test_the_lists_are_those_of_known_users(rich: Path, model: str, ranked: str, options: dict[str, Any]) -> None:
    checkpoint = trained(rich, model, **options)
    write_history(checkpoint, model == "SASRec")
    known = lists(checkpoint, f"--model={ranked}", "--all")
    unseen = lists(checkpoint, f"--model={ranked}", "--history=items.csv")
    assert unseen["user_id"].str.startswith("new ").all()
    unseen["user_id"] = unseen["user_id"].str.removeprefix("new ")
    pd.testing.assert_frame_equal(known, unseen)


@pytest.mark.trains
def test_the_values_of_a_column_are_a_profile_too(rich: Path) -> None:
    checkpoint = trained(rich, "EASE")
    write_history(checkpoint, False)
    words = ["--model=EASE_CP", "--cp_field=tags"]
    known, unseen = lists(checkpoint, *words, "--all"), lists(checkpoint, *words, "--history=items.csv")
    assert known["item_id"].tolist() == unseen["item_id"].tolist()


@pytest.mark.trains
def test_ials_solves_a_vector_for_a_history(rich: Path) -> None:
    checkpoint = trained(rich, "IALS", ials_factors=4)
    Path("items.csv").write_text("user,item\nzoe,i3\nzoe,i8\nzoe,i3\n", encoding="utf-8")
    model, _, data = load_model_and_data(checkpoint)
    names = data.dataset.field2id_token["item_id"]
    history = data.dataset.token2id("item_id", np.array(["i3", "i8"]))
    items = model.item_factors.numpy()
    scores = items @ solve_user(items, history, 5.0, 0.01, counts=np.array([2.0, 1.0]))
    scores[[0, *history]] = -np.inf
    assert lists(checkpoint, "--history=items.csv")["item_id"].tolist() == names[np.argsort(-scores)[:4]].tolist()


@pytest.mark.trains
def test_what_is_not_known_is_counted_and_what_cannot_be_is_one_line(
    rich: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("items.csv").write_text("user,item\nzoe,i3\nzoe,x\numa,x\numa,y\nu1,i4\n", encoding="utf-8")
    checkpoint = trained(rich, "EASE")
    found = lists(checkpoint, "--history=items.csv")
    assert found["user_id"].unique().tolist() == ["u1", "zoe"]
    printed = capsys.readouterr().out.splitlines()
    assert "items that the model does not know, left out: 2 (x, y)" in printed
    assert "users without items that the model knows, who get no list: 1 (uma)" in printed
    assert "2 users, 2 lists of 4, without what they have used" in printed[-1]
    for words, message in (
        (["--all", "--history=items.csv"], "options users, all and history: got --history=items.csv and --all"),
        (["--history=itmes.csv"], "file itmes.csv does not exist, did you mean items.csv?"),
    ):
        assert main(["recommend", f"--checkpoint={checkpoint}", *words, "--out=lists.csv"]) == 2
        assert message in capsys.readouterr().err
    bpr = trained(rich, "BPR")
    assert main(["recommend", f"--checkpoint={bpr}", "--history=items.csv", "--out=lists.csv"]) == 2
    assert (
        "option history: BPR learns of each user in training and cannot score others; EASE," in capsys.readouterr().err
    )


@pytest.mark.trains
def test_a_sequential_model_that_knows_its_users_is_refused(rich: Path, capsys: pytest.CaptureFixture[str]) -> None:
    checkpoint = trained(rich, "HGN", **LAST_OUT)
    Path("items.csv").write_text("user,item\nzoe,i3\n", encoding="utf-8")
    assert main(["recommend", f"--checkpoint={checkpoint}", "--history=items.csv", "--out=lists.csv"]) == 2
    assert "option history: HGN scores by user_id too, which a history does not tell" in capsys.readouterr().err


def test_a_table_becomes_a_data_set_of_other_users(rich: Path) -> None:
    known = prepare_data(config(rich, "SASRec", **LAST_OUT)).train._dataset
    rows = [("b", "i1"), ("a", "i2"), ("b", "i3"), ("b", "?"), ("b", "i4"), ("b", "i5"), ("b", "i1")]
    pd.DataFrame(rows, columns=["user_id", "item_id"]).to_parquet("items.parquet")
    found = read_histories("items.parquet", known)
    assert (found.names.tolist()[1:], found.unknown, found.without) == (["b", "a"], ["?"], [])
    counts = found.matrix(known.item_num)
    assert counts.shape == (3, 16)
    assert counts[1, known.token2id("item_id", "i1")] == 2
    test = found.parts(known)[-1]
    sequences = [
        known.field2id_token["item_id"][items[:size].numpy()].tolist()
        for items, size in zip(test.inter_feat["item_id_list"], test.inter_feat["item_length"], strict=True)
    ]
    assert sequences == [["i3", "i4", "i5", "i1"], ["i2"]]


def test_a_table_without_any_known_item_is_refused(rich: Path) -> None:
    known = prepare_data(config(rich)).train._dataset
    Path("items.csv").write_text("user,item\nzoe,i33\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"file items.csv has no item that rich knows, i33 for one, did you mean i3\?"):
        read_histories("items.csv", known)
