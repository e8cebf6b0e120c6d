"""FA*IR against SciPy's binomial, against all fair lists, against the paper's table and by property."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import binom

from recbole_ile.functional.fair_prefixes import (
    failure_probability,
    fair_lists,
    minimum_protected,
    protected_groups,
    protected_shares,
)

SHARES = st.sampled_from([0.0, 0.05, 0.1, 0.25, 1 / 3, 0.5, 0.7, 0.9, 1.0])
SIGNIFICANCES = st.sampled_from([0.01, 0.05, 0.1, 0.15, 0.3, 0.6])


def minimum(share: float, k: int, level: float) -> list[int]:
    """The definition: the smallest m with F(m; i, share) > level, which is never by rounding alone."""
    above = level * (1 + 1e-9)
    return [next(m for m in range(i + 1) if binom.cdf(m, i, share) > above or m == i) for i in range(1, k + 1)]


def failing(share: float, needed: list[int]) -> float:
    """The probability to fail, summed over all lists."""
    total = 0.0
    for drawn in itertools.product((0, 1), repeat=len(needed)):
        if any(sum(drawn[: i + 1]) < m for i, m in enumerate(needed)):
            total += share ** sum(drawn) * (1 - share) ** (len(drawn) - sum(drawn))
    return total


@pytest.mark.parametrize(
    ("share", "expected"),
    [
        (0.1, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
        (0.2, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1]),
        (0.3, [0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 2]),
        (0.4, [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 3]),
        (0.5, [0, 0, 0, 1, 1, 1, 2, 2, 3, 3, 3, 4]),
        (0.6, [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]),
        (0.7, [0, 1, 1, 2, 2, 3, 3, 4, 5, 5, 6, 6]),
    ],
)
def test_the_table_of_the_paper(share: float, expected: list[int]) -> None:
    assert minimum_protected(np.array([share]), 12, 0.1, corrected=False).tolist() == [expected]
    assert minimum(share, 12, 0.1) == expected


def test_ten_places_half_of_which_are_protected() -> None:
    half = torch.tensor([0.5])
    each, together = minimum_protected(half, 10, 0.1, corrected=False), minimum_protected(half, 10, 0.1)
    assert isinstance(each, torch.Tensor)
    assert each.tolist() == [[0, 0, 0, 1, 1, 1, 2, 2, 3, 3]]
    assert together.tolist() == [[0, 0, 0, 0, 1, 1, 1, 2, 2, 3]]
    assert float(failure_probability(half, each)) == failing(0.5, each[0].tolist()) == 132 / 1024
    assert float(failure_probability(half, together)) == failing(0.5, together[0].tolist()) == 77 / 1024


@given(SHARES, st.integers(0, 8), SIGNIFICANCES)
def test_each_test_takes_the_quantile_of_a_binomial(share: float, k: int, level: float) -> None:
    found = minimum_protected(np.array([share]), k, level, corrected=False)
    assert found.tolist() == [minimum(share, k, level)]
    assert failure_probability(np.array([share]), found)[0] == pytest.approx(failing(share, found[0].tolist()))


@given(SHARES, st.integers(1, 8), SIGNIFICANCES)
def test_all_tests_together_reject_as_seldom_as_one_and_no_seldomer_than_they_must(
    share: float, k: int, level: float
) -> None:
    (found,) = minimum_protected(np.array([share]), k, level)
    assert failing(share, found.tolist()) <= level + 1e-9
    levels = sorted({binom.cdf(m, i, share) for i in range(1, k + 1) for m in range(i + 1)} | {0.0})
    tables = [minimum(share, k, at) for at in levels]
    allowed = [table for table in tables if failing(share, table) <= level + 1e-9]
    assert found.tolist() == max(allowed, key=sum)


@given(SHARES, st.integers(1, 30), SIGNIFICANCES)
def test_a_minimum_can_be_met(share: float, k: int, level: float) -> None:
    (found,) = minimum_protected(np.array([share]), k, level)
    steps = np.diff(found, prepend=0)
    assert set(steps.tolist()) <= {0, 1}
    assert (found <= minimum_protected(np.array([share]), k, level, corrected=False)[0]).all()


def test_many_shares_are_the_same_as_one_by_one() -> None:
    shares = np.random.default_rng(0).random(40_000)
    found = minimum_protected(shares, 10, 0.1)
    for place in (0, 20_000, 34_662, 39_999):
        assert (found[place] == minimum_protected(shares[place : place + 1], 10, 0.1)[0]).all()


def fair_top_k(scores: np.ndarray, protected: np.ndarray, needed: np.ndarray) -> list[int]:
    """One user's list, written out as the paper's algorithm."""
    order = [i for i in np.argsort(-scores, kind="stable") if scores[i] > -np.inf]
    classes = {True: [i for i in order if protected[i]], False: [i for i in order if not protected[i]]}
    chosen: list[int] = []
    for least in needed:
        held = sum(bool(protected[i]) for i in chosen)
        left = classes[True] if held < least and classes[True] else sorted(itertools.chain(*classes.values()))
        if left:
            best = min(left, key=lambda i: (-scores[i], i))
            chosen.append(int(best))
            classes[bool(protected[best])].remove(best)
    return chosen + [-1] * (len(needed) - len(chosen))


@st.composite
def cases(draw: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores with ties and masked items, classes that may be empty, minima that rise by at most 1."""
    n_rows, n, k = draw(st.integers(1, 4)), draw(st.integers(1, 9)), draw(st.integers(0, 10))
    levels = [*np.linspace(-1.0, 2.0, 7).tolist(), -np.inf]
    scores = draw(arrays(np.float64, (n_rows, n), elements=st.sampled_from(levels)))
    protected = draw(arrays(np.bool_, draw(st.sampled_from([(n_rows, n), (n,)]))))
    steps = draw(arrays(np.int64, draw(st.sampled_from([(n_rows, k), (k,)])), elements=st.integers(0, 1)))
    return scores, protected, steps.cumsum(axis=-1)


@given(cases())
def test_it_is_the_list_of_the_algorithm(case: Any) -> None:
    scores, protected, needed = case
    wide = np.broadcast_to(protected, scores.shape), np.broadcast_to(needed, (len(scores), needed.shape[-1]))
    expected = [fair_top_k(*row) for row in zip(scores, *wide, strict=True)]
    found = fair_lists(scores, protected, needed)
    assert isinstance(found, np.ndarray)
    assert found.tolist() == expected
    single = torch.from_numpy(scores).float()
    assert fair_lists(single, torch.from_numpy(protected), torch.from_numpy(needed)).tolist() == expected


@given(cases())
def test_every_beginning_holds_enough_as_long_as_there_are_any(case: Any) -> None:
    scores, protected, needed = case
    wide = np.broadcast_to(protected, scores.shape)
    for row, members, found in zip(scores, wide, fair_lists(scores, protected, needed), strict=True):
        held = np.cumsum(members[found] & (found >= 0))
        there = (members & np.isfinite(row)).sum()
        least = needed if needed.ndim == 1 else needed[0] * 0
        assert (held >= np.minimum(least, there)).all()


def test_a_nan_is_never_listed() -> None:
    assert fair_lists(np.array([[np.nan, 1.0]]), np.array([True, False]), np.array([1, 1])).tolist() == [[1, -1]]


def test_who_is_protected() -> None:
    assert protected_groups(3, "tail").tolist() == [False, False, True]
    assert protected_groups(1, "tail").tolist() == [True], "one group is both"
    assert protected_groups(1, "not_head").tolist() == [False]
    shares = protected_shares(np.array([[1, 2, 1], [0, 0, 0]]), protected_groups(3, "not_head").numpy())
    assert shares.tolist() == [0.75, 0.0]


@pytest.mark.parametrize(
    ("share", "k", "level", "message"),
    [
        (1.5, 3, 0.1, "between 0 and 1"),
        (np.nan, 3, 0.1, "between"),
        (0.5, 3, 0.0, "excluded"),
        (0.5, -1, 0.1, "least 0"),
    ],
)
def test_what_does_not_fit_is_refused(share: float, k: int, level: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        minimum_protected(np.array([share]), k, level)
    with pytest.raises(ValueError, match="one of tail, not_head"):
        protected_groups(3, "head")
