"""The kept epoch is accurate enough, and no later one that was so too is fairer."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from recbole_ile.functional.epoch_choice import update_choice

EPOCHS = st.lists(st.tuples(st.floats(-1, 1), st.floats(-1, 1)), min_size=1, max_size=30)


def kept_epochs(epochs: list[tuple[float, float]], tolerance: float) -> list[int]:
    """All epochs that were kept, one after the other."""
    choice, kept = None, []
    for number, (accuracy, fairness) in enumerate(epochs):
        choice, keep = update_choice(choice, accuracy, fairness, tolerance)
        kept += [number] if keep else []
    return kept


@given(EPOCHS, st.floats(0, 0.5))
def test_the_kept_epoch_is_within_the_tolerance_and_none_after_it_is_fairer(
    epochs: list[tuple[float, float]], tolerance: float
) -> None:
    last = kept_epochs(epochs, tolerance)[-1]
    best = max(accuracy for accuracy, _ in epochs)
    least = best - tolerance * abs(best)
    assert epochs[last][0] >= least
    assert all(fairness < epochs[last][1] for accuracy, fairness in epochs[last + 1 :] if accuracy >= least)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_without_tolerance_the_last_of_the_most_accurate_epochs_is_kept(accuracies: list[float]) -> None:
    (*_, last) = kept_epochs([(each, 0.0) for each in accuracies], 0.0)
    assert last == max(range(len(accuracies)), key=lambda number: (accuracies[number], number))


def test_by_hand() -> None:
    rising = [(0.10, -0.05), (0.19, -0.20), (0.20, -0.15), (0.199, -0.12), (0.195, -0.10), (0.190, -0.01)]
    assert kept_epochs(rising, 0.03) == [0, 1, 2, 3, 4], "the last one is not accurate enough"
    assert kept_epochs(rising, 0.0) == [0, 1, 2]
    assert kept_epochs([(math.nan, 0.5), (0.1, math.nan), (math.nan, 0.9), (0.1, 0.2)], 0.5) == [0, 1, 3]
