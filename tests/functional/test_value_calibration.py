"""Calibration on columns of several values against its definition, written out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial.distance import jensenshannon

from recbole_ile.functional.divergences import DIVERGENCES
from recbole_ile.functional.reranking import calibrated_popularity
from recbole_ile.functional.value_calibration import calibrated_values

N_VALUES = 4


def divergence(p: np.ndarray, q: np.ndarray, kind: str) -> float:
    if kind == "kl":
        return sum(a * np.log(a / (0.99 * b + 0.01 * a)) for a, b in zip(p, q, strict=True) if a)
    if kind == "hellinger":
        return float(np.sqrt(0.5 * ((np.sqrt(p) - np.sqrt(q)) ** 2).sum()))
    return jensenshannon(p, q) ** 2


def greedy(
    scores: np.ndarray, values: list[set[int]], profile: np.ndarray, k: int, weight: float, kind: str
) -> list[int]:
    """One user's list, written out."""
    own = np.array([[(v in each) / len(each) for v in range(N_VALUES)] for each in values])
    chosen: list[int] = []
    while len(chosen) < k:
        left = [i for i in range(len(scores)) if i not in chosen and scores[i] > -np.inf]
        if not left:
            return chosen + [-1] * (k - len(chosen))
        taste = profile / max(profile.sum(), 1)
        far = [divergence(taste, own[[*chosen, i]].mean(axis=0), kind) if profile.sum() else 0.0 for i in left]
        gains = [(1 - weight) * scores[i] - weight * each for i, each in zip(left, far, strict=True)]
        tied = [i for i, gain in zip(left, gains, strict=True) if gain >= max(gains) - 1e-9]
        chosen.append(min(tied, key=lambda i: (-scores[i], i)))
    return chosen


@st.composite
def cases(draw: Any) -> tuple[np.ndarray, list[list[set[int]]], np.ndarray, int, float, str]:
    n_rows, m = draw(st.integers(1, 3)), draw(st.integers(1, 7))
    levels = [*np.linspace(-1.0, 2.0, 7).tolist(), -np.inf]
    scores = draw(arrays(np.float64, (n_rows, m), elements=st.sampled_from(levels)))
    sets = st.sets(st.integers(0, N_VALUES - 1), min_size=1, max_size=3)
    values = draw(st.lists(st.lists(sets, min_size=m, max_size=m), min_size=n_rows, max_size=n_rows))
    profiles = draw(arrays(np.int64, (n_rows, N_VALUES), elements=st.integers(0, 5)))
    weight = draw(st.sampled_from([0.0, 0.5, 0.9, 1.0]))
    return scores, values, profiles, draw(st.integers(0, 8)), weight, draw(st.sampled_from([*DIVERGENCES]))


def padded(values: list[list[set[int]]]) -> np.ndarray:
    return np.array([[sorted(each) + [-1] * (3 - len(each)) for each in row] for row in values])


@given(cases())
def test_it_is_the_greedy_list(case: Any) -> None:
    scores, values, profiles, *rest = case
    expected = [greedy(*row, *rest) for row in zip(scores, values, profiles, strict=True)]
    found = calibrated_values(scores, padded(values), profiles, *rest)
    assert isinstance(found, np.ndarray)
    assert found.tolist() == expected
    single = torch.from_numpy(scores).float()
    assert calibrated_values(single, torch.from_numpy(padded(values)), torch.from_numpy(profiles), *rest).tolist() == (
        expected
    )


@pytest.mark.parametrize("kind", DIVERGENCES)
def test_of_one_value_each_it_is_calibration_on_groups(kind: str) -> None:
    generator = torch.manual_seed(3)
    scores, groups = torch.rand(200, 40, generator=generator), torch.randint(5, (200, 40), generator=generator)
    profiles = torch.randint(9, (200, 5), generator=generator)
    found = calibrated_values(scores, groups.unsqueeze(2), profiles, 10, 0.9, kind)
    assert torch.equal(found, calibrated_popularity(scores, groups, profiles, 10, 0.9, kind))


@pytest.mark.parametrize(
    ("k", "weight", "kind", "message"),
    [(2, 1.5, "jsd", "between 0 and 1"), (-1, 0.5, "jsd", "at least 0"), (2, 0.5, "chi2", "one of jsd, kl, hellinger")],
)
def test_what_does_not_fit_is_refused(k: int, weight: float, kind: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        calibrated_values(np.zeros((1, 3)), np.zeros((1, 3, 1), dtype=int), np.ones((1, 1)), k, weight, kind)
