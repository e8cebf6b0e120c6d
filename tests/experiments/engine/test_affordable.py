"""Where time is short, the recommendation and the baselines are tested, and others from all over the front."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from recbole_ile.experiments.engine.affordable import LOADING, affordable, expected_seconds
from recbole_ile.experiments.sweep.selection import Candidate, Replicate
from recbole_ile.experiments.sweep.space import spread_out
from recbole_ile.plugin.catalogue.model_names import ModelName

MODEL = ModelName.parse("EASE_EP")
OUTCOMES: dict[str, dict[str, Any]] = {
    "a": {"seconds": {"evaluation": 20.0}, "points": [{}] * 10},
    "b": {"seconds": {"evaluation": 40.0}, "points": [{}] * 10},
}


def candidate(trial: str, number: int, **marks: bool) -> Candidate:
    evaluation = {"ranking": {"ep_weight": number}}
    replicate = Replicate(trial, {}, {}, evaluation)
    marks = {"baseline": False, **marks}
    return Candidate({}, {"ndcg@10": float(number)}, {}, (replicate,), MODEL, "", {}, front=True, **marks)


@given(st.lists(st.integers(), unique=True))
def test_numbers_that_are_spread_out_are_all_there(numbers: list[int]) -> None:
    assert sorted(spread_out(numbers)) == sorted(numbers)
    if numbers:
        assert spread_out(numbers)[0] == numbers[len(numbers) // 2]


def test_as_many_as_there_is_time_for() -> None:
    chosen = {number: candidate("a", number, baseline=number == 9) for number in range(10)}
    assert list(affordable(chosen, OUTCOMES, set(), 0.0, at_once=1)) == [9], "the baseline in any case"
    assert list(affordable(chosen, OUTCOMES, set(), LOADING + 3 * 2.0, at_once=2)) == [2, 4, 9]
    assert affordable(chosen, OUTCOMES, set(), 1000.0, at_once=1) == chosen
    known = {each.replicates[0].name for each in chosen.values()}
    assert affordable(chosen, OUTCOMES, known, 0.0, at_once=1) == chosen, "what is known takes no time"


def test_models_are_evaluated_side_by_side() -> None:
    chosen = {0: candidate("a", 0, recommended=True), 1: candidate("b", 1), 2: candidate("b", 2), 3: candidate("a", 3)}
    time_for_one_of_b = LOADING * 2 + 4.0
    assert list(affordable(chosen, OUTCOMES, set(), time_for_one_of_b, at_once=2)) == [0, 2, 3]
    assert list(affordable(chosen, OUTCOMES, set(), time_for_one_of_b, at_once=1)) == [0, 3]


def test_settings_that_were_added_later_are_not_in_the_seconds() -> None:
    assert expected_seconds({**OUTCOMES["a"], "points": [{}] * 40, "timed": 10}, rankings=3) == 6.0
