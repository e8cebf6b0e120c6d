"""How methods are named, and what their names mean."""

from __future__ import annotations

import pytest

from recbole_ile.errors import InputError
from recbole_ile.experiments.comparison.methods import read_methods, split_texts
from recbole_ile.plugin.catalogue.mitigations import known_mitigations
from recbole_ile.plugin.catalogue.model_names import ModelName


def test_the_usual_methods_are_the_papers() -> None:
    methods = read_methods([], ModelName("BPR"), "ml-1m", {})
    assert [each.label for each in methods] == [
        *("BPR", "BPR_IPS", "BPR_CP", "BPR_PUFR"),
        *("BPR_ILE:std", "BPR_ILE:ent", "BPR_ILE:mad"),
    ]
    assert [each.settings.get("ile_lambda") for each in methods[4:]] == [0.25, 0.04, 0.3]
    assert methods[4].published == {"ndcg@10": 0.226, "upd@10": 0.067, "ad@10": 0.488, "ee@10": 0.130}
    assert not methods[2].published


def test_all_methods_are_the_papers_and_every_other_mitigation_that_works() -> None:
    labels = [each.label for each in read_methods(["all"], ModelName("BPR"), "ml-1m", {})]
    assert labels[:7] == [each.label for each in read_methods([], ModelName("BPR"), "ml-1m", {})]
    of_paper = ("ILE", "IPS", "PUFR", "CP")
    assert labels[7:] == [f"BPR_{suffix}" for suffix in known_mitigations() if suffix not in of_paper]
    closed = {each.label for each in read_methods(["all"], ModelName("EASE"), "ml-1m", {})}
    assert {"EASE", "EASE_EP", "EASE_XQ", "EASE_FAIR", "EASE_PC", "EASE_LAP", "EASE_CP"} <= closed
    assert not any("ILE" in label or "GDRO" in label for label in closed)


def test_weights_are_those_of_the_data_set() -> None:
    goodreads = read_methods([], ModelName("BPR"), "goodreads", {})
    assert [each.settings["ile_lambda"] for each in goodreads[4:]] == [
        0.3,
        0.02,
        0.4,
    ]
    assert not any(each.published for each in goodreads)


def test_what_does_not_work_on_the_base_is_left_out_of_the_usual() -> None:
    assert [each.label for each in read_methods([], ModelName("EASE"), "ml-1m", {})] == ["EASE", "EASE_CP"]
    with pytest.raises(InputError, match="EASE is solved in closed form"):
        read_methods(["EASE_ILE"], ModelName("EASE"), "ml-1m", {})


def test_a_method_has_settings_of_its_own() -> None:
    base, tuned, both = read_methods(
        ["BPR_ILE:std:ile_lambda=0.1", "BPR_ILE_CP:mad:cp_weight=0.5"], ModelName("BPR"), "ml-1m", {}
    )
    assert base.settings == {}
    assert tuned.settings == {"ile_distance": "std", "ile_lambda": 0.1}
    assert not tuned.published, "nothing was published of another weight"
    assert both.settings == {"ile_distance": "mad", "ile_lambda": 0.3, "cp_weight": 0.5}


def test_an_option_for_all_wins_over_the_papers_weight() -> None:
    (_, method) = read_methods(["BPR_ILE:std"], ModelName("BPR"), "ml-1m", {"ile_lambda": 0.7})
    assert method.settings == {"ile_distance": "std"}
    assert not method.published


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("BPR_ILE:sdt", "sdt is no distance, did you mean std?"),
        ("BPR_ILE:ile_lamda=1", "unknown option ile_lamda, did you mean ile_lambda?"),
        ("BPR_CP:ile_lambda=1", "ile_lambda is a setting of ILE, which model BPR_CP is without; try BPR_ILE_CP"),
        ("BPR_IEL", "unknown model BPR_IEL"),
        ("BPR:seed=3", "seed is the same for all methods"),
        ("BPR_CP:cp_candidates=50", "--cp_candidates=7 already says it for all"),
        ("BPR_ILE:std:ile_lambda=0.25", "is the same as BPR_ILE:std"),
    ],
)
def test_wrong_methods_are_told_in_one_line(text: str, message: str) -> None:
    with pytest.raises(InputError) as error:
        read_methods(["BPR_ILE:std", text], ModelName("BPR"), "ml-1m", {"cp_candidates": 7})
    assert message in str(error.value)


def test_commas_within_brackets_do_not_end_a_method() -> None:
    text = "BPR, BPR_CP:item_group_split=[0.5,0.5],,BPR_ILE:std"
    assert split_texts(text) == ["BPR", "BPR_CP:item_group_split=[0.5,0.5]", "BPR_ILE:std"]
    assert split_texts("") == []
