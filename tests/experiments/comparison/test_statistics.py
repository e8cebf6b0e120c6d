"""Intervals, paired tests and their correction."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from recbole_ile.experiments.comparison.statistics import bootstrap_interval, holm, paired_p_value

P_VALUES = st.lists(st.floats(0.0, 1.0), min_size=1, max_size=12)


@given(P_VALUES)
def test_holm_is_its_own_definition(values: list[float]) -> None:
    corrected = holm(values)
    order = sorted(range(len(values)), key=lambda test: values[test])
    highest = 0.0
    for place, test in enumerate(order):
        highest = max(highest, min(1.0, values[test] * (len(values) - place)))
        assert corrected[test] == highest
    assert (corrected >= np.array(values)).all()


def test_holm_leaves_out_what_is_no_test() -> None:
    corrected = holm([0.01, float("nan"), 0.03])
    assert corrected[[0, 2]].tolist() == pytest.approx([0.02, 0.03])
    assert np.isnan(corrected[1])
    assert holm([]).shape == (0,)


def test_the_paired_test_is_students() -> None:
    one, other = np.random.default_rng(0).normal(size=(2, 50))
    assert paired_p_value(one - other) == pytest.approx(stats.ttest_rel(one, other).pvalue)
    assert paired_p_value(other - one) == pytest.approx(paired_p_value(one - other))
    assert paired_p_value([*(one - other), float("nan")]) == paired_p_value(one - other)


def test_the_paired_test_at_its_limits() -> None:
    assert paired_p_value(np.zeros(5)) == 1.0
    assert paired_p_value(np.full(5, 0.25)) == 0.0
    assert np.isnan(paired_p_value([1.0]))


def test_the_interval_covers_the_mean_as_often_as_it_says() -> None:
    generator = np.random.default_rng(1)
    covered = 0
    for seed in range(120):
        low, high = bootstrap_interval(generator.exponential(size=80), np.zeros(80, int), seed)
        covered += low <= 1.0 <= high
    assert 0.87 <= covered / 120 <= 0.99


def test_the_interval_weighs_groups_alike() -> None:
    values = np.concatenate([np.random.default_rng(2).normal(0.0, 0.1, 900), np.full(100, 1.0)])
    groups = np.repeat([0, 1], [900, 100])
    low, high = bootstrap_interval(values, groups, seed=3)
    assert low < 0.5 < high
    assert high - low < 0.02
    assert bootstrap_interval(values, np.zeros(1000, int), seed=3)[1] < 0.2


def test_the_interval_is_the_same_for_the_same_seed_and_unknown_for_one_user() -> None:
    values = np.arange(10.0)
    groups = np.zeros(10, int)
    assert bootstrap_interval(values, groups, 1) == bootstrap_interval(values, groups, 1)
    assert bootstrap_interval(values, groups, 1) != bootstrap_interval(values, groups, 2)
    assert np.isnan(bootstrap_interval([0.5], [0], 1)).all()
    assert np.isnan(bootstrap_interval([float("nan")] * 3, [0, 0, 0], 1)).all()


def test_the_interval_of_many_users_is_that_of_their_bootstrap(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(5).exponential(size=3000) * (np.arange(3000) % 3 == 0)
    one_by_one = bootstrap_interval(values, np.arange(3000) % 2, seed=1)
    monkeypatch.setattr("recbole_ile.experiments.comparison.statistics.DRAWN", 1000)
    at_once = bootstrap_interval(values, np.arange(3000) % 2, seed=1)
    assert at_once == pytest.approx(one_by_one, abs=0.1 * (one_by_one[1] - one_by_one[0]))
    assert at_once != one_by_one
