"""What the options take that belong to no model: RecBole's of ``overall.yaml`` and ``sample.yaml``, and ours."""

from __future__ import annotations

import functools
import math
from typing import Any

from recbole_ile.functional.measures import DISCOUNTS
from recbole_ile.functional.popularity import GROUPINGS
from recbole_ile.plugin.catalogue.mitigations import known_mitigations
from recbole_ile.plugin.catalogue.rule import (
    HEAVY,
    Rule,
    either,
    list_of,
    number,
    one_of,
    or_none,
    table_of,
    text,
    truth,
    whole,
)
from recbole_ile.plugin.config.values import memory_bytes

CLIPPING = ("max_norm", "norm_type", "error_if_nonfinite", "foreach")
WORKERS = 1024
SEEDS = 2**32
"""NumPy takes seeds below this."""
FEW_COLUMNS = "a list of columns"


def _memory() -> Rule:
    def allows(value: Any) -> bool:
        try:
            return memory_bytes(value) > 0
        except ValueError:
            return False

    return Rule(allows, "a number of bytes, or a text such as 256MB or 1GiB")


def _gradient_clipping() -> Rule:
    """The arguments of ``torch.nn.utils.clip_grad_norm_``."""
    entries = {"max_norm": number(0, inclusive=False), "norm_type": number(0, math.inf, inclusive=False)}

    def allows(value: Any) -> bool:
        if not (isinstance(value, dict) and "max_norm" in value and set(value) <= set(CLIPPING)):
            return False
        numbers = all(
            rule.allows(value[name]) or value[name] == math.inf for name, rule in entries.items() if name in value
        )
        return numbers and all(isinstance(value[name], bool) for name in CLIPPING[2:] if name in value)

    return Rule(allows, f"a dictionary such as {{'max_norm': 5}}; its entries are {', '.join(CLIPPING)}")


def _interval() -> Rule:
    """An interval, or several with a semicolon between them."""

    def is_interval(part: str) -> bool:
        part = part.strip()
        if len(part) < 2 or part[0] not in "([" or part[-1] not in ")]":
            return False
        try:
            left, right = map(float, part[1:-1].split(","))
        except ValueError:
            return False
        return left <= right

    def allows(value: Any) -> bool:
        return isinstance(value, str) and all(map(is_interval, value.split(";")))

    return Rule(allows, "an interval as a text, '[5,inf)' or '(0,3]' say, or several as in '[0,1];[4,5]'")


def _interval_or_values() -> Rule:
    interval = _interval()

    def allows(value: Any) -> bool:
        return interval.allows(value) or (
            isinstance(value, list | tuple) and all(isinstance(each, str | int | float) for each in value)
        )

    return Rule(allows, f"{interval.takes}; for a column of tokens a list of them")


def _columns() -> Rule:
    """Columns of each kind of file: a list, or all of them."""
    some = either(one_of("*"), or_none(list_of(text(), empty=True)))
    return Rule(
        lambda value: (
            isinstance(value, dict) and all(isinstance(key, str) and some.allows(each) for key, each in value.items())
        ),
        "a dictionary from a file's suffix to a list of columns, {'inter': ['user_id', 'item_id']} say",
    )


def _buckets() -> Rule:
    def one(value: Any) -> bool:
        if not isinstance(value, dict) or value.get("method") not in ("ED", "LD"):
            return False
        return value["method"] == "LD" or whole(1).allows(value.get("bucket"))

    return Rule(
        lambda value: (
            isinstance(value, dict) and all(isinstance(key, str) and one(each) for key, each in value.items())
        ),
        "a dictionary such as {'age': {'method': 'ED', 'bucket': 5}}, each method ED, with a number of buckets, or LD",
    )


def _threshold() -> Rule:
    return Rule(
        lambda value: (
            isinstance(value, dict)
            and len(value) == 1
            and all(isinstance(key, str) and number(-math.inf, math.inf).allows(each) for key, each in value.items())
        ),
        "a dictionary of one column and the least value that is a positive label, {'rating': 4} say",
    )


def _gpus() -> Rule:
    """What CUDA_VISIBLE_DEVICES takes: numbers or names, an empty text or -1 for none."""

    def allows(value: Any) -> bool:
        if isinstance(value, list | tuple):
            return bool(value) and all(whole(0).allows(each) for each in value) and isinstance(value, tuple)
        if isinstance(value, str):
            return (
                all(part.strip().replace("-", "").replace("/", "").isalnum() for part in value.split(",")) or not value
            )
        return whole(-1).allows(value)

    return Rule(allows, "numbers of GPUs with commas between them, '0,1' say, or an empty text for none")


def _topk() -> Rule:
    one = whole(1)
    return Rule(
        lambda value: one.allows(value) or list_of(one).allows(value), "a whole number of at least 1, or a list of them"
    )


OWN: dict[str, Rule] = {
    "item_group_by": one_of(*GROUPINGS),
    "item_group_field": or_none(text()),
    "user_group_num": whole(1, 1000),
    "user_group_field": or_none(text()),
    "ee_discount": one_of(*DISCOUNTS),
    "valid_tolerance": number(0, 1),
    "valid_fairness": or_none(text()),
    "rank_metric": text(),
    "rank_tolerance": number(0, 1),
    "fast_loader": truth(),
    "dataset_cache": truth(),
    "eval_memory": _memory(),
    "nproc": whole(1),
}
PARTS = 3
"""Training, validation and test part."""

OVERALL: dict[str, Rule] = {
    "gpu_id": _gpus(),
    "worker": whole(0, WORKERS),
    "use_gpu": truth(),
    "seed": whole(0, SEEDS - 1),
    "state": or_none(one_of("INFO", "DEBUG", "WARNING", "ERROR", "CRITICAL", exactly=False)),
    "reproducibility": truth(),
    "data_path": text(),
    "checkpoint_dir": text(),
    "show_progress": truth(),
    "save_dataset": truth(),
    "dataset_save_path": or_none(text()),
    "save_dataloaders": truth(),
    "dataloaders_save_path": or_none(text()),
    "log_wandb": truth(),
    "wandb_project": text(),
    "shuffle": truth(),
    "epochs": whole(0),
    "train_batch_size": whole(1, 2**31 - 1),
    "learner": one_of("adam", "adamw", "sgd", "adagrad", "rmsprop", "sparse_adam", exactly=False),
    "learning_rate": number(0, inclusive=False),
    "eval_step": whole(0),
    "stopping_step": whole(0),
    "clip_grad_norm": or_none(_gradient_clipping()),
    "weight_decay": number(0, HEAVY),
    "loss_decimal_place": whole(0, 15),
    "require_pow": truth(),
    "enable_amp": truth(),
    "enable_scaler": truth(),
    "transform": or_none(one_of("mask_itemseq", "inverse_itemseq", "crop_itemseq", "reorder_itemseq")),
    "repeatable": truth(),
    "metrics": either(text(), list_of(text())),
    "topk": _topk(),
    "valid_metric": text(),
    "valid_metric_bigger": truth(),
    "eval_batch_size": whole(1, 2**31 - 1),
    "metric_decimal_place": whole(0, 15),
    "tail_ratio": or_none(number(0, HEAVY, inclusive=False)),
}


def _parts() -> Rule:
    three = list_of(text(), length=PARTS)
    return Rule(
        lambda value: value is None or (three.allows(value) and len(set(value)) == PARTS),
        "three names, those of the training, the validation and the test part: ['train', 'valid', 'test'] for "
        "<dataset>.train.inter, <dataset>.valid.inter and <dataset>.test.inter",
    )


DATA: dict[str, Rule] = {
    "field_separator": text(),
    "seq_separator": text(),
    "encoding": or_none(text()),
    **dict.fromkeys(
        (
            *("USER_ID_FIELD", "ITEM_ID_FIELD", "RATING_FIELD", "TIME_FIELD", "LABEL_FIELD", "NEG_PREFIX"),
            *("ITEM_LIST_LENGTH_FIELD", "LIST_SUFFIX", "POSITION_FIELD"),
            *("HEAD_ENTITY_ID_FIELD", "TAIL_ENTITY_ID_FIELD", "RELATION_ID_FIELD", "ENTITY_ID_FIELD"),
        ),
        text(),
    ),
    "MAX_ITEM_LIST_LENGTH": whole(1),
    "seq_len": or_none(table_of(whole(1))),
    "threshold": or_none(_threshold()),
    "numerical_features": list_of(text(), empty=True),
    **dict.fromkeys(("load_col", "unload_col", "unused_col"), or_none(_columns())),
    "additional_feat_suffix": or_none(either(text(), list_of(text(), empty=True))),
    "rm_dup_inter": or_none(one_of("first", "last")),
    "val_interval": or_none(table_of(_interval_or_values())),
    "filter_inter_by_user_or_item": truth(),
    **dict.fromkeys(
        ("user_inter_num_interval", "item_inter_num_interval", "entity_kg_num_interval", "relation_kg_num_interval"),
        or_none(_interval()),
    ),
    **dict.fromkeys(
        ("alias_of_user_id", "alias_of_item_id", "alias_of_entity_id", "alias_of_relation_id", "normalize_field"),
        or_none(list_of(text(), empty=True)),
    ),
    "preload_weight": or_none(table_of(text())),
    "normalize_all": or_none(truth()),
    "discretization": or_none(_buckets()),
    "kg_reverse_r": truth(),
    "benchmark_filename": _parts(),
}


@functools.cache
def shared_rules() -> dict[str, Rule]:
    """Return the rules of the options that take the same whatever model there is, those of mitigations included."""
    of_mitigations = {key: rule for each in known_mitigations().values() for key, rule in each.rules.items()}
    return {**OVERALL, **DATA, **OWN, **of_mitigations}
