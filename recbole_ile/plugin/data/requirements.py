"""Checks that the data have what a particular model requires: item embeddings, columns, labels, sizes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import psutil
from recbole.utils import EvaluatorType, InputType, ModelType

from recbole_ile.errors import InputError, near_miss

EMBEDDINGS = "item_emb.npy"
BYTES_OF_A_NUMBER, BYTES_OF_AN_ID = 4, 8
TABLE_SIZES = (
    *("embedding_size", "hidden_size", "user_embedding_size", "item_embedding_size", "mf_embedding_size"),
    *("mlp_embedding_size", "ui_embedding_size", "neigh_embedding_size", "latent_dimension", "hidden_dimension"),
)
"""Options that say how long the rows of users or items are."""
ITEM_COLUMNS = {**dict.fromkeys(("FDSA", "GRU4RecF", "SASRecF"), "selected_features"), "S3Rec": "item_attribute"}
"""Options that name columns of the ``.item`` file, by the models that read them."""
SQUARES = {"mae", "rmse"}
"""Metrics of values that take labels between 0 and 1 too."""
SHOWN = 6
"""Values of a column that an error shows."""


def check_item_embeddings(config: Any, dataset: Any) -> None:
    """Refuse an LDiffRec with several categories of items without the file from which it makes them.

    Raises:
        InputError: names the file and what it has to hold.
    """
    if config.name.base != "LDiffRec" or config["n_cate"] <= 1:
        return
    path, n_items = Path(dataset.dataset_path) / EMBEDDINGS, dataset.item_num - 1
    wanted = f"[{n_items}, any] numbers, a row for each item in the order of RecBole's ids"
    if not path.is_file():
        raise InputError(f"option n_cate={config['n_cate']} needs {path} with {wanted}; n_cate=1 does without")
    try:
        shape = np.load(path, mmap_mode="r", allow_pickle=False).shape
    except (ValueError, OSError, EOFError) as error:
        raise InputError(f"{path} does not hold {wanted}: {error}") from error
    if len(shape) != 2 or shape[0] != n_items:
        raise InputError(f"option n_cate={config['n_cate']} needs {wanted}, but {path} has {list(shape)}")


def check_item_columns(config: Any, dataset: Any) -> None:
    """Refuse features of items that a model is to learn from and that are no columns of the ``.item`` file.

    Raises:
        InputError: names the option, the column and those that there are.
    """
    base = config.name.base
    if base not in ITEM_COLUMNS:
        return
    option, id_field = ITEM_COLUMNS[base], config["ITEM_ID_FIELD"]
    loaded = [] if dataset.item_feat is None else [name for name in dataset.item_feat.columns if name != id_field]
    named = config[option] if isinstance(config[option], list | tuple) else [config[option]]
    for column in named:
        if column not in loaded:
            raise InputError(
                f"option {option}={config[option]!r} is not allowed{near_miss(column, loaded)}; {base} takes columns "
                f"of {config['dataset']}.item that load_col names, and these are {', '.join(loaded) or 'none'}"
            )


def check_sizes(config: Any, dataset: Any) -> None:
    """Refuse sizes of which not even one table, with a row for each user, item or sequence, fits into memory.

    Args:
        config: the configuration.
        dataset: RecBole's, filtered but not yet split.

    Raises:
        InputError: names the option and the largest size.
    """
    memory = psutil.virtual_memory().total
    rows = dict.fromkeys(TABLE_SIZES, BYTES_OF_A_NUMBER * max(dataset.user_num, dataset.item_num))
    if config["MODEL_TYPE"] is ModelType.SEQUENTIAL:
        rows["MAX_ITEM_LIST_LENGTH"] = BYTES_OF_AN_ID * len(dataset.inter_feat)
    for option, size in rows.items():
        if (config[option] or 0) * size > memory:
            raise InputError(
                f"option {option}={config[option]} is not allowed; {config['dataset']} and a memory of "
                f"{memory / 1e9:.0f} GB make it at most {memory // size}"
            )


def check_labels(config: Any, model: Any, dataset: Any) -> None:
    """Refuse a model that trains on labels, or is evaluated by them, where there are none or they are no labels.

    Args:
        config: the configuration.
        model: as RecBole makes it, which knows the name of its label.
        dataset: the whole data set.

    Raises:
        InputError: names the column, the values in it and what makes labels.
    """
    label = config["LABEL_FIELD"]
    knows = hasattr(model, "LABEL") or hasattr(model, "LABEL_FIELD")
    drawn = (config["train_neg_sample_args"] or {}).get("distribution", "none") != "none"
    learns = knows and config["MODEL_INPUT_TYPE"] is InputType.POINTWISE and not drawn
    evaluated = config["eval_type"] is EvaluatorType.VALUE and "labeled" in config["eval_args"]["mode"].values()
    if not (learns or evaluated):
        return
    if label not in dataset.inter_feat:
        raise InputError(
            f"dataset {config['dataset']} has no column {label} (LABEL_FIELD) to train {config['model']} on or to "
            f"evaluate it by; it has {', '.join(dataset.inter_feat.columns)}; threshold={{'rating': 4}} makes one from "
            "a column that is loaded, train_neg_sample_args={'distribution': 'uniform', 'sample_num': 1} and "
            "eval_args.mode=full do without"
        )
    values = np.unique(dataset.inter_feat[label].numpy())
    soft = not evaluated or {metric.lower() for metric in config["metrics"]} <= SQUARES
    if ((values >= 0) & (values <= 1)).all() if soft else np.isin(values, (0, 1)).all():
        return
    seen = ", ".join(f"{value:g}" for value in values[:SHOWN]) + (", ..." if len(values) > SHOWN else "")
    raise InputError(
        f"option LABEL_FIELD={label!r}: the values of {label} in dataset {config['dataset']} are {seen}, but labels "
        f"are 0 and 1; threshold={{{label!r}: {np.median(values):g}}} makes the values from there on 1 and the others 0"
    )
