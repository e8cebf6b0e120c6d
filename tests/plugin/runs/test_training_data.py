"""A checkpoint knows its users, items, interactions and split, and meets no other unnoticed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from atomic import write_atomic
from hypothesis import given
from hypothesis import strategies as st
from rich_data import IN_ORDER, LABELS, LOADED

from recbole_ile import InputError, load_model, run_recbole_ile
from recbole_ile.cli import main
from recbole_ile.plugin.checkpoints.behaviour_states import KEY
from recbole_ile.plugin.checkpoints.files import read_checkpoint, write_checkpoint
from recbole_ile.plugin.config.config import IleConfig
from recbole_ile.plugin.data.identity import IDENTITY, DataIdentity, pair_keys, parts_of
from recbole_ile.plugin.runs.preparation import prepare_data

pytestmark = pytest.mark.usefixtures("undrawn")
FAST: dict[str, Any] = {"epochs": 2, "show_progress": False, "state": "ERROR", "load_col": LOADED}
RANKED: dict[str, Any] = {"topk": [3], "valid_metric": "NDCG@3", "metrics": ["NDCG", "UPD"]}
MODELS: dict[str, dict[str, Any]] = {
    "BPR_ILE_CP": {},
    "LightGCN": {},
    "EASE": {},
    "MultiVAE": {},
    "FM": {**LABELS},
    "CKE": {"kg_reverse_r": True},
    "SASRec": {"train_neg_sample_args": None, "MAX_ITEM_LIST_LENGTH": 4, **IN_ORDER},
}


def trained(model: str, data: Path, **options: Any) -> dict[str, Any]:
    ranked = {} if "metrics" in options else RANKED
    return run_recbole_ile(model, "rich", config_dict={**FAST, **ranked, "data_path": str(data), **options})


def lines_of(data: Path, suffix: str = "inter") -> list[str]:
    return (data / "rich" / f"rich.{suffix}").read_text().splitlines()


def rewrite(data: Path, lines: list[str], suffix: str = "inter") -> None:
    (data / "rich" / f"rich.{suffix}").write_text("".join(f"{line}\n" for line in lines))


def shuffle(data: Path) -> None:
    """Give all rows of all files another order."""
    for number, suffix in enumerate(("inter", "user", "item", "kg", "link")):
        header, *rows = lines_of(data, suffix)
        order = np.random.default_rng(number).permutation(len(rows))
        rewrite(data, [header, *(rows[place] for place in order)], suffix)


def lists_of(checkpoint: str, name: str) -> pd.DataFrame:
    assert main(["recommend", f"--checkpoint={checkpoint}", "--all", "--k=3", f"--out={name}.csv"]) == 0
    return pd.read_csv(f"{name}.csv", dtype={"user_id": str, "item_id": str}).sort_values(
        ["user_id", "rank"], ignore_index=True
    )


@pytest.mark.trains
@pytest.mark.parametrize("model", MODELS)
def test_rows_in_another_order_change_nothing(rich: Path, model: str) -> None:
    result = trained(model, rich, **MODELS[model])
    before = lists_of(result["checkpoint"], "before")
    parameters = load_model(result["checkpoint"]).state_dict()
    shuffle(rich)
    after = lists_of(result["checkpoint"], "after")
    assert before[["user_id", "item_id", "rank"]].equals(after[["user_id", "item_id", "rank"]])
    assert np.allclose(before["score"], after["score"], atol=1e-5)
    again = load_model(result["checkpoint"]).state_dict()
    assert all(torch.equal(again[name], value) for name, value in parameters.items())
    repeated = run_recbole_ile(checkpoint=result["checkpoint"])
    assert repeated["test_result"] == pytest.approx(result["test_result"], abs=1e-4)
    assert repeated["best_valid_result"] == pytest.approx(result["best_valid_result"], abs=1e-4)


@pytest.mark.trains
@pytest.mark.parametrize("model", ["BPR_ILE_CP", "SASRec"])
def test_a_training_goes_on_with_its_own_split(rich: Path, model: str) -> None:
    checkpoint = trained(model, rich, **MODELS[model])["checkpoint"]
    known = DataIdentity.from_state(read_checkpoint(checkpoint)["other_parameter"][KEY][IDENTITY])
    shuffle(rich)
    run_recbole_ile(resume=checkpoint, config_dict={"epochs": 4})
    now = DataIdentity.from_state(read_checkpoint(checkpoint)["other_parameter"][KEY][IDENTITY])
    assert now.split == known.split
    assert all(np.array_equal(now.ids[field], tokens) for field, tokens in known.ids.items())


@pytest.mark.trains
def test_what_is_new_is_left_out_and_counted(rich: Path, caplog: pytest.LogCaptureFixture) -> None:
    checkpoint = trained("BPR", rich)["checkpoint"]
    before = lists_of(checkpoint, "before")
    rewrite(rich, [*lines_of(rich), "u0\tnew1\t5\t1", "u1\tnew2\t5\t1", "u99\ti3\t5\t1"])
    (rich / "rich" / "rich.item").unlink()
    (rich / "rich" / "rich.user").unlink()
    caplog.set_level("INFO")
    after = lists_of(checkpoint, "after")
    assert before.equals(after)
    assert "1 users are new and left out (u99), 2 items are new and left out (new1, new2)" in caplog.text


@pytest.mark.trains
def test_what_is_gone_is_counted_and_another_split_is_told(rich: Path, caplog: pytest.LogCaptureFixture) -> None:
    checkpoint = trained("BPR", rich)["checkpoint"]
    rewrite(rich, [line for line in lines_of(rich) if "u3\t" not in line])
    (rich / "rich" / "rich.user").unlink()
    caplog.set_level("INFO")
    model = load_model(checkpoint)
    assert model.n_users == 13
    assert "1 users are gone (u3)" in caplog.text
    assert "its interactions are not those of the training (84 then, 77 now), so that it is split anew" in caplog.text
    for word in ("checkpoint", "resume"):
        with pytest.raises(InputError, match=r"cannot be evaluated or continued .*84 then, 77 now.* in the test part"):
            run_recbole_ile(**{word: checkpoint}, config_dict={"epochs": 3} if word == "resume" else None)


@pytest.mark.trains
@pytest.mark.parametrize(("model", "reason"), [("CKE", "knowledge graph"), ("FM", "scores by features")])
def test_a_model_that_cannot_do_without_says_so(rich: Path, model: str, reason: str) -> None:
    checkpoint = trained(model, rich, **MODELS[model])["checkpoint"]
    rewrite(rich, [line for line in lines_of(rich) if "\ti3\t" not in line])
    rewrite(rich, [line for line in lines_of(rich, "item") if not line.startswith("i3\t")], "item")
    with pytest.raises(InputError, match=rf"1 items are gone \(i3\); {model} cannot do without, for it .*{reason}"):
        load_model(checkpoint)


@pytest.mark.trains
def test_the_data_of_somebody_else_are_refused(rich: Path) -> None:
    checkpoint = trained("BPR", rich)["checkpoint"]
    rewrite(rich, [lines_of(rich)[0], *("v" + line for line in lines_of(rich)[1:])])
    (rich / "rich" / "rich.user").unlink()
    with pytest.raises(InputError, match="was trained on other users: none of its 12 is in dataset rich"):
        load_model(checkpoint)


@pytest.mark.trains
def test_a_checkpoint_that_does_not_know_its_data_works_with_a_warning(
    rich: Path, caplog: pytest.LogCaptureFixture
) -> None:
    result = trained("BPR", rich)
    stored = read_checkpoint(result["checkpoint"])
    del stored["other_parameter"][KEY][IDENTITY]
    write_checkpoint(stored, "older.pth")
    caplog.set_level("INFO")
    assert run_recbole_ile(checkpoint="older.pth")["test_result"] == result["test_result"]
    assert caplog.text.count("does not say which users, items and split it was trained on") == 1


@pytest.mark.trains
@pytest.mark.parametrize("damage", ["ids", "codes", "sizes", "rows"])
def test_a_damaged_identity_is_said_to_be_one(rich: Path, damage: str) -> None:
    stored = read_checkpoint(trained("BPR", rich)["checkpoint"])
    identity = stored["other_parameter"][KEY][IDENTITY]
    identity[damage] = {"ids": {"user_id": torch.zeros(3)}, "codes": 5, "sizes": ["x"]}.get(damage)
    if damage == "rows":
        del identity[damage]
    write_checkpoint(stored, "damaged.pth")
    with pytest.raises(InputError, match=r"damaged\.pth is damaged: what it says of its data"):
        load_model("damaged.pth")


@pytest.mark.trains
def test_nothing_of_it_stays_in_the_model(rich: Path) -> None:
    assert KEY not in vars(load_model(trained("BPR", rich)["checkpoint"]))


@given(st.lists(st.text(min_size=1), unique=True, max_size=20), st.lists(st.integers(0, 2), max_size=50))
def test_an_identity_comes_back_as_it_was(tokens: list[str], codes: list[int]) -> None:
    known = DataIdentity(
        {"user_id": np.array(tokens, dtype=str)}, (len(codes), 0, 0), "r", "s", np.array(codes, dtype=np.uint8)
    )
    found = DataIdentity.from_state(known.state())
    assert found.ids["user_id"].tolist() == known.ids["user_id"].tolist()
    assert found.codes is not None
    assert found.codes.tolist() == codes
    assert (found.sizes, found.rows, found.split) == (known.sizes, known.rows, known.split)


def test_any_order_of_the_same_pairs_is_split_alike(tmp_path: Path) -> None:
    rows = [f"u{user} i{item}" for user in range(6) for item in range(7)] + ["u1 i1"] * 3
    splits = []
    for seed in (0, 1):
        order = np.random.default_rng(seed).permutation(len(rows)) if seed else np.arange(len(rows))
        write_atomic(tmp_path / "data", "twice", ["user_id:token item_id:token", *(rows[place] for place in order)])
        options = {**RANKED, "topk": 2, "valid_metric": "NDCG@2", "data_path": str(tmp_path / "data"), "seed": seed}
        data = prepare_data(IleConfig("BPR", "twice", config_dict=options))
        splits.append((data, [loader._dataset for loader in (data.train, data.valid, data.test)]))
    first, second = splits
    known = first[0].identity()
    first_ids = {field: tokens.tolist() for field, tokens in known.ids.items()}
    assert known.rows != second[0].identity().rows or first_ids == second[0].identity().ids
    assert parts_of(known, first[1]) is not None
    found = parts_of(known, first[1])
    assert found is not None
    for part, wanted in zip(found, first[1], strict=True):
        assert sorted(pair_keys([part]).tolist()) == sorted(pair_keys([wanted]).tolist())
