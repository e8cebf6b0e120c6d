"""The generator of the benchmarks gives the popularity it was asked for."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest

SOURCE = Path(__file__).parent.parent / "benchmarks" / "synthetic.py"


def generator() -> Any:
    spec = importlib.util.spec_from_file_location("synthetic", SOURCE)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)  # type: ignore[union-attr]
    return module


@pytest.mark.parametrize("exponent", [0.0, 0.5, 1.0])
def test_popularity_follows_the_power_law(exponent: float) -> None:
    users, items = generator().interactions(40_000, 4_000, 500, exponent, clusters=1)
    assert len(np.unique(users * 500 + items)) == 40_000
    counts = np.bincount(items, minlength=500)
    ranks = np.arange(20, 200)  # the most popular items run out of users who do not have them yet
    slope = np.polyfit(np.log(ranks + 1), np.log(counts[ranks]), 1)[0]
    assert slope == pytest.approx(-exponent, abs=0.12)


def test_activity_and_seed_are_as_asked_for() -> None:
    interactions = generator().interactions
    even, uneven = (np.bincount(interactions(20_000, 500, 400, activity=a)[0], minlength=500) for a in (0.0, 1.0))
    assert even.std() < 0.5 * uneven.std()
    first, second, other = (interactions(1_000, 50, 100, seed=seed) for seed in (1, 1, 2))
    assert all(np.array_equal(one, same) for one, same in zip(first, second, strict=True))
    assert not np.array_equal(first[1], other[1])


def test_more_interactions_than_pairs_are_refused() -> None:
    with pytest.raises(ValueError, match="too few"):
        generator().interactions(5_000, 100, 50)
