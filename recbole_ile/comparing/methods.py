"""What is compared: a model, and the settings that make it this method rather than another."""

from __future__ import annotations

from typing import Any, NamedTuple

from recbole_ile.errors import InputError, near_miss
from recbole_ile.functional.distances import DISTANCES
from recbole_ile.plugin.config import check_known, read_literal
from recbole_ile.plugin.properties import defaults
from recbole_ile.plugin.registry import get_model, parse_model_name
from recbole_ile.plugin.support import why_not
from recbole_ile.sweeping.trials import check_owned

DISTANCE, WEIGHT = "ile_distance", "ile_lambda"
UNTOUCHABLE = ("model", "dataset", "data_path", "seed", "eval_args", "metrics", "topk", "valid_metric")
"""Settings that must be the same for all methods, lest the comparison compares something else."""


class Method(NamedTuple):
    """A row of the comparison.

    Attributes:
        label: what it is called, ``BPR_ILE:std`` say; the text that named it.
        model: ``BPR_ILE`` say.
        settings: what it is configured with beyond what all methods share.
        published: metrics that were published of it on this data set.
    """

    label: str
    model: str
    settings: dict[str, Any]
    published: dict[str, float]


def read_methods(texts: list[str], base: str, dataset: str, fixed: dict[str, Any]) -> list[Method]:
    """Read methods, the base always being the first.

    Args:
        texts: ``MODEL``, ``MODEL:distance`` and ``MODEL:key=value``, further parts after further colons; none
            means those of the paper that work on the base model.
        base: the model that the others are measured against.
        dataset: its published weights of ILE are used where none is given.
        fixed: options that hold for all methods; they win over the published weights.

    Raises:
        InputError: names the text, what is wrong with it and what is allowed.
    """
    paper = defaults("compare/paper.yaml")
    if not texts:
        usual = [f"{base}{suffix}" for suffix in paper["methods"]]
        texts = [text for text in usual if _applies(text.partition(":")[0])]
    weights = paper["weights"].get(dataset, paper["weights"]["other"])
    published = paper["published"].get(dataset, {})
    found = {text: _method(text, weights, published.get(text, {}), fixed) for text in dict.fromkeys([base, *texts])}
    same: dict[str, str] = {}
    for method in found.values():
        meaning = repr((method.model, sorted(method.settings.items(), key=repr)))
        if meaning in same:
            raise InputError(f"option methods: {method.label} is the same as {same[meaning]}; leave out one")
        same[meaning] = method.label
    return list(found.values())


def _method(text: str, weights: dict[str, float], published: dict[str, float], fixed: dict[str, Any]) -> Method:
    model, *parts = text.split(":")
    get_model(model)
    settings: dict[str, Any] = {}
    for part in parts:
        key, equals, value = part.partition("=")
        if not equals:
            if key not in DISTANCES:
                raise InputError(
                    f"option methods: {text}: {part} is no distance{near_miss(part, DISTANCES)}; after a colon comes "
                    f"one of {', '.join(DISTANCES)}, or key=value"
                )
            key, value = DISTANCE, key
        if key in UNTOUCHABLE:
            raise InputError(f"option methods: {text}: {key} is the same for all methods; give it as --{key}={value}")
        if key in fixed:
            raise InputError(f"option methods: {text}: --{key}={fixed[key]} already says it for all; leave out one")
        settings[key] = read_literal(value)
    check_known(settings)
    check_owned(settings, model)
    changed = bool(settings.keys() - {DISTANCE} or fixed.keys() & {DISTANCE, WEIGHT})
    distance = settings.get(DISTANCE)
    if distance in weights and WEIGHT not in settings and WEIGHT not in fixed:
        settings[WEIGHT] = weights[distance]
    return Method(text, model, settings, {} if changed else published)


def split_texts(text: str) -> list[str]:
    """Split ``BPR,BPR_ILE:std,BPR_CP:item_group_split=[0.5,0.5]`` at the commas outside of brackets."""
    found, depth = [""], 0
    for letter in text:
        depth += (letter in "[({") - (letter in "])}")
        if letter == "," and depth == 0:
            found.append("")
        else:
            found[-1] += letter
    return [each.strip() for each in found if each.strip()]


def _applies(model: str) -> bool:
    base, mitigations = parse_model_name(model)
    return not any(why_not(mitigation, base) for mitigation in mitigations)
