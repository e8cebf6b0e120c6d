"""What a model needs of its data that another one does without, and the line that a user sees if it is not there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from recbole.utils import EvaluatorType, InputType

from recbole_ile.errors import InputError
from recbole_ile.plugin.registry import parse_model_name

EMBEDDINGS = "item_emb.npy"


def check_item_embeddings(config: Any, dataset: Any) -> None:
    """Refuse an LDiffRec with several categories of items without the file from which it makes them.

    Raises:
        InputError: names the file and what it has to hold.
    """
    if parse_model_name(config["model"]).base != "LDiffRec" or config["n_cate"] <= 1:
        return
    path, n_items = Path(dataset.dataset_path) / EMBEDDINGS, dataset.item_num - 1
    wanted = f"[{n_items}, any] numbers, a row for each item in the order of RecBole's ids"
    if not path.is_file():
        raise InputError(f"option n_cate={config['n_cate']} needs {path} with {wanted}; n_cate=1 does without")
    shape = np.load(path, mmap_mode="r", allow_pickle=False).shape
    if len(shape) != 2 or shape[0] != n_items:
        raise InputError(f"option n_cate={config['n_cate']} needs {wanted}, but {path} has {list(shape)}")


def check_labels(config: Any, model: Any, train: Any) -> None:
    """Refuse a model that trains on labels, or is evaluated by them, where there are none and no negatives are drawn.

    Args:
        config: the configuration.
        model: as RecBole makes it, which knows the name of its label.
        train: the training part of the data set.

    Raises:
        InputError: names the column and what makes it.
    """
    label = config["LABEL_FIELD"]
    knows = hasattr(model, "LABEL") or hasattr(model, "LABEL_FIELD")
    learns = knows and config["MODEL_INPUT_TYPE"] is InputType.POINTWISE
    drawn = (config["train_neg_sample_args"] or {}).get("distribution", "none") != "none"
    evaluated = config["eval_type"] is EvaluatorType.VALUE and "labeled" in config["eval_args"]["mode"].values()
    if label in train.inter_feat or not ((learns and not drawn) or evaluated):
        return
    raise InputError(
        f"dataset {config['dataset']} has no column {label} (LABEL_FIELD) to train {config['model']} on or to evaluate "
        f"it by; it has {', '.join(train.inter_feat.columns)}; threshold={{'rating': 4}} makes one from a column that "
        "is loaded, train_neg_sample_args={'distribution': 'uniform', 'sample_num': 1} and eval_args.mode=full do "
        "without"
    )
