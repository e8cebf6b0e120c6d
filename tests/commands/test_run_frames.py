"""A model is trained on frames as on the files of the same rows, and its checkpoint finds them again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from recbole_ile import InputError, load_model, run_recbole_ile
from recbole_ile.cli import main

QUIET = {"show_progress": False, "state": "ERROR", "topk": [3], "valid_metric": "NDCG@3", "cp_candidates": 8}


def loans() -> pd.DataFrame:
    random = np.random.default_rng(3)
    rows = [(f"r{reader}", book) for reader in range(12) for book in random.permutation(14)[:10]]
    return pd.DataFrame(rows, columns=["user", "item"]).assign(rating=3.5)


@pytest.mark.trains
@pytest.mark.usefixtures("undrawn")
def test_frames_give_what_their_files_give() -> None:
    frame = loans()
    items = pd.DataFrame({"item_id": range(14), "shelf": ["low", "high"] * 7})
    options = {**QUIET, "item_group_field": "shelf", "item_group_split": [0.5, 0.5]}
    found = run_recbole_ile("EASE_CP", "loans", config_dict=options, interactions=frame, items=items)
    frame.to_csv("loans.csv", index=False)
    assert main(["fetch", "loans", "--from=loans.csv", "--data_path=data"]) == 0
    shelves = ["item_id:token\tshelf:token", *(f"{row.item_id}\t{row.shelf}" for row in items.itertuples())]
    Path("data/loans/loans.item").write_text("\n".join(shelves) + "\n", encoding="utf-8")
    expected = run_recbole_ile("EASE_CP", "loans", config_dict={**options, "data_path": "data"})
    for key in ("test_result", "best_valid_result", "test_by_user_group", "test_by_item_group"):
        assert found[key] == expected[key]
    assert Path(found["data_path"]).parent == Path("cache/frames").absolute()

    assert load_model(found["checkpoint"]).n_items == 15
    words = ["recommend", f"--checkpoint={found['checkpoint']}", "--users", "r1", "--k=3", "--out=lists.csv"]
    assert main(words) == 0
    assert len(pd.read_csv("lists.csv")) == 3
    again = run_recbole_ile(checkpoint=found["checkpoint"], interactions=frame, items=items)
    assert again["test_result"] == found["test_result"]


def test_what_does_not_go_together_is_refused() -> None:
    with pytest.raises(InputError, match="users and items go with interactions"):
        run_recbole_ile("Pop", items=loans())
    with pytest.raises(InputError, match=r"benchmark_filename=.* names files that are split already"):
        run_recbole_ile("Pop", config_dict={"benchmark_filename": ["train", "valid", "test"]}, interactions=loans())
