"""The rules that a configuration has to meet, each with the line that a user sees if it does not."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from recbole.evaluator import metric_types
from recbole.utils import EvaluatorType, InputType

from recbole_ile.errors import InputError, near_miss
from recbole_ile.functional.distances import DISTANCES
from recbole_ile.functional.fairness_target import parse_target
from recbole_ile.functional.measures import DISCOUNTS
from recbole_ile.functional.popularity import GROUPINGS, check_split
from recbole_ile.plugin.eval_memory import memory_bytes

ENTRIES = {
    "eval_args": ("split", "group_by", "order", "mode"),
    "train_neg_sample_args": ("distribution", "sample_num", "alpha", "dynamic", "candidate_num"),
}
"""The entries of the two dictionaries that RecBole reads; others it ignores without a word."""
CLIPPING = ("max_norm", "norm_type", "error_if_nonfinite", "foreach")


def _number(lowest: float, highest: float = math.inf, *, inclusive: bool = True, whole: bool = False) -> Any:
    """A rule for a number in a range: a test and its description."""

    def allowed(value: Any) -> bool:
        if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)) or not math.isfinite(value):
            return False
        return (value >= lowest if inclusive else value > lowest) and value <= highest

    kind = "a whole number" if whole else "a number"
    bound = f"{'of at least' if inclusive else 'above'} {lowest:g}"
    return allowed, f"{kind} {bound}" + ("" if math.isinf(highest) else f" and at most {highest:g}")


def _memory() -> Any:
    """A rule for an amount of memory."""

    def allowed(value: Any) -> bool:
        try:
            return memory_bytes(value) > 0
        except ValueError:
            return False

    return allowed, "a number of bytes, or a text such as 256MB or 1GiB"


def _gradient_clipping() -> Any:
    """A rule for the arguments of ``torch.nn.utils.clip_grad_norm_``."""

    def allowed(value: Any) -> bool:
        if value is None:
            return True
        known = isinstance(value, dict) and "max_norm" in value and set(value) <= set(CLIPPING)
        return known and all(
            isinstance(value[name], int | float) and value[name] > 0 for name in CLIPPING[:2] if name in value
        )

    return allowed, f"a dictionary such as {{'max_norm': 5}}; its entries are {', '.join(CLIPPING)}"


Rule = tuple[Callable[[Any], bool], str]

RULES: dict[str, Rule] = {
    "ile_lambda": _number(0),
    "ile_target_rate": _number(0),
    "ile_target_push": _number(0),
    "ile_target_wait": _number(1, whole=True),
    "ile_target_range": _number(1),
    "la_tau": _number(0),
    "valid_tolerance": _number(0, 1),
    "ips_max": _number(1),
    "cp_weight": _number(0, 1),
    "cp_candidates": _number(1, whole=True),
    "pufr_members": _number(1, whole=True),
    "pufr_weight": _number(0),
    "user_group_num": _number(1, whole=True),
    "eval_memory": _memory(),
    "clip_grad_norm": _gradient_clipping(),
    "epochs": _number(0, whole=True),
    "train_batch_size": _number(1, whole=True),
    "eval_batch_size": _number(1, whole=True),
    "eval_step": _number(0, whole=True),
    "stopping_step": _number(0, whole=True),
    "learning_rate": _number(0, inclusive=False),
    "weight_decay": _number(0),
    "embedding_size": _number(1, whole=True),
    "seed": _number(0, 2**32 - 1, whole=True),
    "metric_decimal_place": _number(0, 15, whole=True),
    "worker": _number(0, whole=True),
    "nproc": _number(1, whole=True),
    "dataset_cache": (lambda value: isinstance(value, bool), "True or False"),
}
CHOICES: dict[str, tuple[str, ...]] = {
    "ile_distance": tuple(DISTANCES),
    "cp_normalize": ("none", "minmax"),
    "pufr_uncertainty": ("item", "pair"),
    "item_group_by": GROUPINGS,
    "ee_discount": DISCOUNTS,
    "learner": ("adam", "adamw", "sgd", "adagrad", "rmsprop", "sparse_adam"),
}
TEXTS = (
    "checkpoint_dir",
    "data_path",
    "item_group_field",
    "valid_metric",
    "field_separator",
    "encoding",
    "ile_target",
    "valid_fairness",
)
TARGETS = {
    "upd": "<=",
    "ad": ">=",
    "ee": ">=",
    "itemcoverage": ">=",
    "averagepopularity": "<=",
    "giniindex": "<=",
    "shannonentropy": ">=",
    "tailpercentage": ">=",
}
"""The metrics that a larger weight of ILE improves, and which way that is."""
WITHOUT_K = ("auc", "gauc", "logloss", "mae", "rmse")
"""RecBole's metrics that are not of the first k of a list."""


def check_types(internal: dict[str, Any], final: dict[str, Any]) -> None:
    """Compare every setting with its default and with the rules above.

    Args:
        internal: the defaults.
        final: the settings that the user gave, over the defaults.

    Raises:
        InputError: names the option, its value and what is allowed.
    """
    for key, value in final.items():
        if key in RULES:
            allowed, description = RULES[key]
            if not allowed(value):
                raise InputError(f"option {key}={value!r} is not allowed; it takes {description}")
        elif key in CHOICES:
            if value not in CHOICES[key]:
                miss = near_miss(str(value), CHOICES[key])
                raise InputError(f"option {key}={value!r} is not allowed{miss}; it takes {', '.join(CHOICES[key])}")
        elif key in TEXTS:
            if value is not None and not (isinstance(value, str) and value):
                raise InputError(f"option {key}={value!r} is not allowed; it takes a text")
        elif not _is_of_kind(value, internal.get(key)):
            kind = type(internal[key]).__name__
            raise InputError(f"option {key}={value!r} is not allowed; it takes a {kind} such as {internal[key]!r}")
    _check_entries(final)
    _check_groups(final)
    _check_metrics(final)


def check_settings(config: Any) -> None:
    """Check what only the complete configuration shows.

    Raises:
        InputError: names the option, its value and what is allowed.
    """
    name, _, k = str(config["valid_metric"]).partition("@")
    if name.lower() not in metric_types:
        raise InputError(
            f"option valid_metric={config['valid_metric']!r}: unknown metric{near_miss(name, metric_types)}"
        )
    if name.lower() not in [metric.lower() for metric in config["metrics"]]:
        raise InputError(
            f"option valid_metric={config['valid_metric']!r} is not among metrics={list(config['metrics'])}"
        )
    if name.lower() not in WITHOUT_K and (not k.isdigit() or int(k) not in config["topk"]):
        raise InputError(
            f"option valid_metric={config['valid_metric']!r} needs a k of topk={config['topk']}, "
            f"as in {name}@{config['topk'][0]}"
        )
    if config["ile_target"]:
        _check_target(config)
    if config["valid_tolerance"]:
        _check_fairness(config)
    if config["MODEL_INPUT_TYPE"] is InputType.PAIRWISE and config["train_neg_sample_args"]["distribution"] == "none":
        raise InputError(f"option train_neg_sample_args: {config['model']} trains on pairs and needs negative items")
    modes = config["eval_args"]["mode"]
    if config["eval_type"] is EvaluatorType.RANKING and "labeled" in modes.values():
        raise InputError(f"option eval_args.mode={modes!r}: ranking metrics need full, uni<N> or pop<N>")


def _check_target(config: Any) -> None:
    given = f"option ile_target={config['ile_target']!r}"
    try:
        target = parse_target(config["ile_target"])
    except ValueError as error:
        raise InputError(f"{given} is not allowed; {error}") from error
    name, _, k = target.metric.partition("@")
    wanted = TARGETS.get(name)
    if wanted is None:
        ways = ", ".join(f"{metric}@k{way}" for metric, way in TARGETS.items())
        raise InputError(f"{given}: {name} is nothing that ILE improves{near_miss(name, TARGETS)}; it takes {ways}")
    if target.higher != (wanted == ">="):
        raise InputError(f"{given}: ILE makes {name} {'higher' if wanted == '>=' else 'lower'}; write {wanted}")
    if name not in [metric.lower() for metric in config["metrics"]] or int(k) not in config["topk"]:
        raise InputError(
            f"{given}: {target.metric} is not evaluated; metrics={list(config['metrics'])}, topk={config['topk']}"
        )
    if not config["ile_lambda"]:
        raise InputError(f"{given} needs a first weight above 0, not ile_lambda={config['ile_lambda']!r}")
    if str(config["model"]).endswith(("_PUFR", "_PUFR_CP")):
        raise InputError(f"{given}: the copies of a model that PUFR trains would each go their own way; leave out one")


def _check_fairness(config: Any) -> None:
    name, _, k = str(config["valid_fairness"]).lower().partition("@")
    known = [f"{metric}@{each}" for metric in config["metrics"] for each in config["topk"]]
    if f"{name}@{k}" not in map(str.lower, known):
        raise InputError(
            f"option valid_fairness={config['valid_fairness']!r} is not evaluated"
            f"{near_miss(str(config['valid_fairness']), known)}; metrics and topk give {', '.join(known)}"
        )
    if config["ile_target"]:
        raise InputError(
            f"options valid_tolerance={config['valid_tolerance']:g} and ile_target={config['ile_target']!r}: each says "
            "which epoch is kept; leave out one"
        )


def check_catalogue(topk: list[int], n_items: int, n_users: int, dataset: str) -> None:
    """Compare the settings with the data set that was loaded.

    Raises:
        InputError: if lists are longer than the catalogue, or there is nothing to rank.
    """
    if n_users < 2:
        raise InputError(f"dataset {dataset} has {n_users} user; groups of users need at least 2")
    if max(topk) > n_items:
        raise InputError(f"option topk={topk} is not allowed; {dataset} has {n_items} items, so k is at most {n_items}")


def _is_of_kind(value: Any, default: Any) -> bool:
    if default is None or value is None:
        return True
    if isinstance(default, bool):
        return isinstance(value, bool)
    if isinstance(default, int | float):
        return isinstance(value, int | float) and not isinstance(value, bool)
    if isinstance(default, dict):
        return isinstance(value, dict)
    return True


def _check_entries(final: dict[str, Any]) -> None:
    for key, known in ENTRIES.items():
        for entry in final.get(key) or ():
            if entry not in known:
                raise InputError(
                    f"unknown option {key}.{entry}{near_miss(str(entry), known)}; it has {', '.join(known)}"
                )


def _check_groups(final: dict[str, Any]) -> None:
    split = final["item_group_split"]
    try:
        check_split(split)
    except (ValueError, TypeError) as error:
        raise InputError(f"option item_group_split={split!r} is not allowed; {error}") from error


def _check_metrics(final: dict[str, Any]) -> None:
    metrics = final["metrics"]
    for metric in [metrics] if isinstance(metrics, str) else metrics:
        if str(metric).lower() not in metric_types:
            miss = near_miss(str(metric), metric_types)
            raise InputError(
                f"option metrics: unknown metric {metric}{miss}; known are {', '.join(sorted(metric_types))}"
            )
    topk = final["topk"] = list(final["topk"]) if isinstance(final["topk"], tuple) else final["topk"]
    for k in topk if isinstance(topk, list | tuple) else [topk]:
        if isinstance(k, bool) or not isinstance(k, int) or k < 1:
            raise InputError(
                f"option topk={topk!r} is not allowed; it takes a whole number of at least 1, or a list of them"
            )
