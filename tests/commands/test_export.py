"""Vectors in a file: their dot products give the lists of ``recommend``, or there is no file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from rich_data import IN_ORDER, LOADED

from recbole_ile import run_recbole_ile
from recbole_ile.cli import main
from recbole_ile.plugin.runs import vectors

pytestmark = [pytest.mark.trains, pytest.mark.usefixtures("undrawn")]
FAST: dict[str, Any] = {"epochs": 1, "show_progress": False, "state": "ERROR", "load_col": LOADED}
FAST |= {"topk": 3, "valid_metric": "NDCG@3", "metrics": ["NDCG"]}


def trained(data: Path, model: str, **options: Any) -> str:
    return run_recbole_ile(model, "rich", config_dict={**FAST, "data_path": str(data), **options})["checkpoint"]


def export(checkpoint: str, *words: str) -> int:
    return main(["export", f"--checkpoint={checkpoint}", "--k=3", *words])


RANKED: dict[str, tuple[dict[str, Any], list[tuple[list[str], int]]]] = {
    "BPR": (
        {},
        [
            ([], 64),
            (["--model=BPR_LAP_EP", "--lap_tau=0.3", "--ep_weight=0.8"], 66),
            (["--model=BPR_LAP_EP_CP", "--lap_scale=none", "--ep_weight=0", "--cp_weight=0"], 65),
        ],
    ),
    "LightGCN": ({}, [(["--model=LightGCN_EP"], 65)]),
    "IALS": ({"ials_factors": 4}, [(["--model=IALS_EP"], 5)]),
    "MultiVAE": ({}, [(["--model=MultiVAE_EP"], 602)]),
    "SASRec": ({"train_neg_sample_args": None, "MAX_ITEM_LIST_LENGTH": 4, **IN_ORDER}, [(["--model=SASRec_EP"], 65)]),
}
"""By model: its options, and how its lists are asked for with the length of the vectors that give them."""


@pytest.mark.parametrize("model", RANKED)
def test_dot_products_give_the_lists_of_recommend(rich: Path, model: str) -> None:
    options, ranked = RANKED[model]
    checkpoint = trained(rich, model, **options)
    for words, width in ranked:
        assert export(checkpoint, *words, "--out=vectors.npz") == 0
        with np.load("vectors.npz", allow_pickle=False) as file:
            users, items = file["user_vectors"], file["item_vectors"]
            user_ids, item_ids = file["user_ids"].tolist(), file["item_ids"].tolist()
        assert (users.shape, items.shape) == ((12, width), (15, width))
        assert sorted(item_ids) == sorted(f"i{item}" for item in range(15))
        assert main(["recommend", f"--checkpoint={checkpoint}", *words, "--all", "--k=15", "--out=lists.parquet"]) == 0
        for user, own in pd.read_parquet("lists.parquet").groupby("user_id"):
            places = [item_ids.index(item) for item in own["item_id"]]
            products = (items[places] @ users[user_ids.index(str(user))]).tolist()
            assert products == pytest.approx(sorted(products, reverse=True), abs=1e-4)


def test_both_formats_hold_the_same(rich: Path, capsys: pytest.CaptureFixture[str]) -> None:
    checkpoint = trained(rich, "BPR")
    for suffix in ("npz", "parquet"):
        assert export(checkpoint, "--model=BPR_EP", f"--out=vectors.{suffix}") == 0
    printed = capsys.readouterr().out.splitlines()[-1]
    assert "12 users and 15 items, vectors of 65 numbers (64 of the model; EP), in vectors.parquet" in printed
    assert "the lists of 3 of the model to all of 12 users" in printed
    table = pd.read_parquet("vectors.parquet")
    with np.load("vectors.npz", allow_pickle=False) as file:
        for kind in ("user", "item"):
            own = table[table["kind"] == kind]
            assert own["id"].tolist() == file[f"{kind}_ids"].tolist()
            np.testing.assert_array_equal(np.stack(own["vector"].tolist()), file[f"{kind}_vectors"])


@pytest.mark.parametrize("model", ["EASE", "NeuMF"])
def test_a_model_without_such_vectors_is_one_line(rich: Path, model: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert export(trained(rich, model), "--out=vectors.npz") == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith(f"error: model {model} does not score by a dot product of a user's and an item's vector")
    assert not Path("vectors.npz").exists()


def test_vectors_that_rank_otherwise_are_not_written(
    rich: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint, fold = trained(rich, "BPR"), vectors.fold_users
    assert export(checkpoint, "--model=BPR_EP_CP", "--out=vectors.npz") == 2
    told = "model BPR_EP_CP: CP does more than to scale and shift scores and cannot be folded into vectors"
    assert f"{told}; --model=BPR_EP has vectors" in capsys.readouterr().err
    assert export(checkpoint, "--out=vectors.np") == 2
    assert "option out=vectors.np is not allowed, did you mean .npz?" in capsys.readouterr().err
    monkeypatch.setattr(vectors, "fold_users", lambda users, units: -fold(users, units))
    assert export(checkpoint, "--out=vectors.npz") == 2
    assert "dot products give 12 of 12 users another list than the model" in capsys.readouterr().err
    assert not Path("vectors.npz").exists()
