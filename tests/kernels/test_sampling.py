"""Negatives: never an item that the user has used, and each other item with its chance."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from recbole_ile.kernels.sampling import are_known, interaction_keys, negative_items


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


pairs = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 6)), max_size=30)


@given(pairs, pairs)
def test_known_interactions_are_those_of_a_set(used: list[tuple[int, int]], queried: list[tuple[int, int]]) -> None:
    users, items = torch.tensor(used, dtype=torch.int64).reshape(-1, 2).T
    query_users, query_items = torch.tensor(queried, dtype=torch.int64).reshape(-1, 2).T
    found = are_known(query_users * 7 + query_items, interaction_keys(users, items, 7))
    assert found.tolist() == [query in set(used) for query in queried]


@given(pairs, st.integers(0, 100), st.booleans())
def test_a_used_item_is_never_drawn(used: list[tuple[int, int]], seed: int, weighted: bool) -> None:
    used = [pair for pair in used if pair[1] != 3]  # one item is left for every user
    users, items = torch.tensor(used, dtype=torch.int64).reshape(-1, 2).T
    drawing = torch.arange(6).repeat_interleave(20)
    weights = torch.linspace(0.1, 5.0, 7) if weighted else None
    drawn = negative_items(drawing, interaction_keys(users, items, 7), 7, seeded(seed), weights)
    assert not {(user, item) for user, item in zip(drawing.tolist(), drawn.tolist(), strict=True)} & set(used)
    assert drawn.min() >= 0
    assert drawn.max() < 7


@pytest.mark.parametrize("weights", [None, torch.tensor([8.0, 4.0, 2.0, 1.0, 0.0, 1.0])])
def test_each_unused_item_has_its_chance(weights: torch.Tensor | None) -> None:
    users, items = torch.tensor([0, 0, 1]), torch.tensor([1, 5, 0])
    drawing = torch.arange(3).repeat_interleave(20000)
    drawn = negative_items(drawing, interaction_keys(users, items, 6), 6, seeded(), weights)
    for user, used in {0: [1, 5], 1: [0], 2: []}.items():
        chances = np.ones(6) if weights is None else weights.double().numpy().copy()
        chances[used] = 0
        seen = np.bincount(drawn[drawing == user], minlength=6)
        possible = chances > 0
        assert seen[~possible].sum() == 0
        assert chisquare(seen[possible], 20000 * chances[possible] / chances.sum()).pvalue > 1e-3


def test_the_last_unused_item_of_a_large_catalogue_is_found() -> None:
    n_items = 5000
    items = torch.tensor([item for item in range(n_items) if item != 4321])
    keys = interaction_keys(torch.zeros_like(items), items, n_items)
    drawn = negative_items(torch.zeros(2000, dtype=torch.int64), keys, n_items, seeded())
    assert drawn.unique().tolist() == [4321]


def test_a_user_of_everything_is_refused() -> None:
    keys = interaction_keys(torch.zeros(4, dtype=torch.int64), torch.arange(4), 4)
    with pytest.raises(ValueError, match="used every item"):
        negative_items(torch.tensor([0]), keys, 4, seeded())
    with pytest.raises(ValueError, match="used every item"):
        negative_items(torch.tensor([0]), keys[:2], 4, seeded(), torch.tensor([1.0, 1.0, 0.0, 0.0]))


def test_the_same_seed_draws_the_same() -> None:
    users, keys = torch.arange(50), torch.empty(0, dtype=torch.int64)
    first, second = (negative_items(users, keys, 1000, seeded(7)) for _ in range(2))
    assert torch.equal(first, second)
    assert not torch.equal(first, negative_items(users, keys, 1000, seeded(8)))
