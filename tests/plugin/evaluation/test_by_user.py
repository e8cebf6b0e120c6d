"""The table of users has the metrics of the result, and of each user the group, the profile and the list."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from recbole_ile import InputError, run_recbole_ile
from recbole_ile.cli import main

METRICS = ["NDCG", "Recall", "MRR", "Hit", "Precision", "MAP", "UPD", "AD", "APLT", "Miscalibration", "GiniIndex"]
MEANS = ("ndcg@2", "recall@2", "mrr@2", "hit@2", "precision@2", "map@2", "aplt@2", "miscalibration@2")


@pytest.fixture
def options(tiny: Path) -> dict[str, Any]:
    return {
        **{"data_path": str(tiny), "epochs": 1, "topk": [3, 2], "metrics": METRICS, "valid_metric": "NDCG@2"},
        **{"metric_decimal_place": 10, "eval_args.split": {"LS": "valid_and_test"}, "item_group_split": [0.5, 0.5]},
        **{"show_progress": False, "state": "ERROR"},
    }


@pytest.mark.trains
@pytest.mark.usefixtures("undrawn")
def test_a_run_leaves_the_table(options: dict[str, Any]) -> None:
    result = run_recbole_ile("BPR_EP", "tiny", config_dict=options, per_user=True)
    path = Path(result["per_user"])
    assert path == Path(result["output_dir"]) / "per_user.parquet"
    assert json.loads((path.parent / "result.json").read_text())["per_user"] == str(path)
    table = pd.read_parquet(path)
    profiles = table[["profile_head", "profile_tail"]]
    assert set(table) == {"user", "user_group", *MEANS, "upd@2", *profiles, "list"}
    for name in MEANS:
        assert table[name].mean() == pytest.approx(result["test_result"][name], abs=1e-9), name
    by_group = table.groupby("user_group")["upd@2"].mean()
    assert by_group.mean() == pytest.approx(result["test_result"]["upd@2"], abs=1e-9)
    assert set(by_group.index) <= {row["group"] for row in result["test_by_user_group"]}
    assert np.allclose(profiles.sum(axis=1), 1)

    words = ["recommend", f"--checkpoint={result['checkpoint']}", "--all", "--k=2", "--out=lists.parquet"]
    assert main(words) == 0
    lists = pd.read_parquet("lists.parquet").groupby("user_id", sort=False)["item_id"].agg(list)
    assert {user: list(own) for user, own in zip(table["user"], table["list"], strict=True)} == {
        user: lists[user] for user in table["user"]
    }

    again = run_recbole_ile(checkpoint=result["checkpoint"], per_user=True)
    assert again["per_user"] != result["per_user"]
    pd.testing.assert_frame_equal(pd.read_parquet(again["per_user"]), table)


def test_what_has_no_lists_of_users_is_refused(options: dict[str, Any]) -> None:
    values = {"metrics": ["AUC"], "valid_metric": "AUC", "eval_args.mode": "uni5"}
    with pytest.raises(InputError, match=r"option per_user is of lists, and metrics=\['AUC'\] are of single values"):
        run_recbole_ile("BPR", "tiny", config_dict={**options, **values}, per_user=True)
    with pytest.raises(InputError, match=r"option per_user=True leaves a file beside the results"):
        run_recbole_ile("BPR", "tiny", config_dict=options, saved=False, per_user=True)
