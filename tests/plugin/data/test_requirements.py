"""What a model needs of its data is missed before it is trained, in one line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from rich_data import KINDS, LABELS, LOADED, SMALL

from recbole_ile import InputError, run_recbole_ile

UNLABELED = {"train_neg_sample_args": None, "eval_args": {"mode": "full"}}


@pytest.mark.parametrize(
    ("model", "options"),
    [
        ("FM", {"metrics": ["AUC"], "valid_metric": "AUC"}),
        ("DeepFM_ILE", UNLABELED),
        ("NeuMF", UNLABELED),
        ("NNCF", UNLABELED),
    ],
)
def test_a_model_that_trains_on_labels_misses_them(rich: Path, model: str, options: dict[str, object]) -> None:
    settings = {**SMALL, "data_path": str(rich), "load_col": LOADED, **options}
    with pytest.raises(InputError, match=rf"no column label \(LABEL_FIELD\) to train {model} on .*threshold="):
        run_recbole_ile(model, "rich", config_dict=settings)


@pytest.mark.trains
def test_labels_and_negatives_are_enough(rich: Path) -> None:
    settings = {**SMALL, "data_path": str(rich), "load_col": LOADED}
    for options in (KINDS["context-aware"][1], {"train_neg_sample_args": {"distribution": "uniform", "sample_num": 1}}):
        more = options if "threshold" in options else {**options, "eval_args": {"mode": "full"}}
        assert run_recbole_ile("FM", "rich", config_dict={**settings, **more}, saved=False)["test_result"]


@pytest.mark.trains
def test_categories_of_items_need_their_embeddings(rich: Path) -> None:
    settings = {**SMALL, "data_path": str(rich), "n_cate": 2}
    path = rich / "rich" / "item_emb.npy"
    with pytest.raises(InputError, match=r"option n_cate=2 needs .*item_emb\.npy with \[15, any\]"):
        run_recbole_ile("LDiffRec", "rich", config_dict=settings)
    np.save(path, np.zeros((3, 4)))
    with pytest.raises(InputError, match=r"needs \[15, any\] numbers.* has \[3, 4\]"):
        run_recbole_ile("LDiffRec", "rich", config_dict=settings)
    np.save(path, np.random.default_rng(0).normal(size=(15, 4)).astype(np.float32))
    assert run_recbole_ile("LDiffRec", "rich", config_dict=settings, saved=False)["test_result"]


RATED = {
    "LABEL_FIELD": "rating",
    "metrics": ["AUC", "LogLoss"],
    "valid_metric": "AUC",
    "eval_args": LABELS["eval_args"],
}


@pytest.mark.parametrize("model", ["FM", "DeepFM_ILE"])
def test_labels_that_are_none_are_shown_with_what_makes_some(rich: Path, model: str) -> None:
    settings = {**SMALL, "data_path": str(rich), "load_col": LOADED, **RATED}
    with pytest.raises(InputError, match=r"LABEL_FIELD='rating': .* are 1, 2, 3, 4, 5, but labels are 0 and 1; thresh"):
        run_recbole_ile(model, "rich", config_dict=settings)


@pytest.mark.trains
def test_a_share_is_a_label_for_squared_errors_only(rich: Path) -> None:
    settings = {**SMALL, "data_path": str(rich), "load_col": LOADED, **RATED, "normalize_field": ["rating"]}
    with pytest.raises(InputError, match=r"are 0, 0\.25, 0\.5, 0\.75, 1, but labels are 0 and 1"):
        run_recbole_ile("FM", "rich", config_dict=settings)
    squared = {**settings, "metrics": ["RMSE", "MAE"], "valid_metric": "RMSE"}
    assert run_recbole_ile("FM", "rich", config_dict=squared, saved=False)["test_result"]["rmse"] < 1


@pytest.mark.trains
def test_the_column_that_drawing_makes_anew_may_hold_anything(rich: Path) -> None:
    settings = {**SMALL, "data_path": str(rich), "load_col": LOADED, "LABEL_FIELD": "rating"}
    assert run_recbole_ile("NeuMF", "rich", config_dict=settings, saved=False)["test_result"]
