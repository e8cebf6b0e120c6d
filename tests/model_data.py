"""A small data set on which every model of RecBole runs, and the options that each needs there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from recbole_ile.plugin.catalogue.mitigations import find_mitigation
from recbole_ile.plugin.catalogue.models import models_by_kind

NAME = "models"
N_USERS, N_ITEMS, PER_USER = 24, 20, 9
KINDS = {model: kind for kind, models in models_by_kind().items() for model in models}

COMMON: dict[str, Any] = {
    "load_col": {
        "inter": ["user_id", "item_id", "rating", "timestamp"],
        "user": ["user_id", "age", "occupation"],
        "item": ["item_id", "year", "class"],
    },
    "epochs": 1,
    "train_batch_size": 64,
    "topk": 5,
    "metrics": ["NDCG", "UPD"],
    "valid_metric": "NDCG@5",
    "pufr_members": 2,
    "MAX_ITEM_LIST_LENGTH": 4,
    "show_progress": False,
    "state": "ERROR",
}
"""What all models are run with; sizes are small because nothing here is about quality."""
LABELS: dict[str, Any] = {"threshold": {"rating": 3}}
BY_LABELS: dict[str, Any] = {"metrics": ["AUC", "LogLoss"], "valid_metric": "AUC", "eval_args.mode": "labeled"}
BY_LISTS: dict[str, Any] = {"metrics": ["NDCG", "UPD"], "valid_metric": "NDCG@5", "eval_args.mode": "full"}
BY_SAMPLES: dict[str, Any] = {**BY_LISTS, "eval_args.mode": "uni3"}
BY_VALUES: dict[str, Any] = {**BY_LABELS, "eval_args.mode": "uni3"}
"""The ways to evaluate: by labels, by lists of the catalogue or of sampled items, by the values of sampled items."""
WITHOUT_NEGATIVES: dict[str, Any] = {"train_neg_sample_args": None}
GRAPH = {"kg": ["head_id", "relation_id", "tail_id"], "link": ["item_id", "entity_id"]}
BY_KIND: dict[str, dict[str, Any]] = {
    "general": {},
    "context-aware": {**LABELS, **BY_LABELS},
    "sequential": {**WITHOUT_NEGATIVES, "eval_args.order": "TO", "eval_args.mode": "full"},
    "knowledge-aware": {"load_col": {**COMMON["load_col"], **GRAPH}},
    "external": {},
}
NEGATIVES: dict[str, Any] = {
    "train_neg_sample_args": {
        "distribution": "uniform",
        "sample_num": 1,
        "alpha": 1.0,
        "dynamic": False,
        "candidate_num": 0,
    }
}
PRELOADED: dict[str, Any] = {
    "eval_args": {"split": {"LS": "valid_and_test"}, "order": "TO", "mode": "full"},
    "additional_feat_suffix": ["ent", "rel"],
    "load_col": {
        **COMMON["load_col"],
        **GRAPH,
        "ent": ["ent_id", "ent_vec"],
        "rel": ["rel_id", "rel_vec"],
    },
    "alias_of_entity_id": ["ent_id"],
    "alias_of_relation_id": ["rel_id"],
    "preload_weight": {"ent_id": "ent_vec", "rel_id": "rel_vec"},
    "embedding_size": 4,
    "kg_embedding_size": 4,
}
OPTIONS: dict[str, dict[str, Any]] = {
    "ConvNCF": {"cnn_channels": [1, 4, 4], "cnn_kernels": [2, 2], "cnn_strides": [2, 2], "embedding_size": 4},
    "DGCF": {"n_iterations": 1, "n_layers": 1, "embedding_size": 16},
    "DIEN": NEGATIVES,
    "DIN": NEGATIVES,
    "DSSM": {"numerical_features": ["age", "year"]},
    "FPMC": NEGATIVES,
    "GRU4RecKG": PRELOADED,
    "KSR": PRELOADED,
    "NCL": {"num_clusters": 5},
    "RaCT": {"train_stage": "actor_pretrain", "pretrain_epochs": 1, "save_step": 1},
    "BERT4Rec": {"MAX_ITEM_LIST_LENGTH": 10},
    "RippleNet": {"n_hop": 1, "n_memory": 2},
    "SINE": NEGATIVES,
    "TransRec": NEGATIVES,
}
"""Beside what its kind needs, what a single model needs, or what keeps a costly one small."""


def options_of(base: str) -> dict[str, Any]:
    """The options with which a model of RecBole runs on the data set."""
    return {**COMMON, **BY_KIND[KINDS[base]], **OPTIONS.get(base, {})}


def write_model_data(data: Path) -> Path:
    """Write the data set below a ``data_path`` and return that.

    Items differ in popularity, so that there are three groups of them; users differ in taste. Every item has an entity,
    and entities are linked by three relations.
    """
    random = np.random.default_rng(0)
    weights = 1.0 / np.arange(1, N_ITEMS + 1)
    rows = [
        f"u{user}\ti{item}\t{random.integers(1, 6)}\t{100 * user + place}"
        for user in range(N_USERS)
        for place, item in enumerate(random.choice(N_ITEMS, PER_USER, replace=False, p=weights / weights.sum()))
    ]
    n_entities = N_ITEMS + 10
    vectors = [" ".join(f"{value:.3f}" for value in random.normal(size=4)) for _ in range(n_entities)]
    tables = {
        "inter": ["user_id:token\titem_id:token\trating:float\ttimestamp:float", *rows],
        "user": [
            "user_id:token\tage:float\toccupation:token",
            *(f"u{user}\t{20 + user}\to{user % 3}" for user in range(N_USERS)),
        ],
        "item": [
            "item_id:token\tyear:float\tclass:token_seq",
            *(f"i{item}\t{1990 + item}\t{' '.join('abc'[: 1 + item % 3])}" for item in range(N_ITEMS)),
        ],
        "kg": [
            "head_id:token\trelation_id:token\ttail_id:token",
            *(f"e{item}\tr{item % 3}\te{(3 * item + 7) % n_entities}" for item in range(n_entities)),
        ],
        "link": ["item_id:token\tentity_id:token", *(f"i{item}\te{item}" for item in range(N_ITEMS))],
        "ent": ["ent_id:token\tent_vec:float_seq", *(f"e{item}\t{vectors[item]}" for item in range(n_entities))],
        "rel": ["rel_id:token\trel_vec:float_seq", *(f"r{item}\t{vectors[item]}" for item in range(3))],
    }
    folder = data / NAME
    folder.mkdir(parents=True)
    for suffix, lines in tables.items():
        (folder / f"{NAME}.{suffix}").write_text("\n".join(lines) + "\n")
    return data


PAIRS: dict[str, Any] = {"loss_type": "BPR", **NEGATIVES}
DYNAMIC: dict[str, Any] = {
    "distribution": "uniform",
    "sample_num": 1,
    "alpha": 1.0,
    "dynamic": True,
    "candidate_num": 2,
}
VARIANTS: list[tuple[str, dict[str, Any]]] = [
    ("BPR", {"train_neg_sample_args": DYNAMIC}),
    ("DMF", {"inter_matrix_type": "rating"}),
    ("FISM", {"split_to": 10, "alpha": 0.5}),
    ("NAIS", {"algorithm": "concat", "split_to": 10, "alpha": 0.5, "beta": 0.1}),
    ("GCMC", {"accum": "stack", "sparse_feature": False}),
    *((model, WITHOUT_NEGATIVES) for model in ("CDAE", "ENMF", "MacridVAE", "MultiDAE", "MultiVAE", "RecVAE")),
    *(("SimpleX", {"aggregator": aggregator}) for aggregator in ("user_attention", "self_attention")),
    *((model, {"time-aware": True}) for model in ("DiffRec", "LDiffRec")),
    ("xDeepFM", {"direct": True}),
    ("PNN", {"use_inner": True, "use_outer": True}),
    ("PNN", {"use_inner": False, "use_outer": False}),
    *((model, PAIRS) for model in ("FOSSIL", "GRU4Rec", "HGN", "HRM", "LightSANs", "NARM", "NPE", "SINE", "STAMP")),
    *((model, {**PAIRS, "reproducibility": False}) for model in ("Caser", "NextItNet")),
    *(("SASRec", {**PAIRS, "hidden_act": act}) for act in ("relu", "sigmoid")),
    ("BERT4Rec", {**PAIRS, "hidden_act": "swish", "transform": "mask_itemseq"}),
    ("BERT4Rec", {"transform": "mask_itemseq"}),
    ("SRGNN", {**PAIRS, "MAX_ITEM_LIST_LENGTH": 3}),
    ("GCSAN", {**PAIRS, "MAX_ITEM_LIST_LENGTH": 3, "hidden_act": "tanh"}),
    *((model, {"pooling_mode": mode}) for model in ("GRU4RecF", "SASRecF", "FDSA") for mode in ("max", "sum")),
    ("SHAN", {"transform": "inverse_itemseq"}),
    ("SHAN", {**PAIRS, "transform": "inverse_itemseq"}),
    ("SINE", {**WITHOUT_NEGATIVES, "loss_type": "NLL"}),
    ("CORE", {"dnn_type": "ave"}),
    ("SINE", WITHOUT_NEGATIVES),
    ("CFKG", {"loss_function": "transe"}),
    ("KTUP", {"train_rec_step": 1, "train_kg_step": 1, "epochs": 2}),
    ("KTUP", {"use_st_gumbel": False, "L1_flag": True}),
    *(("KGAT", {"aggregator_type": aggregator}) for aggregator in ("gcn", "graphsage")),
    ("MKR", {"use_inner_product": False}),
    *((model, {"aggregator": aggregator}) for model in ("KGCN", "KGNNLS") for aggregator in ("neighbor", "concat")),
]
"""What RecBole's own tests vary of its models, beside their defaults."""

MAIN_PART: dict[str, dict[str, Any]] = {
    "CDAE": {"reg_weight_1": 0.0, "reg_weight_2": 0.0},
    "ENMF": {"dropout_prob": 0.0},
    "KGNNLS": {"ls_weight": 0.0, "reg_weight": 0.0},
    "LDiffRec": {"lamda": 0.0, "anneal_cap": 0.0, "vae_anneal_cap": 0.0},
    "MacridVAE": {"anneal_cap": 0.0, "total_anneal_steps": 0, "reg_weights": [0.0, 0.0]},
    "MultiVAE": {"anneal_cap": 0.0, "total_anneal_steps": 0},
    "RaCT": {"anneal_cap": 0.0, "total_anneal_steps": 0},
    "RecVAE": {"beta": 0.0, "gamma": 0.0},
    "RepeatNet": {"joint_train": False},
    "SGL": {"reg_weight": 0.0, "ssl_weight": 0.0},
    "SimpleX": {"reg_weight": 0.0},
}
"""The weights that leave an inline loss nothing but its main part."""


def why_not(mitigation: str, base: str) -> str | None:
    """Return why a mitigation does not work on a model of RecBole, ``None`` if it does."""
    return find_mitigation(mitigation).refuses(base)
