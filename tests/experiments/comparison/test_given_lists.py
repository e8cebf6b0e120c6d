"""Lists of any program have the numbers of a run, and what is wrong with them is refused, or counted and said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow
import pytest
from hypothesis import given
from hypothesis import strategies as st
from random_cases import cases

from recbole_ile import InputError, evaluate_lists, run_recbole_ile
from recbole_ile.cli import main
from recbole_ile.plugin.config.config import IleConfig
from recbole_ile.plugin.evaluation.metrics import METRICS
from recbole_ile.plugin.runs.preparation import prepare_data
from recbole_ile.plugin.training.seeding import seed_everything

OF_RECBOLE = ["NDCG", "Recall", "MRR", "Hit", "Precision", "MAP", "GiniIndex", "ItemCoverage", "AveragePopularity"]
ALL = [*OF_RECBOLE, "ShannonEntropy", "TailPercentage", *(metric.__name__ for metric in METRICS)]
MEASURED = {"metrics": ALL, "topk": [5, 10], "metric_decimal_place": 10}
RUN: dict[str, Any] = {
    **MEASURED, "epochs": 1, "valid_metric": "NDCG@5", "show_progress": False, "state": "ERROR", "dataset_cache": False,
}  # fmt: skip


def split_of(model: str, dataset: str, **options: Any) -> dict[str, pd.DataFrame]:
    """Return the split that a run has with these options, by the names of ``evaluate_lists``."""
    config = IleConfig(model, dataset, config_dict={**RUN, **options})
    seed_everything(config)
    data = prepare_data(config)
    names = data.dataset.field2id_token
    parts = {}
    for part, loader in (("train", data.train), ("valid", data.valid), ("test", data.test)):
        table = loader._dataset.inter_feat
        parts[part] = pd.DataFrame(
            {kind: names[f"{kind}_id"][table[f"{kind}_id"].numpy()] for kind in ("user", "item")}
        )
    return {**parts, **{f"{kind}s": pd.DataFrame({kind: names[f"{kind}_id"][1:]}) for kind in ("user", "item")}}


@pytest.mark.trains
@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("model", ["BPR", "EASE_EP_CP"])
def test_lists_of_recommend_have_the_numbers_of_the_run(model: str) -> None:
    result = run_recbole_ile(model, "ml-100k", config_dict=RUN)
    assert main(["recommend", f"--checkpoint={result['checkpoint']}", "--all", "--k=10", "--out=lists.parquet"]) == 0
    found = evaluate_lists("lists.parquet", **split_of(model, "ml-100k"), config_dict=MEASURED)
    own = found.results["lists"]
    assert own["test_result"] == pytest.approx(result["test_result"], abs=1e-9)
    for part in ("test_by_user_group", "test_by_item_group"):
        for row, expected in zip(own[part], result[part], strict=True):
            assert row.pop("group") == expected.pop("group")
            assert row == pytest.approx(expected, abs=1e-9, nan_ok=True)
    table = found.users
    for name in ("ndcg", "recall", "mrr", "hit", "precision", "map", "aplt", "miscalibration"):
        assert table[f"{name}@5"].mean() == pytest.approx(result["test_result"][f"{name}@5"], abs=1e-9), name
    by_group = table.groupby("user_group")["upd@5"].mean()
    assert by_group.mean() == pytest.approx(result["test_result"]["upd@5"], abs=1e-9)
    if "EP" not in model:
        assert found.notes == []


def table(text: str, columns: str = "user item") -> pd.DataFrame:
    return pd.DataFrame([row.split() for row in text.split(",")], columns=columns.split())


TRAIN = table("u a,u b,v a,v c,w b,w d")
TEST = table("u c,v b,v d")
LISTS = table("u c,u d,v b,v d")
SMALL = {"topk": 2, "item_group_split": [0.5, 0.5], "user_group_num": 2}


def evaluated(lists: Any = LISTS, **parts: Any) -> Any:
    options = {**SMALL, **parts.pop("config_dict", {})}
    return evaluate_lists(lists, **{"train": TRAIN, "test": TEST, **parts}, config_dict=options)


def test_values_that_a_hand_can_check() -> None:
    found = evaluated()
    result = found.results["lists"]["test_result"]
    assert result["recall@2"] == 1.0
    assert result["mrr@2"] == 1.0
    assert result["precision@2"] == 0.75
    assert result["ad@2"] == 0.75
    assert found.notes == []
    assert found.users["user"].tolist() == ["u", "v"]


@pytest.mark.parametrize(
    ("lists", "says"),
    [
        (table("u c,u x,v b"), r"row 2: item x is in no other table; there are 1 such items"),
        (table("u c,v b,u c"), r"row 3: the list of user u has item c twice"),
        (table("u c 1,u d 1,v b 1", "user item rank"), r"row 2: the list of user u has rank 1 twice"),
        (table("u c nan,v b 1", "user item score"), r"row 1 has no score that is a finite number"),
        (table("u c inf,v b 1", "user item score"), r"row 1 has no score that is a finite number"),
        (table("u c high,v b 1", "user item score"), r"column score: .*high"),
        (table("w c"), r"no list is of a user of test; its first is of w, the first of test is u"),
        (table("u c", "user thing"), r"has no column item or item_id; it has user, thing"),
        (pd.DataFrame({"user": ["u", None], "item": ["c", "d"]}), r"row 2 has no user"),
        (pd.DataFrame({"user": ["u", "u"], "item": ["c", ""]}), r"row 2 has no item"),
        (pd.DataFrame({"user": [1.5], "item": ["c"]}), r"the user 1.5 is no whole number"),
        (pd.DataFrame({"user": [b"u"], "item": ["c"]}), r"column user holds bytes"),
        ("nowhere.csv", r"option lists: file nowhere.csv does not exist"),
        ([1, 2], r"is no table that can be read"),
        ({}, r"option lists names no lists"),
    ],
)
def test_what_cannot_be_measured_is_refused(lists: Any, says: str) -> None:
    with pytest.raises(InputError, match=says):
        evaluated(lists)


@pytest.mark.parametrize(
    ("parts", "says"),
    [
        ({"lists": table("u d,u c,v b,v d", "user item").assign(score=[1, 2, 2, 1])}, "1 list not sorted by score"),
        (
            {"lists": LISTS.assign(rank=[1, 2, 1, 2], score=[1, 2, 2, 1])},
            "1 list whose scores do not descend by rank; the ranks hold",
        ),
        ({"lists": LISTS.assign(rank=[1, 3, 1, 2])}, "1 list with gaps between ranks"),
        ({"lists": table("u c,v b,v d")}, "1 list of fewer than 2 items, the shortest of 1"),
        ({"lists": table("u c,u d,u a,v b,v d")}, "1 list of more than 2 items, cut there"),
        ({"lists": table("u c,u d")}, "1 user of test without a list, measured as with an empty one"),
        ({"lists": table("u c,u a,v b,v d")}, "1 place of lists with an item that the user has in train"),
        ({"valid": table("u d")}, "1 place of lists with an item that the user has in valid"),
        ({"lists": table("u c,u d,v b,v d,w a,z a")}, "2 lists of users without test interactions, not measured; 1 of"),
        ({"test": table("u c,v b,v d,z a")}, "1 user of test without training interactions, who have no profile"),
        ({"test": table("u c,u a,v b,v d")}, "1 pair of test also in train, relevant all the same, as in RecBole"),
        ({"test": table("u c,u c,v b,v d")}, "1 row of test with a pair of user and item from above, count once"),
        (
            {"train": table("u a,u a,v a,v c,w b,w d")},
            "1 row of train with a pair of user and item from above",
        ),
    ],
)
def test_what_is_odd_is_counted_and_said(parts: dict[str, Any], says: str) -> None:
    found = evaluated(**parts)
    assert [note for note in found.notes if says in note], found.notes
    assert found.comparison.notes == found.notes


def test_ranks_hold_over_scores_and_scores_over_rows() -> None:
    best = evaluated(table("u c,u d,v b,v a")).results["lists"]["test_result"]["mrr@2"]
    worst = evaluated(table("u d,u c,v a,v b")).results["lists"]["test_result"]["mrr@2"]
    assert (best, worst) == (1.0, 0.5)
    scored = table("u d,u c,v a,v b").assign(score=[1, 2, 1, 2])
    assert evaluated(scored).results["lists"]["test_result"]["mrr@2"] == best
    assert evaluated(scored.assign(rank=[1, 2, 1, 2])).results["lists"]["test_result"]["mrr@2"] == worst


def test_a_folder_of_parquet_files_is_one_table() -> None:
    folder = Path("lists")
    folder.mkdir()
    with pytest.raises(InputError, match=r"option lists: folder lists has no file that ends in \.parquet or \.pq"):
        evaluated("lists")
    LISTS[:2].to_parquet(folder / "part-0.parquet")
    LISTS[2:].to_parquet(folder / "part-1.parquet")
    (folder / "_manifest.json").write_text("{}")
    LISTS.assign(item="x").to_parquet(folder / "_of_nobody.parquet")
    assert evaluated("lists").results["lists"]["test_result"] == evaluated().results["lists"]["test_result"]
    LISTS[["user"]].to_parquet(folder / "part-2.parquet")
    with pytest.raises(InputError, match=r"folder lists: file part-2\.parquet has no column item"):
        evaluated("lists")
    LISTS.assign(item=[0.5] * 4).to_parquet(folder / "part-2.parquet")
    with pytest.raises(InputError, match="folder lists cannot be read"):
        evaluated("lists")


@cases(30, deadline=None)
@given(st.permutations(range(4)), st.sampled_from(["text", "number", "category", "arrow", "float"]))
def test_neither_the_order_of_rows_nor_the_type_of_ids_matters(order: list[int], kind: str) -> None:
    codes = {"u": 1, "v": 2, "w": 3, "a": 11, "b": 12, "c": 13, "d": 14}

    def typed(frame: pd.DataFrame) -> Any:
        numbers = frame.assign(**{name: frame[name].map(codes) for name in ("user", "item")})
        kinds = {"text": str, "number": "int32", "category": "category", "arrow": int, "float": float}
        own = numbers.astype({"user": kinds[kind], "item": kinds[kind]})
        return pyarrow.Table.from_pandas(own, preserve_index=False) if kind == "arrow" else own

    lists = LISTS.assign(rank=[1, 2, 1, 2]).iloc[list(order)]
    expected = evaluated(LISTS).results["lists"]["test_result"]
    assert evaluated(typed(lists), train=typed(TRAIN), test=typed(TEST)).results["lists"]["test_result"] == expected


def test_the_order_of_the_catalogue_decides_between_equal_counts() -> None:
    train = table("u a,v b")
    test = table("u b,v a")
    for first in ("a", "b"):
        items = pd.DataFrame({"item": ["a", "b"] if first == "a" else ["b", "a"]})
        groups = evaluated(table("u b,v a"), train=train, test=test, items=items).results["lists"]["test_by_user_group"]
        assert [row["users"] for row in groups] == [1, 1]
    found = evaluated(table("u b,v a"), train=train, test=test, items=pd.DataFrame({"item": ["a", "b", "c"]}))
    assert found.results["lists"]["test_result"]["ad@2"] == pytest.approx(2 / 3, abs=1e-4), "c is in the catalogue"


def test_groups_may_come_from_columns() -> None:
    items = table("a x,b x,c y,d y", "item maker:token")
    users = pd.DataFrame({"user_id": ["u", "v", "w"], "sex": ["f", "m", None]})
    own = evaluated(
        items=items, users=users, config_dict={"item_group_field": "maker", "user_group_field": "sex"}
    ).results["lists"]
    assert [row["group"] for row in own["test_by_item_group"]] == ["x", "y"]
    assert {row["group"] for row in own["test_by_user_group"]} == {"f", "m", "(none)"}
    for options, says in (
        (
            {"item_group_field": "made"},
            r"=made is no column of items, did you mean maker\?; it has maker",
        ),
        ({"user_group_field": "sex"}, r"user_group_field=sex is a column of a table of users; give one as users"),
    ):
        with pytest.raises(InputError, match=says):
            evaluated(items=items, config_dict=options)
    with pytest.raises(InputError, match=r"items has item a twice"):
        evaluated(items=table("a,a", "item"))


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"topk": 9}, r"option topk=9 is not allowed; there are 4 items"),
        ({"topk": 0}, r"option topk"),
        ({"metrics": ["NDCG", "GAUC"]}, r"option metrics: GAUC is not of lists"),
        ({"metrics": ["AUC"]}, r"AUC"),
        ({"metrics": ["NDCGG"]}, r"unknown metric NDCGG, did you mean ndcg\?"),
        ({"user_group_nun": 2}, r"unknown option user_group_nun, did you mean user_group_num\?"),
        ({"item_group_split": [0.5, 0.6]}, r"option item_group_split"),
    ],
)
def test_settings_are_checked(options: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says):
        evaluated(config_dict=options)


def test_a_metric_that_would_count_empty_places_is_refused() -> None:
    with pytest.raises(InputError, match=r"ItemCoverage would count the empty places of lists that hold fewer than 2"):
        evaluated(table("u c,v b"), config_dict={"metrics": ["NDCG", "ItemCoverage"]})


def test_lists_are_tested_against_the_first() -> None:
    random = np.random.default_rng(3)
    users, n_items = [f"u{user}" for user in range(60)], 40
    pairs = [(user, f"i{item}") for user in users for item in random.permutation(n_items)[:12]]
    frame = pd.DataFrame(pairs, columns=["user", "item"])
    place = frame.groupby("user").cumcount()
    test = frame[place < 4]
    good, bad = test, frame[place >= 8]
    found = evaluate_lists({"bad": bad, "good": good}, frame[place >= 4], test, config_dict={"topk": 4})
    base, other = found.comparison.rows
    assert (base.label, base.base, other.label) == ("bad", True, "good")
    assert other.cells["ndcg@4"].marks == "*†"
    assert other.cells["recall@4"].p_base < 1e-6
    assert "240 places of lists with an item that the user has in train" in found.notes[0]


def test_files_and_frames_are_the_same(tmp_path: Path) -> None:
    expected = evaluated().results["lists"]["test_result"]
    for suffix in ("csv", "tsv", "parquet", "inter"):
        paths = {}
        for name, frame in (("lists", LISTS), ("train", TRAIN), ("test", TEST)):
            paths[name] = str(tmp_path / f"{name}.{suffix}")
            if suffix == "parquet":
                frame.to_parquet(paths[name])
            else:
                names = {"user": "user_id:token", "item": "item_id:token"} if suffix == "inter" else {}
                frame.rename(columns=names).to_csv(paths[name], sep="," if suffix == "csv" else "\t", index=False)
        assert evaluated(**paths).results["lists"]["test_result"] == expected
