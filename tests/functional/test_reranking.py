"""CP and PUFR against ten-line references, by property and by brute force."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial.distance import jensenshannon

from recbole_ile.functional.divergences import kullback_leibler_part
from recbole_ile.functional.reranking import calibrated_popularity, scale_min_max, uncertainty_adjusted


def divergence(profile: np.ndarray, counts: np.ndarray, kind: str = "jsd") -> float:
    if not profile.sum():
        return 0.0
    p, q = profile / profile.sum(), counts / counts.sum()
    if kind == "kl":
        return sum(a * np.log(a / (0.99 * b + 0.01 * a)) for a, b in zip(p, q, strict=True) if a)
    if kind == "hellinger":
        return float(np.sqrt(0.5 * ((np.sqrt(p) - np.sqrt(q)) ** 2).sum()))
    return jensenshannon(p, q) ** 2


def greedy(
    scores: np.ndarray, groups: np.ndarray, profile: np.ndarray, k: int, weight: float, kind: str = "jsd"
) -> list[int]:
    """One user's list, written out; of equal objectives the better score wins, of equal scores the first."""
    chosen: list[int] = []
    while len(chosen) < k:
        left = [i for i in range(len(scores)) if i not in chosen and scores[i] > -np.inf]
        if not left:
            return chosen + [-1] * (k - len(chosen))
        counts = [np.bincount(groups[[*chosen, i]], minlength=len(profile)) for i in left]
        distances = [divergence(profile, each, kind) for each in counts]
        values = [(1 - weight) * scores[i] - weight * far for i, far in zip(left, distances, strict=True)]
        tied = [i for i, value in zip(left, values, strict=True) if value >= max(values) - 1e-9]
        chosen.append(min(tied, key=lambda i: (-scores[i], i)))
    return chosen


@st.composite
def cases(draw: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray, int, float]:
    """Scores with ties and masked items, groups that may be empty, users who may have no profile."""
    n_rows, m, n_groups = draw(st.integers(1, 4)), draw(st.integers(1, 9)), draw(st.integers(1, 4))
    levels = [*np.linspace(-1.0, 2.0, 7).tolist(), -np.inf]
    scores = draw(arrays(np.float64, (n_rows, m), elements=st.sampled_from(levels)))
    groups = draw(arrays(np.int64, (n_rows, m), elements=st.integers(0, n_groups - 1)))
    profiles = draw(arrays(np.int64, (n_rows, n_groups), elements=st.integers(0, 5)))
    weight = draw(st.sampled_from([0.0, 0.25, 0.5, 0.9, 0.97, 1.0]))
    return scores, groups, profiles, draw(st.integers(0, 10)), weight


@given(cases())
def test_it_is_the_greedy_list(case: tuple[np.ndarray, np.ndarray, np.ndarray, int, float]) -> None:
    scores, groups, profiles, k, weight = case
    expected = [greedy(*row, k, weight) for row in zip(scores, groups, profiles, strict=True)]
    found = calibrated_popularity(scores, groups, profiles, k, weight)
    assert isinstance(found, np.ndarray)
    assert found.tolist() == expected
    rounded = torch.from_numpy(scores).float()
    single = calibrated_popularity(rounded, torch.from_numpy(groups), torch.from_numpy(profiles), k, weight)
    assert single.tolist() == expected


@given(cases(), st.sampled_from(["kl", "hellinger"]))
def test_it_is_the_greedy_list_under_other_divergences(case: Any, kind: str) -> None:
    scores, groups, profiles, k, weight = case
    expected = [greedy(*row, k, weight, kind) for row in zip(scores, groups, profiles, strict=True)]
    assert calibrated_popularity(scores, groups, profiles, k, weight, kind).tolist() == expected


def test_a_list_of_three_under_smoothed_kullback_leibler_by_hand() -> None:
    """A profile of 3/4 and 1/4, w = 1/2, scores 1.0, 0.8, 0.6 of the first group and 0.2 of the second.

    First place: the first group gives q = (1, 0), q~ = (.9975, .0025), KL = .75·ln(.75/.9975) + .25·ln(.25/.0025) =
    .9374, value .5 - .4687; the second q~ = (.0075, .9925), KL = .75·ln(.75/.0075) + .25·ln(.25/.9925) = 3.1092, value
    .1 - 1.5546. Second place: (1, 0) again, .4 - .4687; or (.5, .5), q~ = (.5025, .4975), KL = .1283, value .1 - .0642,
    the best. Third: the first group, (2/3, 1/3), q~ = (.6675, .3325), KL = .0161.
    """
    scores, groups = np.array([[1.0, 0.8, 0.6, 0.2]]), np.array([[0, 0, 0, 1]])
    profile = np.array([[3.0, 1.0]])
    assert calibrated_popularity(scores, groups, profile, 3, 0.5, "kl").tolist() == [[0, 3, 1]]
    by_hand = {(1, 0): 0.9374, (0, 1): 3.1092, (1, 1): 0.1283, (2, 1): 0.0161}
    p = torch.tensor([0.75, 0.25], dtype=torch.float64)
    for counts, expected in by_hand.items():
        q = torch.tensor(counts, dtype=torch.float64) / sum(counts)
        found = kullback_leibler_part(p, q).sum() + torch.xlogy(p, p).sum()
        assert float(found) == pytest.approx(expected, abs=6e-5)


@given(cases())
def test_a_list_names_no_candidate_twice_and_none_that_is_masked(case: Any) -> None:
    scores, groups, profiles, k, weight = case
    for row, found in zip(scores, calibrated_popularity(scores, groups, profiles, k, weight), strict=True):
        taken = found[found >= 0]
        assert len(set(taken.tolist())) == len(taken) == min(k, np.isfinite(row).sum())
        assert np.isfinite(row[taken]).all()


@given(cases())
def test_a_shorter_list_is_the_beginning_of_a_longer_one(case: Any) -> None:
    scores, groups, profiles, k, weight = case
    longer = calibrated_popularity(scores, groups, profiles, k + 1, weight)
    assert (calibrated_popularity(scores, groups, profiles, k, weight) == longer[:, :k]).all()


def test_without_weight_it_is_the_ranking() -> None:
    scores = torch.randn(50, 30, generator=torch.manual_seed(1))
    groups = torch.randint(3, (50, 30))
    found = calibrated_popularity(scores, groups, torch.ones(50, 3), 10, 0.0)
    assert torch.equal(found, scores.topk(10).indices)


@given(seed=st.integers(0, 200))
def test_at_full_weight_group_shares_are_as_close_as_the_candidates_allow(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores, groups = rng.normal(size=8), rng.integers(0, 3, size=8)
    profile = rng.integers(1, 30, size=3).astype(float)
    best = min(
        divergence(profile, np.bincount(groups[list(subset)], minlength=3))
        for subset in itertools.combinations(range(8), 4)
    )
    (found,) = calibrated_popularity(scores[None], groups[None], profile[None], 4, 1.0)
    assert divergence(profile, np.bincount(groups[found], minlength=3)) == pytest.approx(best, abs=1e-9)


def test_many_users_are_the_same_as_one_by_one() -> None:
    generator = torch.manual_seed(5)
    scores, groups = torch.randn(40_000, 6, generator=generator), torch.randint(3, (40_000, 6), generator=generator)
    profiles = torch.randint(9, (40_000, 3), generator=generator)
    found = calibrated_popularity(scores, groups, profiles, 3, 0.9)
    for row in (0, 16_383, 16_384, 39_999):
        one = calibrated_popularity(scores[row : row + 1], groups[row : row + 1], profiles[row : row + 1], 3, 0.9)
        assert torch.equal(found[row], one[0])


@pytest.mark.parametrize(
    ("k", "weight", "shape", "message"),
    [(2, 1.5, (1, 3), "between 0 and 1"), (-1, 0.5, (1, 3), "at least 0"), (2, 0.5, (1, 2), r"scores and groups")],
)
def test_what_does_not_fit_is_refused(k: int, weight: float, shape: tuple[int, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        calibrated_popularity(np.zeros((1, 3)), np.zeros(shape, dtype=int), np.ones((1, 3)), k, weight)
    with pytest.raises(ValueError, match="one of jsd, kl, hellinger"):
        calibrated_popularity(np.zeros((1, 3)), np.zeros((1, 3), dtype=int), np.ones((1, 3)), 2, 0.5, "chi2")


def adjusted(score: float, deviation: float, group: int, last: int, weight: float) -> float:
    return score + weight * deviation if group == last else score - weight * deviation if group == 0 else score


@given(seed=st.integers(0, 50), weight=st.sampled_from([0.0, 0.5, 2.0]), of_pairs=st.booleans())
def test_uncertainty_raises_the_tail_and_lowers_the_head(seed: int, weight: float, of_pairs: bool) -> None:
    rng = np.random.default_rng(seed)
    scores, groups = rng.normal(size=(4, 7)), np.array([0, 1, 2, 0, 2, 1, 2])
    scores[0, 0] = scores[2, 4] = -np.inf
    deviation = rng.uniform(size=(4, 7) if of_pairs else 7)
    found = uncertainty_adjusted(scores, deviation, groups, weight)
    wide = np.broadcast_to(deviation, scores.shape)
    for row, column in np.ndindex(4, 7):
        expected = adjusted(scores[row, column], wide[row, column], groups[column], 2, weight)
        assert found[row, column] == pytest.approx(expected)
    with pytest.raises(ValueError, match="at least 0"):
        uncertainty_adjusted(scores, deviation, groups, -1.0)


@pytest.mark.parametrize("kind", [torch.tensor, np.array])
def test_scores_are_mapped_onto_the_unit_interval(kind: Callable[[Any], Any]) -> None:
    found = scale_min_max(kind([[4.0, 3.0, 2.0, -np.inf], [1.0, 1.0, 1.0, 1.0], [5.0, np.nan, -np.inf, 6.0]]))
    assert type(found) is type(kind([0.0]))
    rows = [[1.0, 0.5, 0.0, -np.inf], [0.0, 0.0, 0.0, 0.0], [0.0, -np.inf, -np.inf, 1.0]]
    assert found.tolist() == rows
    assert scale_min_max(kind([[-np.inf, np.nan]])).tolist() == [[-np.inf, -np.inf]], "nothing to scale"
