"""The number of threads that is fastest now trains, whatever was fastest before."""

from __future__ import annotations

from recbole_ile.plugin.training.thread_choice import PERIOD, ThreadChoice


def go(choice: ThreadChoice, paces: dict[int, float], parts: int) -> list[int]:
    chosen = []
    for _ in range(parts):
        chosen.append(choice.choose())
        choice.tell(chosen[-1], paces[chosen[-1]])
    return chosen


def test_the_fastest_trains_until_another_one_is_faster() -> None:
    choice = ThreadChoice((1, 2))
    assert go(choice, {1: 1.0, 2: 0.6}, PERIOD + 2) == [1, 2] + [2] * PERIOD
    assert go(choice, {1: 1.0, 2: 5.0}, PERIOD + 2) == [1, 2] + [1] * PERIOD
    assert go(choice, {1: 1.0, 2: 0.6}, PERIOD + 2) == [1, 2] + [2] * PERIOD


def test_one_that_slows_down_is_left_at_once() -> None:
    choice = ThreadChoice((1, 2))
    assert go(choice, {1: 1.0, 2: 0.6}, 4) == [1, 2, 2, 2]
    assert go(choice, {1: 1.0, 2: 5.0}, 3) == [2, 1, 1]


def test_of_one_nothing_is_tried() -> None:
    choice = ThreadChoice((1,))
    assert not choice.tries
    assert go(choice, {1: 1.0}, 3) == [1, 1, 1]
