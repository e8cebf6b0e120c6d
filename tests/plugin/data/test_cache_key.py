"""Equal keys mean equal data sets, and what has no effect on the data set has none on its key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from recbole.data import create_dataset
from recbole.utils import init_seed
from rich_data import KINDS, LOADED, SMALL, config

from recbole_ile.plugin.config.config import IleConfig, for_recbole
from recbole_ile.plugin.data.cache_key import content_digest, dataset_key, settings_without_effect

CHANGES: dict[str, Any] = {
    "field_separator": ",",
    "seq_separator": "|",
    "encoding": "latin-1",
    "LABEL_FIELD": "liked",
    "TIME_FIELD": "when",
    "NEG_PREFIX": "not_",
    "MAX_ITEM_LIST_LENGTH": 7,
    "LIST_SUFFIX": "_seq",
    "seq_len": {"tags": 1},
    "threshold": {"rating": 4},
    "load_col": {"inter": ["user_id", "item_id"]},
    "unload_col": {"inter": ["rating"]},
    "unused_col": {"inter": ["rating"]},
    "additional_feat_suffix": ["feat"],
    "rm_dup_inter": "first",
    "val_interval": {"rating": "[2,inf)"},
    "filter_inter_by_user_or_item": False,
    "user_inter_num_interval": "[2,inf)",
    "item_inter_num_interval": "[2,inf)",
    "alias_of_user_id": ["home"],
    "alias_of_item_id": ["tags"],
    "preload_weight": {"item_id": "price"},
    "normalize_field": ["rating"],
    "normalize_all": False,
    "numerical_features": ["age"],
    "discretization": {"age": {"method": "LD"}},
    "kg_reverse_r": True,
    "entity_kg_num_interval": "[2,inf)",
    "benchmark_filename": ["a", "b", "c"],
    "eval_args.order": "TO",
    "eval_args.split.RS": [0.7, 0.1, 0.2],
    "eval_args.group_by": "none",
}
WITHOUT_EFFECT: dict[str, Any] = {
    "learning_rate": 0.5,
    "epochs": 7,
    "embedding_size": 8,
    "train_batch_size": 3,
    "eval_batch_size": 3,
    "train_neg_sample_args.sample_num": 3,
    "weight_decay": 0.1,
    "topk": [1],
    "metrics": ["NDCG", "UPD"],
    "eval_args.mode": "uni5",
    "stopping_step": 3,
    "item_group_by": "items",
    "item_group_split": [0.5, 0.5],
    "user_group_num": 2,
    "user_group_field": None,
    "checkpoint_dir": "elsewhere",
    "gpu_id": "1",
    "state": "ERROR",
}


def key_of(data: Path, model: str = "BPR", **options: Any) -> str:
    settings = config(data, model, **{"valid_metric": f"NDCG@{options.get('topk', [2])[0]}", **options})
    init_seed(settings["seed"], True)
    asked = for_recbole(settings)
    return dataset_key(asked, content_digest(asked))


@pytest.mark.parametrize("name", CHANGES)
def test_every_setting_of_the_data_set_changes_the_key(rich: Path, name: str) -> None:
    assert key_of(rich, **{name: CHANGES[name]}) != key_of(rich)


@pytest.mark.parametrize("name", WITHOUT_EFFECT)
def test_a_setting_of_the_model_or_the_training_shares_the_entry(rich: Path, name: str) -> None:
    assert key_of(rich, **{name: WITHOUT_EFFECT[name]}) == key_of(rich)


def test_models_share_the_data_set_that_they_have_in_common(rich: Path) -> None:
    assert len({key_of(rich, model) for model in ("BPR", "BPR_ILE", "NeuMF", "LightGCN")}) == 1
    assert key_of(rich, "LightGCN_ILE", n_layers=1, ile_lambda=0.7) == key_of(rich, "LightGCN")
    assert key_of(rich, "CKE") != key_of(rich)


@pytest.mark.parametrize("kind", KINDS)
def test_no_setting_that_making_a_data_set_reads_is_left_out_of_its_key(rich: Path, kind: str) -> None:
    class Watched(IleConfig):
        read: set[str]

        def __getitem__(self, name: str) -> Any:
            vars(self).setdefault("read", set()).add(name)
            return super().__getitem__(name)

    model, options = KINDS[kind]
    settings = Watched(model, "rich", config_dict={"data_path": str(rich), "load_col": LOADED, **SMALL, **options})
    asked = for_recbole(settings)
    asked.read = set()
    dataset = create_dataset(asked)
    chosen_by = {"model", "MODEL_TYPE", "checkpoint_dir", "dataset_save_path", "save_dataset"}
    asked.read -= chosen_by  # by create_dataset, which makes the class of the data set from the first two
    dataset.build()
    assert len(asked.read) > 20
    assert asked.read & settings_without_effect() <= {"data_path"}
