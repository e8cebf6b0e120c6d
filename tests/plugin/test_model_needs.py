"""What a model needs of its data is missed before it is trained, in one line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from rich_data import KINDS, LOADED, SMALL

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


def test_labels_and_negatives_are_enough(rich: Path) -> None:
    settings = {**SMALL, "data_path": str(rich), "load_col": LOADED}
    for options in (KINDS["context-aware"][1], {"train_neg_sample_args": {"distribution": "uniform", "sample_num": 1}}):
        more = options if "threshold" in options else {**options, "eval_args": {"mode": "full"}}
        assert run_recbole_ile("FM", "rich", config_dict={**settings, **more}, saved=False)["test_result"]


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
