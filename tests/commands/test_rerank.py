"""Scores of any other program under exposure prices and adjustment after training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from recbole_ile.cli import main
from recbole_ile.functional.compensation import popularity_compensated
from recbole_ile.functional.diversification import explicit_diversification
from recbole_ile.functional.fair_prefixes import fair_lists, minimum_protected, protected_groups, protected_shares
from recbole_ile.functional.logit_adjustment import log_shares
from recbole_ile.functional.popularity import popularity_groups
from recbole_ile.functional.prices import exposure_prices, score_units

USERS, ITEMS, K = 12, 9, 3


@pytest.fixture
def files() -> tuple[np.ndarray, np.ndarray]:
    """Scores and training interactions as files; return the ``[U, n]`` scores without what is known, and counts."""
    random = np.random.default_rng(4)
    known = random.random((USERS, ITEMS)) < 0.25
    known[:, 0] |= random.random(USERS) < 0.5
    scores = random.normal(size=(USERS, ITEMS)) + np.linspace(2, 0, ITEMS)
    names = [(f"u{user}", f"i{item}") for user in range(USERS) for item in range(ITEMS)]
    table = pd.DataFrame(names, columns=["user", "item"]).assign(score=scores.ravel())
    table.to_csv("scores.csv", index=False)
    lines = [f"{user}\t{item}" for (user, item), there in zip(names, known.ravel(), strict=True) if there]
    Path("x.inter").write_text("\n".join(["user_id:token\titem_id:token", *lines]) + "\n")
    return np.where(known, -np.inf, scores), known.sum(axis=0)


def reranked(*words: str) -> list[list[str]]:
    assert main(["rerank", "--scores=scores.csv", "--train=x.inter", f"--k={K}", "--out=lists.csv", *words]) == 0
    table = pd.read_csv("lists.csv")
    return [group["item"].tolist() for _, group in table.groupby("user", sort=False)]


def best(values: np.ndarray) -> list[list[str]]:
    order = np.argsort(-values, axis=1, kind="stable")[:, :K]
    return [[f"i{item}" for item in row if values[user, item] > -np.inf] for user, row in enumerate(order)]


def test_prices_are_found_from_the_scores(files: tuple[np.ndarray, np.ndarray]) -> None:
    scores, counts = files
    prices = exposure_prices(scores, 0.6, K, cold=counts == 0)
    expected = scores / score_units(scores)[:, None] - prices
    assert reranked("--method=EP", "--ep_weight=0.6") == best(expected)
    assert reranked("--method=EP", "--ep_weight=0") == best(scores)


def test_adjustment_after_training_is_that_of_the_scores(files: tuple[np.ndarray, np.ndarray]) -> None:
    scores, counts = files
    shares = log_shares(counts)
    listed = np.isfinite(scores)
    means = np.where(listed, scores, 0).sum(axis=1, keepdims=True) / listed.sum(axis=1, keepdims=True)
    deviations = np.sqrt(np.where(listed, (scores - means) ** 2, 0).sum(axis=1, keepdims=True) / listed.sum(1)[:, None])
    expected = (scores - means) / deviations - 0.4 * (shares - shares.mean())
    assert reranked("--method=LAP") == best(expected)


@pytest.mark.usefixtures("files")
def test_methods_act_one_after_the_other() -> None:
    assert reranked("--method=EP_CP", "--cp_weight=0") == reranked("--method=EP")
    assert reranked("--method=EP_CP", "--ep_weight=0") == reranked("--method=CP")
    assert reranked("--method=EP_CP") != reranked("--method=EP")


def groups_and_profiles(scores: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    known = np.isneginf(scores)
    groups = popularity_groups(counts)
    return groups, np.stack([known[:, groups == group].sum(axis=1) for group in range(3)], axis=1)


def named(lists: np.ndarray) -> list[list[str]]:
    return [[f"i{item}" for item in row if item >= 0] for row in lists]


def test_rare_items_are_compensated(files: tuple[np.ndarray, np.ndarray]) -> None:
    scores, counts = files
    assert reranked("--method=PC", "--pc_alpha=2", "--pc_beta=0.5") == best(
        popularity_compensated(scores, counts, 2.0, 0.5)
    )
    assert reranked("--method=PC", "--pc_alpha=0") == best(scores)


@pytest.mark.parametrize("mode", ["binary", "smooth"])
def test_lists_are_diversified(files: tuple[np.ndarray, np.ndarray], mode: str) -> None:
    scores, counts = files
    groups, profiles = groups_and_profiles(scores, counts)
    wide = np.broadcast_to(groups, scores.shape).copy()
    expected = named(explicit_diversification(scores, wide, profiles, K, 0.7, mode))
    assert reranked("--method=XQ", "--xq_weight=0.7", f"--xq_mode={mode}") == expected != best(scores)
    assert reranked("--method=XQ", "--xq_weight=0") == best(scores)


@pytest.mark.parametrize("share", ["0.8", "profile"])
@pytest.mark.parametrize("protected", ["tail", "not_head"])
def test_beginnings_are_fair(files: tuple[np.ndarray, np.ndarray], share: str, protected: str) -> None:
    scores, counts = files
    groups, profiles = groups_and_profiles(scores, counts)
    chosen = protected_groups(3, protected).numpy()
    shares = protected_shares(profiles, chosen) if share == "profile" else np.full(USERS, float(share))
    expected = named(fair_lists(scores, chosen[groups], minimum_protected(shares, K, 0.2)))
    words = [f"--fair_share={share}", f"--fair_protected={protected}", "--fair_alpha=0.2"]
    assert reranked("--method=FAIR", *words) == expected
    assert reranked("--method=FAIR", "--fair_share=0") == best(scores)


@pytest.mark.usefixtures("files")
def test_a_list_that_was_chosen_is_what_the_next_mitigation_sees() -> None:
    assert reranked("--method=XQ_FAIR", "--fair_share=0") == reranked("--method=XQ")
    assert reranked("--method=XQ_FAIR", "--xq_weight=0", "--fair_share=0.9") == reranked(
        "--method=FAIR", "--fair_share=0.9"
    )
    assert reranked("--method=XQ_CP", "--cp_weight=0") == reranked("--method=XQ")
    together = ["--xq_weight=0.9", "--fair_share=0.9"]
    assert reranked("--method=EP_PC_XQ_FAIR", *together) != reranked("--method=EP_PC")


@pytest.mark.usefixtures("files")
def test_calibration_behind_compensation_does_not_depend_on_the_unit() -> None:
    behind = reranked("--method=PC_CP", "--pc_alpha=1")
    assert behind == reranked("--method=PC_CP", "--pc_alpha=1", "--cp_normalize=minmax")
    assert behind != reranked("--method=PC_CP", "--pc_alpha=1", "--cp_normalize=none")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--method=CP_EP"], "option method=CP_EP is not allowed"),
        (["--method=EPP"], "did you mean EP?"),
        (["--method=PUFR"], "it takes LAP, EP, PC, XQ, FAIR, CP"),
        (["--method=CP_XQ"], "option method=CP_XQ is not allowed"),
        (["--method=XQ", "--xq_mode=smoth"], "did you mean smooth?"),
        (["--method=FAIR", "--fair_share=2"], "option fair_share=2 is not allowed"),
        (["--method=FAIR", "--fair_alpha=0"], "option fair_alpha=0 is not allowed"),
        (["--method=PC", "--pc_beta=2"], "option pc_beta=2 is not allowed"),
        (["--method=EP", "--ep_weight=auto"], "without a validation part rerank takes a number"),
        (["--method=EP", "--cp_weight=0.5"], "unknown option cp_weight"),
        (["--method=EP", "--ep_weight=-1"], "option ep_weight=-1 is not allowed"),
    ],
)
@pytest.mark.usefixtures("files")
def test_what_cannot_be_is_told(words: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rerank", "--scores=scores.csv", "--train=x.inter", *words]) == 2
    assert told in capsys.readouterr().err
