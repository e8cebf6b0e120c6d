"""A target is read as written, and the weight moves towards it within bounds."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recbole_ile.functional.fairness_target import Target, ascended, parse_target, score, shrinks, violation

UPD = Target("upd@10", False, 0.07)
AD = Target("ad@10", True, 0.5)
values = st.floats(0, 1)


def test_a_target_is_read_as_written() -> None:
    assert parse_target("UPD@10 <= 0.07") == UPD
    assert parse_target("ad@10>=5e-1") == AD
    assert str(UPD) == "upd@10<=0.07"


@pytest.mark.parametrize(
    "text",
    ["", "upd@10", "upd<=0.1", "upd@10<0.1", "upd@10<=", "upd@10<=0", "upd@10<=-1", "upd@10<=1e999", "upd@10<=1-2"],
)
def test_what_is_no_target_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"as in upd@10<=0.07"):
        parse_target(text)


def test_a_violation_is_a_share_of_the_bound() -> None:
    assert violation(0.14, UPD) == pytest.approx(1.0)
    assert violation(0.035, UPD) == pytest.approx(-0.5)
    assert violation(0.25, AD) == pytest.approx(0.5)
    assert violation(0.75, AD) == pytest.approx(-0.5)


@given(st.floats(1e-3, 1e3), st.floats(-10, 10), st.floats(0, 2))
def test_the_weight_moves_towards_the_target_within_its_bounds(weight: float, violated: float, rate: float) -> None:
    found = ascended(weight, violated, rate, weight / 3, weight * 3)
    assert weight / 3 <= found <= weight * 3
    assert found >= weight if violated >= 0 else found <= weight
    assert abs(math.log(found / weight)) <= rate * min(1, abs(violated)) + 1e-9


def test_what_is_missing_shrinks_if_a_twentieth_of_it_is_gone() -> None:
    assert shrinks(1.0, 0.95)
    assert not shrinks(1.0, 0.96)
    assert not shrinks(0.0, 0.4), "the first step has none before it"
    assert not shrinks(0.4, -0.1), "nothing is missing"


@given(values, values, values, values)
def test_meeting_the_target_comes_first_then_accuracy(accuracy: float, other: float, upd: float, far: float) -> None:
    one, two = violation(upd, UPD), violation(far, UPD)
    if one <= 0 < two:
        assert score(accuracy, one) > score(other, two)
    elif one <= 0:
        assert score(accuracy, one) == accuracy
    elif two > 0 and two - one > 1e-6:
        assert score(accuracy, one) > score(other, two)
