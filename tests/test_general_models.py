"""Every general model of RecBole trains an epoch and is evaluated through our command, on today's libraries."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from recbole_ile.cli import main

MODELS = [
    *("BPR", "LightGCN", "NGCF", "DGCF", "NCL", "SGL", "SpectralCF", "NeuMF", "DMF", "GCMC", "LINE", "SimpleX"),
    *("MultiVAE", "MultiDAE", "RecVAE", "MacridVAE", "CDAE", "RaCT", "DiffRec", "LDiffRec", "ENMF"),
    *("EASE", "ItemKNN", "ADMMSLIM", "SLIMElastic", "NCEPLRec", "Pop", "Random", "BPR_ILE", "LightGCN_ILE"),
]
COSTLY = ["ConvNCF", "FISM", "NAIS", "NNCF"]
"""They take minutes on all of ml-100k in RecBole as well; here they see its most active users."""

OPTIONS = {
    "RaCT": ["--train_stage=actor_pretrain", "--pretrain_epochs=1", "--save_step=1"],
}


def check_model(model: str, *options: str) -> None:
    words = [f"--model={model}", "--dataset=ml-100k", "--epochs=1", "--show_progress=False", "--state=ERROR"]
    assert main([*words, *options, *OPTIONS.get(model, [])]) == 0
    result = json.loads(next(Path("saved").rglob("result.json")).read_text())
    values = result["test_result"]
    assert {"ndcg@10", "upd@10", "ad@10", "ee@10"} <= set(values)
    assert all(math.isfinite(value) for value in values.values())
    assert 0.0 <= values["upd@10"] <= math.log(2)
    assert sum(row["recommendation_share"] for row in result["test_by_item_group"]) == pytest.approx(1.0)
    for epoch in result["group_losses"]:
        assert all(math.isfinite(loss) for loss in epoch["losses"])


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS)
def test_a_general_model_trains_and_is_evaluated(model: str) -> None:
    check_model(model)


@pytest.mark.slow
@pytest.mark.parametrize("model", COSTLY)
def test_a_costly_model_trains_and_is_evaluated(model: str) -> None:
    check_model(model, "--user_inter_num_interval=[300,inf)", "--item_inter_num_interval=[5,inf)")
