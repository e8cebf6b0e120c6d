"""What may be tried: read from options, YAML and RecBole's own files; enumerated, or drawn from the seed."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recbole_ile.errors import InputError
from recbole_ile.experiments.sweep.space import (
    Domain,
    grid_points,
    make_domain,
    merged,
    random_points,
    read_option,
    read_space,
)
from recbole_ile.plugin.catalogue.own_models import OWN_MODELS, own_model_options


def test_options_are_read_as_values() -> None:
    assert read_option("grid", "ile_lambda=0.1,0.25") == {"ile_lambda": Domain("grid", (0.1, 0.25))}
    assert read_option("grid", "ile_distance=std,mad") == {"ile_distance": Domain("grid", ("std", "mad"))}
    assert read_option("choice", "split=[0.2,0.8],[0.5,0.5]")["split"].values == ([0.2, 0.8], [0.5, 0.5])
    assert read_option("loguniform", "learning_rate=1e-4,1e-2")["learning_rate"].kind == "loguniform"


@pytest.mark.parametrize(
    ("kind", "text", "message"),
    [
        ("grid", "ile_lambda", "not of the form --grid key=value,value"),
        ("uniform", "ile_lambda=1,0", "takes low,high with low < high"),
        ("uniform", "ile_lambda=0.5", "takes low,high"),
        ("uniform", "ile_lambda=a,b", "takes low,high"),
        ("loguniform", "learning_rate=0,1", "takes a range above 0"),
    ],
)
def test_a_wrong_option_is_one_line(kind: str, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_option(kind, text)


def test_recboles_own_file_is_read_as_it_reads_it() -> None:
    lines = ["learning_rate loguniform -8,0", "embedding_size choice [64,96,128]", "dropout uniform 0,0.5", "", "x"]
    Path("hyper.test").write_text("\n".join([*lines, "reg quniform 0,1,0.25"]))
    (space,) = read_space("hyper.test", exhaustive=True)
    assert space["learning_rate"].values == (math.exp(-8), 1.0)
    assert space["embedding_size"] == Domain("grid", (64, 96, 128))
    assert space["dropout"] == Domain("uniform", (0, 0.5))
    assert space["reg"] == Domain("quniform", (0, 1, 0.25))
    assert read_space("hyper.test", exhaustive=False)[0]["embedding_size"].kind == "choice"


def test_a_yaml_file_may_hold_alternatives() -> None:
    Path("own.yaml").write_text(
        "- ile_distance: {grid: [std]}\n  ile_lambda: {grid: [0.1]}\n- ips_max: {grid: [2.0]}\n"
    )
    first, second = read_space("own.yaml", exhaustive=True)
    assert list(first) == ["ile_distance", "ile_lambda"]
    assert list(second) == ["ips_max"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ile_lambda: 0.1", "write it as"),
        ("ile_lambda: {gird: [0.1]}", "did you mean grid"),
        ("ile_lambda: {grid: []}", "has no values"),
        ("[]", "has no mitigation|holds no|no values"),
        ("a: [", "is not valid YAML"),
    ],
)
def test_a_wrong_file_is_one_line(text: str, message: str) -> None:
    Path("own.yaml").write_text(text)
    if text == "[]":
        assert merged([read_space("own.yaml", True)]) == []
        return
    with pytest.raises(InputError, match=message):
        read_space("own.yaml", exhaustive=True)


def test_a_missing_space_names_those_that_are_there() -> None:
    with pytest.raises(InputError, match=r"neither a file nor one of .*paper.*did you mean paper"):
        read_space("papre", exhaustive=True)


@given(st.lists(st.integers(1, 4), min_size=1, max_size=3), st.integers(1, 3), st.integers(0, 5))
def test_a_grid_has_every_combination_once(sizes: list[int], samples: int, seed: int) -> None:
    space = {f"key{number}": Domain("grid", tuple(range(size))) for number, size in enumerate(sizes)}
    points = grid_points([space, space], samples, seed)
    assert len(points) == math.prod(sizes)
    drawn = grid_points([{**space, "other": Domain("uniform", (0.0, 1.0))}], samples, seed)
    assert len(drawn) == samples * math.prod(sizes)
    assert drawn == grid_points([{**space, "other": Domain("uniform", (0.0, 1.0))}], samples, seed)


@given(st.integers(0, 1000), st.floats(1e-6, 1.0), st.floats(1.5, 100.0))
def test_draws_stay_in_their_range(seed: int, low: float, factor: float) -> None:
    space = {
        "a": Domain("uniform", (low, low * factor)),
        "b": Domain("loguniform", (low, low * factor)),
        "c": Domain("choice", ("x", "y")),
    }
    points = random_points([space], 20, seed)
    assert points == random_points([space], 20, seed)
    for point in points:
        assert low <= point["a"] <= low * factor
        assert low * (1 - 1e-9) <= point["b"] <= low * factor * (1 + 1e-9)
        assert point["c"] in ("x", "y")


def test_alternatives_are_combined_and_later_keys_win() -> None:
    one = [{"a": make_domain("grid", [1], "here")}, {"b": make_domain("grid", [2], "here")}]
    two = [{"a": make_domain("grid", [3], "here")}]
    assert [{key: domain.values for key, domain in each.items()} for each in merged([one, two])] == [
        {"a": (3,)},
        {"b": (2,), "a": (3,)},
    ]


@pytest.mark.parametrize("model", OWN_MODELS)
def test_our_models_have_a_space_of_their_own_options(model: str) -> None:
    space = read_space(model, exhaustive=True)
    assert all(set(alternative) <= set(own_model_options(model)) for alternative in space)
    assert grid_points(space, 1, 0)
