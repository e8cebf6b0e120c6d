"""Every option has a rule, which takes RecBole's own values and says in one line what else it takes."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import recbole
import yaml
from recbole.config import Config

from recbole_ile import InputError
from recbole_ile.plugin.catalogue.mitigations import SEARCH
from recbole_ile.plugin.catalogue.own_models import OWN_MODELS, own_model_options
from recbole_ile.plugin.catalogue.properties import properties_dir
from recbole_ile.plugin.catalogue.rule import (
    check,
    either,
    list_of,
    number,
    one_of,
    or_none,
    shown,
    table_of,
    text,
    truth,
    whole,
)
from recbole_ile.plugin.config.eval_rules import ENTRIES
from recbole_ile.plugin.config.known_keys import NO_OPTIONS, known_keys
from recbole_ile.plugin.config.model_rules import DIVISIONS, OF_ALL, OF_ONE, check_model_options, rule_of
from recbole_ile.plugin.config.option_rules import shared_rules

PROPERTIES = Path(recbole.__file__).parent / "properties"
LOADER = Config("BPR", "ml-100k", config_dict={}).yaml_loader


def read(path: Path) -> dict[str, Any]:
    return yaml.load(path.read_text(encoding="utf-8"), Loader=LOADER) or {}


MODEL_FILES = sorted((PROPERTIES / "model").glob("*.yaml"))
FILES = [*PROPERTIES.rglob("*.yaml"), *(each for each in properties_dir().rglob("*.yaml"))]
SHARED = [PROPERTIES / "overall.yaml", PROPERTIES / "dataset" / "sample.yaml", properties_dir() / "overall.yaml"]
SHARED += sorted((properties_dir() / "mitigation").glob("*.yaml"))


@pytest.mark.parametrize("path", FILES, ids=[f"{each.parent.name}-{each.stem}" for each in FILES])
def test_every_key_of_every_file_is_known(path: Path) -> None:
    if path.parent.name in NO_OPTIONS or not isinstance(read(path), dict):
        return
    assert set(read(path)) <= known_keys()


@pytest.mark.parametrize("path", SHARED, ids=[each.stem for each in SHARED])
def test_every_option_of_no_model_has_a_rule_that_takes_its_default(path: Path) -> None:
    for option, default in read(path).items():
        if option == SEARCH:
            continue
        assert option in shared_rules() or option in (*ENTRIES, "item_group_split"), option
        if option in shared_rules():
            check(shared_rules()[option], option, default)


@pytest.mark.parametrize("path", MODEL_FILES, ids=[each.stem for each in MODEL_FILES])
def test_every_option_of_a_model_has_a_rule_that_takes_its_default(path: Path) -> None:
    for option, default in read(path).items():
        rule = shared_rules().get(option) or rule_of(path.stem, option, default)
        assert rule is not None or default is None, option
        if rule is not None and not (path.stem == "FEARec" and option == "fredom_type"):
            check(rule, option, default)


@pytest.mark.parametrize("model", OWN_MODELS)
def test_every_option_of_our_models_has_a_rule_that_takes_its_default(model: str) -> None:
    options = own_model_options(model)
    assert options.keys() == OF_ONE[model].keys()
    assert set(options) <= known_keys()
    assert all(OF_ONE[model][option].allows(default) for option, default in options.items())


def test_no_rule_is_of_an_option_that_nobody_has() -> None:
    assert set(OF_ALL) <= known_keys()
    for model, rules in OF_ONE.items():
        folder = properties_dir() if model in OWN_MODELS else PROPERTIES
        assert set(rules) <= set(read(folder / "model" / f"{model}.yaml")), model
    for model, division in DIVISIONS.items():
        assert {division.size, division.by} <= set(read(PROPERTIES / "model" / f"{model}.yaml")), model


@pytest.mark.parametrize(
    ("rule", "takes", "refuses", "words"),
    [
        (number(0, 1), [0, 1, 0.5], [-1, 1.5, True, "1", math.nan, math.inf, 10**400, [], None], "at least 0 and at"),
        (number(0, 1, inclusive=False, below=True), [0.5], [0, 1], "a number above 0 and below 1"),
        (number(), [0, -1e38, 1e38], [1e308, math.inf], "at most 3.4e+38"),
        (truth(), [True, False, 0, 1], [2, 0.5, "yes", None, []], "True or False"),
        (whole(1), [1, 10**400], [0, 1.0, True, "1"], "a whole number of at least 1"),
        (text(), ["a"], ["", 1, None], "a text"),
        (one_of("a", "b"), ["a"], ["A", "c", 1, [], {}], "a, b"),
        (one_of("INFO", exactly=False), ["info"], ["x", 3], "INFO"),
        (or_none(text()), [None, "a"], [0], "or None"),
        (either(text(), whole(0)), ["a", 0], [-1, []], "a text or a whole number"),
        (list_of(whole(1)), [[1], (1, 2)], [[], [0], 1, "1"], "a list, each entry a whole number"),
        (list_of(text(), empty=True), [[]], [[1]], "may be empty"),
        (table_of(text()), [{}, {"a": "b"}], [{"a": 1}, {1: "a"}, []], "a dictionary"),
    ],
)
def test_a_rule_takes_refuses_and_says_so(rule: Any, takes: list[Any], refuses: list[Any], words: str) -> None:
    for value in takes:
        check(rule, "option", value)
    for value in refuses:
        with pytest.raises(InputError, match=r"^option option=.* is not allowed.*; it takes ") as refusal:
            check(rule, "option", value)
        assert words in str(refusal.value)
        assert "\n" not in str(refusal.value)


def test_a_long_value_is_cut_and_a_near_miss_named() -> None:
    assert len(shown("x" * 10**6)) < 100
    with pytest.raises(InputError, match="did you mean stacked"):
        check_model_options("DCNV2", {"structure": "stacked"}, {"structure": "staked"})


@pytest.mark.parametrize(
    ("interval", "allowed"),
    [
        *((interval, True) for interval in ("[5,inf)", "(0, 3];[5,6]", "[-inf,2.5]", None)),
        *((interval, False) for interval in (5, "5", "", "[3,2]", "[1,2,3]", "[a,b]", "[1,2")),
    ],
)
def test_an_interval_is_one(interval: Any, allowed: bool) -> None:
    for option in ("user_inter_num_interval", "item_inter_num_interval", "entity_kg_num_interval"):
        assert shared_rules()[option].allows(interval) is allowed


@pytest.mark.parametrize(
    ("option", "takes", "refuses"),
    [
        ("threshold", [{"rating": 3}, {"rating": 0.5}, None], [{}, {"a": 1, "b": 2}, {"a": "3"}, 3, []]),
        ("gpu_id", ["0", 0, "0,1", (0, 1), "", -1, "GPU-8932f937"], [[], [0], 0.5, {}, "0;1", True]),
        ("val_interval", [{"rating": "[3,inf)"}, {"home": ["h1"]}], [{"rating": 3}, "x", [], {"rating": "3"}]),
        ("rm_dup_inter", ["first", "last", None], [False, "any"]),
        ("clip_grad_norm", [None, {"max_norm": 5, "norm_type": math.inf}], [5, {}, {"max_norm": -1}, {"max": 5}]),
        ("load_col", [None, {"inter": ["a"]}, {"item": "*"}, {"item": None}], [[], "a", {"inter": "a"}, {"x": [1]}]),
        ("discretization", [None, {"a": {"method": "ED", "bucket": 3}}, {"a": {"method": "LD"}}], [{"a": 1}, 3]),
        ("topk", [1, [1, 2]], [0, [], [0], "10", True, 1.5]),
        ("state", ["info", "ERROR", None], ["loud", 3]),
        ("metrics", ["NDCG", ["NDCG"]], [[], 3, {}, [3]]),
        ("pufr_weight", [0, 1e6], [1e308, -1]),
        ("tail_ratio", [None, 0.1, 5], ["abc", -1, 0]),
    ],
)
def test_what_options_of_their_own_kind_take(option: str, takes: list[Any], refuses: list[Any]) -> None:
    assert [value for value in takes if not shared_rules()[option].allows(value)] == []
    assert [value for value in refuses if shared_rules()[option].allows(value)] == []
