"""The weight moves towards a target within its bounds, and a model that meets the target comes first."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from recbole_ile.functional.fairness_target import improves_by_itself, score, step_weight
from recbole_ile.metric import Bound

UPD = Bound.parse("upd@10<=0.07")
values = st.floats(0, 1)


@given(st.floats(1e-3, 1e3), st.floats(-10, 10), st.floats(0, 2))
def test_the_weight_moves_towards_the_target_within_its_bounds(weight: float, violated: float, rate: float) -> None:
    found = step_weight(weight, violated, rate, weight / 3, weight * 3)
    assert weight / 3 <= found <= weight * 3
    assert found >= weight if violated >= 0 else found <= weight
    assert abs(math.log(found / weight)) <= rate * min(1, abs(violated)) + 1e-9


def test_what_is_missing_shrinks_if_a_twentieth_of_it_is_gone() -> None:
    assert improves_by_itself(1.0, 0.95)
    assert not improves_by_itself(1.0, 0.96)
    assert not improves_by_itself(0.0, 0.4), "the first step has none before it"
    assert not improves_by_itself(0.4, -0.1), "nothing is missing"


@given(values, values, values, values)
def test_meeting_the_target_comes_first_then_accuracy(accuracy: float, other: float, upd: float, far: float) -> None:
    one, two = UPD.violation(upd), UPD.violation(far)
    if one <= 0 < two:
        assert score(accuracy, one) > score(other, two)
    elif one <= 0:
        assert score(accuracy, one) == accuracy
    elif two > 0 and two - one > 1e-6:
        assert score(accuracy, one) > score(other, two)
