"""What ``eval_args`` and ``train_neg_sample_args`` take, entry by entry."""

from __future__ import annotations

import re
from typing import Any

from recbole_ile.errors import InputError, near_miss
from recbole_ile.plugin.catalogue.rule import Rule, check, list_of, number, one_of, or_none, shown, truth, whole

PARTS = 3
LEFT_OUT = ("valid_and_test", "valid_only", "test_only")
STEEPEST = 30
"""The largest power of popularity: beyond it, the chances of a large catalogue are all 0 in double precision."""
CANDIDATES = re.compile(r"(uni|pop)([1-9]\d*)")


def _shares() -> Rule:
    shares = list_of(number(0), length=PARTS)
    return Rule(
        lambda value: isinstance(value, list) and shares.allows(value) and value[0] > 0,
        "a list of three shares of at least 0, for training (above 0), validation and test, [0.8, 0.1, 0.1] say",
    )


SPLITS: dict[str, Rule] = {"RS": _shares(), "LS": one_of(*LEFT_OUT)}
MODE = Rule(
    lambda value: value in ("full", "labeled") or (isinstance(value, str) and bool(CANDIDATES.fullmatch(value))),
    "full, labeled, or uni<N> or pop<N> with a number of candidates of at least 1, uni100 say",
)
EVALUATION: dict[str, Rule] = {
    "order": one_of("RO", "TO"),
    "group_by": Rule(lambda value: value == "user" or str(value).lower() == "none", "user or none", ("user", "none")),
}
NEGATIVES: dict[str, Rule] = {
    "distribution": or_none(one_of("uniform", "popularity", "none", "None")),
    "sample_num": whole(1),
    "alpha": number(-STEEPEST, STEEPEST),
    "dynamic": truth(),
    "candidate_num": whole(0),
}
ENTRIES = {"eval_args": ("split", "group_by", "order", "mode"), "train_neg_sample_args": tuple(NEGATIVES)}
"""The entries of the two dictionaries that RecBole reads; others it ignores without a word."""
PHASES = ("valid", "test")


def check_evaluation(given: Any) -> None:
    """Compare the entries of ``eval_args`` with their rules.

    Raises:
        InputError: names the entry, its value and what is allowed.
    """
    _check_entries("eval_args", given)
    for entry, rule in EVALUATION.items():
        if entry in given:
            check(rule, f"eval_args.{entry}", given[entry])
    if "split" in given:
        _check_split(given["split"])
    if "mode" in given:
        _check_mode(given["mode"])


def check_negatives(given: Any) -> None:
    """Compare the entries of ``train_neg_sample_args`` with their rules.

    Raises:
        InputError: names the entry, its value and what is allowed.
    """
    if without_negatives(given) and not isinstance(given, dict):
        return
    _check_entries("train_neg_sample_args", given)
    if "distribution" in given:
        check(NEGATIVES["distribution"], "train_neg_sample_args.distribution", given["distribution"])
    if without_negatives(given):
        return  # the others then say nothing, and RecBole itself writes "none" there
    for entry, rule in NEGATIVES.items():
        if entry in given:
            check(rule, f"train_neg_sample_args.{entry}", given[entry])
    if given.get("dynamic") and not given.get("candidate_num"):
        raise InputError(
            "option train_neg_sample_args.dynamic=True needs a train_neg_sample_args.candidate_num of at least 1, "
            f"not {given.get('candidate_num', 0)!r}"
        )


def without_negatives(given: Any) -> bool:
    """Tell whether ``train_neg_sample_args`` says that no negatives are drawn."""
    return (given.get("distribution", "uniform") if isinstance(given, dict) else given) in (None, "none", "None")


def negatives_asked_for(config: Any) -> dict[str, int]:
    """Return how many negatives are drawn for one interaction, by the option that says so, as it was written."""
    training = config["train_neg_sample_args"]
    found = {}
    if not without_negatives(training):
        number, candidates = training["sample_num"], training["candidate_num"] if training["dynamic"] else 1
        more = f" with candidate_num={candidates}" if training["dynamic"] else ""
        found[f"train_neg_sample_args.sample_num={number}{more}"] = number * candidates
    for mode in config["eval_args"]["mode"].values():
        if match := CANDIDATES.fullmatch(mode):
            found[f"eval_args.mode={mode!r}"] = int(match[2])
    return found


def _check_split(split: Any) -> None:
    if not isinstance(split, dict) or len(split) != 1 or next(iter(split)) not in SPLITS:
        miss = near_miss(str(next(iter(split))), SPLITS) if isinstance(split, dict) and split else ""
        raise InputError(
            f"option eval_args.split={shown(split)} is not allowed{miss}; it takes {{'RS': [0.8, 0.1, 0.1]}} or "
            f"{{'LS': 'valid_and_test'}}, one entry"
        )
    kind, value = next(iter(split.items()))
    check(SPLITS[kind], f"eval_args.split.{kind}", value)


def _check_mode(mode: Any) -> None:
    if not isinstance(mode, dict):
        check(MODE, "eval_args.mode", mode)
        return
    for phase, value in mode.items():
        if phase not in PHASES:
            raise InputError(
                f"unknown option eval_args.mode.{phase}{near_miss(str(phase), PHASES)}; it has {', '.join(PHASES)}"
            )
        check(MODE, f"eval_args.mode.{phase}", value)


def _check_entries(option: str, given: Any) -> None:
    known = ENTRIES[option]
    if not isinstance(given, dict):
        raise InputError(
            f"option {option}={shown(given)} is not allowed; it takes a dictionary with {', '.join(known)}"
        )
    for entry in given:
        if entry not in known:
            raise InputError(
                f"unknown option {option}.{entry}{near_miss(str(entry), known)}; it has {', '.join(known)}"
            )
