"""A data set with every kind of file and column, and what tells two prepared data sets apart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from recbole.data.interaction import Interaction

from recbole_ile.plugin.config.config import IleConfig

SMALL: dict[str, Any] = {"topk": 2, "valid_metric": "NDCG@2", "metrics": ["NDCG"], "epochs": 1, "show_progress": False}
LOADED = {
    "inter": ["user_id", "item_id", "rating", "timestamp"],
    "user": ["user_id", "age", "home"],
    "item": ["item_id", "price", "tags", "sizes"],
    "kg": ["head_id", "relation_id", "tail_id"],
    "link": ["item_id", "entity_id"],
    "feat": ["feat_id", "vector"],
}
IN_ORDER = {"eval_args": {"split": {"LS": "valid_and_test"}, "order": "TO", "mode": "full"}}
LABELS = {"threshold": {"rating": 3}, "metrics": ["AUC"], "valid_metric": "AUC"}
LABELS["eval_args"] = {"split": {"RS": [8, 1, 1]}, "group_by": None, "order": "RO", "mode": "labeled"}
KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "general": ("BPR_ILE", {}),
    "in the order of time": ("BPR", IN_ORDER),
    "filtered": (
        "BPR",
        {"user_inter_num_interval": "[3,inf)", "unused_col": {"inter": ["timestamp"]}, "rm_dup_inter": "last"},
    ),
    "context-aware": ("FM", LABELS),
    "numbers in buckets": ("FM", {**LABELS, "numerical_features": ["age"], "normalize_all": False}),
    "sequential": ("SASRec", {"train_neg_sample_args": None, "MAX_ITEM_LIST_LENGTH": 4, **IN_ORDER}),
    "knowledge-based": ("CKE", {"kg_reverse_r": True}),
    "preloaded": (
        "BPR",
        {"additional_feat_suffix": "feat", "alias_of_item_id": ["feat_id"], "preload_weight": {"feat_id": "vector"}},
    ),
}


def write_rich(data: Path) -> Path:
    """Write the data set ``rich`` below a ``data_path`` and return that."""
    random = np.random.default_rng(0)
    rows = [
        f"u{user} i{item} {random.integers(1, 6)} {random.integers(1000)}"
        for user in range(12)
        for item in random.choice(15, 7, replace=False)
    ]
    tables = {
        "inter": ["user_id:token item_id:token rating:float timestamp:float", *rows],
        "user": ["user_id:token age:float home:token", *(f"u{user} {20 + user / 3} h{user % 3}" for user in range(12))],
        "item": [
            "item_id:token price:float tags:token_seq sizes:float_seq",
            *(f"i{item} {item} {'a_b_c'[: 1 + 2 * (item % 3)]} {'1_2.5'[: 1 + 2 * (item % 2)]}" for item in range(15)),
        ],
        "kg": [
            "head_id:token relation_id:token tail_id:token",
            *(f"e{item} r{item % 2} e{item + 9}" for item in range(15)),
        ],
        "link": ["item_id:token entity_id:token", *(f"i{item} e{item}" for item in range(15))],
        "feat": ["feat_id:token vector:float_seq", *(f"i{item} {item}_2.5" for item in range(15))],
    }
    folder = data / "rich"
    folder.mkdir(parents=True)
    for suffix, lines in tables.items():
        text = "\n".join(
            line.replace(" ", "\t").replace("_b", " b").replace("_c", " c").replace("_2.5", " 2.5") for line in lines
        )
        (folder / f"rich.{suffix}").write_text(text + "\n")
    return data


def config(data: Path, model: str = "BPR", dataset: str = "rich", **options: Any) -> IleConfig:
    return IleConfig(model, dataset, config_dict={"data_path": str(data), "load_col": LOADED, **SMALL, **options})


def assert_same(one: Any, other: Any) -> None:
    assert type(one) is type(other)
    if isinstance(one, Interaction):
        assert len(one) == len(other)
        assert_same(one.interaction, other.interaction)
    elif isinstance(one, dict):
        assert list(one) == list(other)
        assert [type(key) for key in one] == [type(key) for key in other]
        for entry in one:
            assert_same(one[entry], other[entry])
    elif isinstance(one, list | tuple):
        assert len(one) == len(other)
        for first, second in zip(one, other, strict=True):
            assert_same(first, second)
    elif isinstance(one, torch.Tensor | np.ndarray):
        assert one.dtype == other.dtype
        assert one.shape == other.shape
        assert bytes(np.ascontiguousarray(one)) == bytes(np.ascontiguousarray(other))
    else:
        assert one == other
