"""The rules that a configuration has to meet, each with the line that a user sees if it does not."""

from __future__ import annotations

import importlib
from typing import Any

from recbole.evaluator import metric_types
from recbole.utils import EvaluatorType, ModelType

from recbole_ile.errors import InputError, near_miss
from recbole_ile.functional.popularity import check_split
from recbole_ile.metric import Better, Bound, Metric, better_of, split_name
from recbole_ile.plugin.catalogue.metric_keys import evaluated, takes_k
from recbole_ile.plugin.catalogue.mitigations import AUTO
from recbole_ile.plugin.catalogue.models import get_model
from recbole_ile.plugin.catalogue.rule import check, shown
from recbole_ile.plugin.config.eval_rules import (
    ENTRIES,
    check_evaluation,
    check_negatives,
    negatives_asked_for,
    without_negatives,
)
from recbole_ile.plugin.config.model_rules import check_model_options, needs_negatives
from recbole_ile.plugin.config.option_rules import SEEDS, shared_rules

TARGETS = (
    *("upd", "ad", "ee"),
    *("aplt", "tailcoverage", "popreo", "poprsp", "miscalibration", "mingroupshare"),
    *("itemcoverage", "averagepopularity", "giniindex", "shannonentropy", "tailpercentage"),
)
"""The metrics that a larger weight of ILE improves. PopLift is none: past 0 a larger weight makes it worse."""
FEW_NEGATIVES = 1000
TIMES_THE_CATALOGUE = 10
"""Negatives are drawn with repetition; beyond so many for one interaction they say nothing new and have no end."""


def check_types(internal: dict[str, Any], final: dict[str, Any], model: str = "") -> None:
    """Compare every setting with its rule, or with its default if it has none.

    Args:
        internal: the defaults.
        final: the settings that the user gave, over the defaults; a few that mean the same are made alike.
        model: the model of RecBole, without suffixes, whose options are among them.

    Raises:
        InputError: names the option, its value and what is allowed.
    """
    final["topk"] = list(final["topk"]) if isinstance(final["topk"], tuple) else final["topk"]
    for key, value in final.items():
        if key in shared_rules():
            check(shared_rules()[key], key, value)
    check_model_options(
        model, {key: value for key, value in internal.items() if key not in (*shared_rules(), *ENTRIES)}, final
    )
    for key, default in internal.items():
        if isinstance(default, bool):
            final[key] = bool(final[key])  # 1 is True, but some parts of RecBole ask whether it `is True`
    if "eval_args" in final:
        check_evaluation(final["eval_args"])
    if "train_neg_sample_args" in final:
        check_negatives(final["train_neg_sample_args"])
        # None is the one of its spellings that every part of RecBole understands, and a dictionary is filled in.
        given = final["train_neg_sample_args"]
        final["train_neg_sample_args"] = None if without_negatives(given) else dict(given)
        _check_all_items(internal, final, model)
    _check_groups(final)
    _check_metrics(final)


def check_settings(config: Any) -> None:
    """Check what only the complete configuration shows.

    Raises:
        InputError: names the option, its value and what is allowed.
    """
    _check_valid_metric(config)
    if config["ile_target"]:
        _check_target(config)
    _check_rank_metric(config)
    if config["valid_tolerance"]:
        _check_fairness(config)
    if config["train_neg_sample_args"]["distribution"] == "none" and (reason := needs_negatives(config)):
        raise InputError(f"option train_neg_sample_args=None: {config['model']} {reason}")
    modes = config["eval_args"]["mode"]
    if config["eval_type"] is EvaluatorType.RANKING and "labeled" in modes.values():
        raise InputError(f"option eval_args.mode={modes!r}: ranking metrics need full, uni<N> or pop<N>")
    if config["MODEL_TYPE"] is ModelType.SEQUENTIAL and config["eval_args"]["order"] != "TO":
        raise InputError(
            f"option eval_args.order={config['eval_args']['order']!r} is not allowed; {config['model']} is a "
            "sequential model and takes TO, the order of time"
        )
    if config["MODEL_TYPE"] is not ModelType.SEQUENTIAL and config["transform"]:
        raise InputError(
            f"option transform={config['transform']!r} is not allowed; {config['model']} is no sequential model and "
            "takes None"
        )
    _check_wandb(config)
    members = config["pufr_members"] or 1
    if config["seed"] + members > SEEDS:
        raise InputError(
            f"option seed={config['seed']} is not allowed; the pufr_members={members} have this seed and those above "
            f"it, so that it takes at most {SEEDS - members}"
        )


def _check_valid_metric(config: Any) -> None:
    given = f"option valid_metric={config['valid_metric']!r}"
    name, _ = split_name(str(config["valid_metric"]))
    if name.lower() not in metric_types:
        raise InputError(
            f"{given}: unknown metric{near_miss(name, metric_types)}; it takes one of metrics={list(config['metrics'])}"
        )
    if name.lower() not in [metric.lower() for metric in config["metrics"]]:
        raise InputError(f"{given} is not among metrics={list(config['metrics'])}")
    if str(config["valid_metric"]) not in evaluated([name], config["topk"]):
        if not takes_k(name.lower()):
            raise InputError(f"{given}: {name} has no k; write {name}")
        raise InputError(f"{given} needs a k of topk={config['topk']}, as in {name}@{config['topk'][0]}")
    if better_of(name.lower()) is Better.ZERO:
        raise InputError(
            f"{given}: {name} is best at 0, but training keeps the epoch with the highest or the lowest value; "
            "it takes another metric"
        )


def _check_rank_metric(config: Any) -> None:
    """Refuse a metric that weights of ``auto`` cannot be chosen by."""
    asked = [key for mitigation in config.name.ranking for key in mitigation.neutral or () if config[key] == AUTO]
    if not asked:
        return
    known = [str(Metric.parse(key)) for key in evaluated(config["metrics"], config["topk"])]
    if str(config["rank_metric"]).lower() not in known:
        miss = near_miss(str(config["rank_metric"]), known)
        raise InputError(
            f"option rank_metric={config['rank_metric']!r} is not evaluated{miss}; {asked[0]}=auto is chosen by it, "
            f"and metrics and topk give {', '.join(known)}"
        )


def _check_target(config: Any) -> None:
    given = f"option ile_target={config['ile_target']!r}"
    try:
        target = Bound.parse(config["ile_target"])
    except ValueError as error:
        raise InputError(f"{given} is not allowed; {error}") from error
    name = target.metric.name
    if name not in TARGETS:
        ways = ", ".join(f"{metric}@k{better_of(metric).operator}" for metric in TARGETS)
        raise InputError(f"{given}: {name} is nothing that ILE improves{near_miss(name, TARGETS)}; it takes {ways}")
    if not target.is_sensible:
        better = target.metric.better
        raise InputError(f"{given}: ILE makes {name} {better.value}; write {better.operator}")
    if str(target.metric) not in map(str.lower, evaluated(config["metrics"], config["topk"])):
        raise InputError(
            f"{given}: {target.metric} is not evaluated; metrics={list(config['metrics'])}, topk={config['topk']}"
        )
    if not config["ile_lambda"]:
        raise InputError(f"{given} needs a first weight above 0, not ile_lambda={config['ile_lambda']!r}")
    if config.name.ensemble:
        raise InputError(f"{given}: the copies of a model that PUFR trains would each go their own way; leave out one")


def _check_fairness(config: Any) -> None:
    given, known = str(config["valid_fairness"]), evaluated(config["metrics"], config["topk"])
    if given.lower() not in map(str.lower, known):
        raise InputError(
            f"option valid_fairness={config['valid_fairness']!r} is not evaluated{near_miss(given, known)}; metrics "
            f"and topk give {', '.join(known)}"
        )
    if config["ile_target"]:
        raise InputError(
            f"options valid_tolerance={config['valid_tolerance']:g} and ile_target={config['ile_target']!r}: each says "
            "which epoch is kept; leave out one"
        )


def _check_wandb(config: Any) -> None:
    """Compare ``log_wandb`` with what is installed, before anything is read or trained.

    Raises:
        InputError: if the package is missing.
    """
    if not config["log_wandb"]:
        return
    try:
        usable = hasattr(importlib.import_module("wandb"), "init")  # a folder of its runs can be imported too
    except ImportError:
        usable = False
    if not usable:
        raise InputError("option log_wandb=True needs the package wandb, which is not installed: pip install wandb")


def check_catalogue(config: Any, dataset: Any) -> None:
    """Compare the settings with the data set that was loaded.

    Args:
        config: the configuration.
        dataset: RecBole's, filtered but not yet split.

    Raises:
        InputError: if lists are longer than the catalogue, more negatives are asked for than it gives, or there is
            nothing to rank.
    """
    name, n_items, n_users = config["dataset"], dataset.item_num - 1, dataset.user_num - 1
    if n_users < 2:
        raise InputError(f"dataset {name} has {n_users} user; groups of users need at least 2")
    if max(config["topk"]) > n_items:
        raise InputError(
            f"option topk={config['topk']} is not allowed; {name} has {n_items} items, so k is at most {n_items}"
        )
    most = max(FEW_NEGATIVES, TIMES_THE_CATALOGUE * n_items)
    for option, number in negatives_asked_for(config).items():
        if number > most:
            raise InputError(
                f"option {option} is not allowed; {name} has {n_items} items, so that it takes at most {most} "
                "negatives for an interaction"
            )


def _check_all_items(internal: dict[str, Any], final: dict[str, Any], model: str) -> None:
    """Refuse negatives for a sequential model whose loss is over all items, as RecBole does."""
    if internal.get("MODEL_TYPE") is not ModelType.SEQUENTIAL or hasattr(get_model(model), "input_type"):
        return
    if final.get("loss_type") == "CE" and final["train_neg_sample_args"] is not None:
        raise InputError(
            f"option train_neg_sample_args={shown(final['train_neg_sample_args'])} is not allowed; with loss_type='CE' "
            f"{model} takes None"
        )


def _check_groups(final: dict[str, Any]) -> None:
    split = final["item_group_split"]
    try:
        check_split(split)
    except (ValueError, TypeError) as error:
        raise InputError(f"option item_group_split={split!r} is not allowed; {error}") from error


def _check_metrics(final: dict[str, Any]) -> None:
    """Refuse unknown metrics, those of lists along with those of values, and the latter where every item is ranked."""
    if "metrics" not in final:
        return
    metrics = [final["metrics"]] if isinstance(final["metrics"], str) else list(final["metrics"])
    for metric in metrics:
        if metric.lower() not in metric_types:
            raise InputError(
                f"option metrics: unknown metric {metric}{near_miss(metric, metric_types)}; known are "
                f"{', '.join(sorted(metric_types))}"
            )
    kinds = {metric_types[metric.lower()] for metric in metrics}
    if len(kinds) > 1:
        values = ", ".join(name for name in metrics if metric_types[name.lower()] is EvaluatorType.VALUE)
        raise InputError(
            f"option metrics={metrics!r} is not allowed; it takes metrics of one kind, of values ({values}) or of lists"
        )
    mode = final.get("eval_args", {}).get("mode", "full")
    modes = list(mode.values()) if isinstance(mode, dict) else [mode]
    if kinds == {EvaluatorType.VALUE} and "full" in (modes or ["full"]):
        raise InputError(
            f"option eval_args.mode={mode!r} is not allowed; metrics={metrics!r} are of single values and take "
            "labeled, uni<N> or pop<N>"
        )
