"""Adam on demand is Adam: every step, whether it had a gradient or waited for the row to be read."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from random_cases import cases

from recbole_ile.kernels.adam_rows import Adam, Table, bring_up_to_date, empty_gaps, make_table, take_step

SETTINGS = [
    Adam(1e-3, 0.9, 0.999, 1e-8),
    Adam(1e-2, 0.9, 0.99, 1e-6),
    Adam(1e-3, 0.5, 0.9, 1e-4),
    Adam(1e-3, 0.99, 0.999, 1e-3),
    Adam(1e-3, 0.0, 0.999, 1e-8),
    Adam(1e-3, 0.9, 0.9999, 1e-10),
]
WIDTH = 8


def adam_step(
    weights: np.ndarray, mean: np.ndarray, square: np.ndarray, gradient: np.ndarray, step: int, adam: Adam
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return what a step of Adam makes of a row, in double precision."""
    mean = adam.beta1 * mean + (1 - adam.beta1) * gradient
    square = adam.beta2 * square + (1 - adam.beta2) * gradient**2
    root = np.sqrt(square / (1 - adam.beta2**step))
    return weights - adam.rate * mean / (1 - adam.beta1**step) / (root + adam.epsilon), mean, square


def table() -> Table:
    return make_table(np.zeros((3, 1, WIDTH)), step=0)


@cases(40)
@given(
    st.sampled_from(SETTINGS),
    st.lists(st.one_of(st.integers(0, 5), st.integers(0, 400), st.integers(0, 20_000)), min_size=1, max_size=12),
    st.integers(0, 1000),
)
def test_waiting_steps_are_those_of_adam(adam: Adam, gaps: list[int], seed: int) -> None:
    generator = np.random.default_rng(seed)
    own, room, row = table(), empty_gaps(adam, WIDTH), np.zeros(1, dtype=np.int64)
    for gap in gaps:
        gradient = (generator.normal(size=WIDTH) * 10.0 ** generator.uniform(-4, 0)).astype(np.float32)
        start = int(own.step[0])
        expected = adam_step(*own.rows[0].astype(float), gradient, start + 1, adam)
        take_step(row, gradient[None], start + 1, own, adam)
        for part, wanted in zip(own.rows[0], expected, strict=True):
            np.testing.assert_allclose(part, wanted, rtol=1e-5, atol=adam.rate * 1e-5)
        before = state = tuple(own.rows[0].astype(float))
        for step in range(start + 2, start + 2 + gap):
            state = adam_step(*state, np.zeros(WIDTH), step, adam)
        bring_up_to_date(row, start + 1 + gap, own, adam, room)
        update = state[0] - before[0]
        allowed = 1e-5 * np.abs(update) + np.spacing(np.abs(own.rows[0, 0]))
        assert (np.abs(own.rows[0, 0] - before[0] - update) <= allowed).all()
        for part, wanted in zip(own.rows[0, 1:], state[1:], strict=True):
            np.testing.assert_allclose(part, wanted, rtol=1e-5, atol=1e-37)


def test_a_kept_sum_is_that_of_its_own_gap() -> None:
    adam = SETTINGS[0]
    fresh, kept = [], empty_gaps(adam, WIDTH)
    for step, until in [(5, 8), (5, 20), (5 + 4096, 5 + 4099), (5, 8)]:
        for room in (empty_gaps(adam, WIDTH), kept):
            own = make_table(np.full((3, 1, WIDTH), 0.5), step)
            bring_up_to_date(np.zeros(1, dtype=np.int64), until, own, adam, room)
            fresh.append(own.rows[0, 0].copy())
        np.testing.assert_array_equal(fresh[-1], fresh[-2])


@pytest.mark.parametrize("adam", SETTINGS)
def test_a_row_without_a_gradient_ever_stays_where_it_is(adam: Adam) -> None:
    own = table()
    bring_up_to_date(np.zeros(1, dtype=np.int64), 1000, own, adam, empty_gaps(adam, WIDTH))
    assert not own.rows.any()
    assert own.step[0] == 1000
