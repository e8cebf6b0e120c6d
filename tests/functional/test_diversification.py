"""xQuAD against its definition, written out, and by property."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from recbole_ile.functional.diversification import MODES, explicit_diversification


def xquad(scores: np.ndarray, groups: np.ndarray, profile: np.ndarray, k: int, weight: float, mode: str) -> list[int]:
    """One user's list, written out; of equal objectives the better score wins, of equal scores the first."""
    usable = [i for i in range(len(scores)) if scores[i] > -np.inf]
    low, high = min(scores[usable], default=0.0), max(scores[usable], default=0.0)
    relevance = (scores - low) / (high - low) if high > low else np.zeros(len(scores))
    taste = profile / max(profile.sum(), 1)
    chosen: list[int] = []
    while len(chosen) < min(k, len(usable)):
        held = groups[chosen].tolist()
        values = {}
        for i in set(usable) - set(chosen):
            share = held.count(groups[i]) / len(held) if held else 0.0
            novel = 1 - share if mode == "smooth" else float(groups[i] not in held)
            values[i] = (1 - weight) * relevance[i] + weight * taste[groups[i]] * novel
        tied = [i for i, value in values.items() if value >= max(values.values()) - 1e-9]
        chosen.append(min(tied, key=lambda i: (-scores[i], i)))
    return chosen + [-1] * (k - len(chosen))


@st.composite
def cases(draw: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray, int, float, str]:
    """Scores with ties and masked items, groups that may be empty or the only one, users who may have no profile."""
    n_rows, m, n_groups = draw(st.integers(1, 4)), draw(st.integers(1, 9)), draw(st.integers(1, 4))
    levels = [*np.linspace(-1.0, 3.0, 9).tolist(), -np.inf]
    scores = draw(arrays(np.float64, (n_rows, m), elements=st.sampled_from(levels)))
    groups = draw(arrays(np.int64, (n_rows, m), elements=st.integers(0, n_groups - 1)))
    profiles = draw(arrays(np.int64, (n_rows, n_groups), elements=st.integers(0, 5)))
    weight = draw(st.sampled_from([0.0, 0.25, 0.5, 0.9, 1.0]))
    return scores, groups, profiles, draw(st.integers(0, 10)), weight, draw(st.sampled_from(MODES))


@given(cases())
def test_it_is_the_greedy_list(case: Any) -> None:
    scores, groups, profiles, *rest = case
    expected = [xquad(*row, *rest) for row in zip(scores, groups, profiles, strict=True)]
    found = explicit_diversification(scores, groups, profiles, *rest)
    assert isinstance(found, np.ndarray)
    assert found.tolist() == expected
    single = torch.from_numpy(scores).float()
    assert explicit_diversification(single, torch.from_numpy(groups), torch.from_numpy(profiles), *rest).tolist() == (
        expected
    )


@given(cases(), st.sampled_from([0.25, 8.0]), st.sampled_from([-2.0, 16.0]))
def test_the_unit_of_the_scores_does_not_matter(case: Any, factor: float, shift: float) -> None:
    scores, *rest = case
    assert (explicit_diversification(factor * scores + shift, *rest) == explicit_diversification(scores, *rest)).all()


@given(cases())
def test_a_shorter_list_is_the_beginning_of_a_longer_one(case: Any) -> None:
    *given_, k, weight, mode = case
    longer = explicit_diversification(*given_, k + 1, weight, mode)
    assert (explicit_diversification(*given_, k, weight, mode) == longer[:, :k]).all()


@pytest.mark.parametrize("mode", MODES)
def test_without_weight_it_is_the_ranking(mode: str) -> None:
    scores = torch.randn(50, 30, generator=torch.manual_seed(1))
    groups = torch.randint(3, (50, 30))
    found = explicit_diversification(scores, groups, torch.ones(50, 3), 10, 0.0, mode)
    assert torch.equal(found, scores.topk(10).indices)


def test_at_full_weight_liked_groups_take_turns() -> None:
    scores, groups = np.linspace(5.0, 0.0, 6)[None], np.array([[0, 0, 0, 1, 1, 2]])
    binary = explicit_diversification(scores, groups, np.array([[6, 3, 1]]), 4, 1.0)
    assert groups[0, binary[0]].tolist() == [0, 1, 2, 0]
    smooth = explicit_diversification(scores, groups, np.array([[6, 3, 1]]), 4, 1.0, "smooth")
    assert groups[0, smooth[0]].tolist() == [0, 1, 0, 0], "at last 0.6 · 1/3 and 0.3 · 2/3 are equal"


@pytest.mark.parametrize(
    ("weight", "mode", "message"),
    [
        (1.5, "binary", "between 0 and 1"),
        (0.5, "product", "one of binary, smooth"),
        (float("nan"), "binary", "between"),
    ],
)
def test_what_does_not_fit_is_refused(weight: float, mode: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        explicit_diversification(np.zeros((1, 3)), np.zeros((1, 3), dtype=int), np.ones((1, 3)), 2, weight, mode)
