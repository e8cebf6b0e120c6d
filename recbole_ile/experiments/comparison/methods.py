"""What is compared: a model, and the settings that make it this method rather than another."""

from __future__ import annotations

from typing import Any, NamedTuple

from recbole_ile.errors import InputError, near_miss
from recbole_ile.experiments.engine.points import check_owned
from recbole_ile.functional.distances import DISTANCES
from recbole_ile.plugin.catalogue.mitigations import known_mitigations
from recbole_ile.plugin.catalogue.model_names import ModelName
from recbole_ile.plugin.catalogue.models import get_model
from recbole_ile.plugin.catalogue.properties import defaults
from recbole_ile.plugin.config.known_keys import check_known
from recbole_ile.plugin.config.values import read_literal

DISTANCE, WEIGHT = "ile_distance", "ile_lambda"
ALL = "all"
"""Instead of methods: every mitigation that works on the base model, with its defaults."""
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
    model: ModelName
    settings: dict[str, Any]
    published: dict[str, float]


def read_methods(texts: list[str], base: ModelName, dataset: str, fixed: dict[str, Any]) -> list[Method]:
    """Read methods, the base always being the first.

    Args:
        texts: ``MODEL``, ``MODEL:distance`` and ``MODEL:key=value``, further parts after further colons; none
            means those of the paper that work on the base model, and ``all`` every mitigation that does.
        base: the model that the others are measured against.
        dataset: its published weights of ILE are used where none is given.
        fixed: options that hold for all methods; they win over the published weights.

    Raises:
        InputError: names the text, what is wrong with it and what is allowed.
    """
    paper = defaults("compare/paper.yaml")
    if texts in ([], [ALL]):
        of_paper = [f"{base}{suffix}" for suffix in paper["methods"]]
        named = {str(ModelName.parse(text.partition(":")[0])) for text in of_paper}
        further = [f"{base}_{suffix}" for suffix in known_mitigations() if suffix not in base.suffixes] if texts else []
        usual = [*of_paper, *(str(ModelName.parse(text)) for text in further if text not in named)]
        texts = [text for text in usual if ModelName.parse(text.partition(":")[0]).refusal() is None]
    weights = paper["weights"].get(dataset, paper["weights"]["other"])
    published = paper["published"].get(dataset, {})
    found = {
        text: _method(text, weights, published.get(text, {}), fixed) for text in dict.fromkeys([str(base), *texts])
    }
    same: dict[str, str] = {}
    for method in found.values():
        meaning = repr((str(method.model), sorted(method.settings.items(), key=repr)))
        if meaning in same:
            raise InputError(f"option methods: {method.label} is the same as {same[meaning]}; leave out one")
        same[meaning] = method.label
    return list(found.values())


def _method(text: str, weights: dict[str, float], published: dict[str, float], fixed: dict[str, Any]) -> Method:
    named, *parts = text.split(":")
    model = ModelName.parse(named)
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
