"""Scores and gradients are those of plain look-ups."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from recbole_ile.kernels.pair_scores import pair_scores, supports_fused_pairs


def batch(size: int, seed: int, dtype: torch.dtype = torch.float64) -> tuple[torch.Tensor, ...]:
    generator = torch.Generator().manual_seed(seed)
    weights = (torch.randn(rows, 5, generator=generator, dtype=dtype, requires_grad=True) for rows in (4, 6))
    return *weights, *(torch.randint(rows, (size,), generator=generator) for rows in (4, 6, 6))


def plain(users: torch.Tensor, items: torch.Tensor, *rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    chosen = users[rows[0]]
    return (chosen * items[rows[1]]).sum(dim=1), (chosen * items[rows[2]]).sum(dim=1)


@given(st.integers(0, 40), st.integers(0, 1000), st.sampled_from([torch.float32, torch.float64]))
def test_scores_and_gradients_are_those_of_torch(size: int, seed: int, dtype: torch.dtype) -> None:
    found, expected = batch(size, seed, dtype), batch(size, seed, dtype)
    results = []
    for inputs, function in ((found, pair_scores), (expected, plain)):
        positive, negative = function(*inputs)
        weighting = torch.linspace(0.5, 2.0, size, dtype=dtype)
        (torch.sigmoid(positive - negative) * weighting).sum().backward()
        results.append((positive, negative, inputs[0].grad, inputs[1].grad))
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6)


def test_only_one_of_the_scores_may_matter() -> None:
    inputs = batch(7, 3)
    assert torch.autograd.gradcheck(lambda *weights: pair_scores(*weights, *inputs[2:])[1], inputs[:2])


@pytest.mark.parametrize("wrong", [-1, 6])
@pytest.mark.parametrize("position", [0, 1, 2])
def test_a_row_that_does_not_exist_is_refused(wrong: int, position: int) -> None:
    users, items, *rows = batch(3, 0)
    rows[position][1] = wrong
    with pytest.raises(IndexError, match="index out of range"):
        pair_scores(users, items, *rows)


def test_other_kinds_of_embeddings_are_left_to_torch() -> None:
    assert supports_fused_pairs(torch.zeros(3, 2))
    assert not supports_fused_pairs(torch.zeros(3, 2, dtype=torch.float16))
    assert not supports_fused_pairs(torch.zeros(3, 2), torch.zeros(2, 3).T)
    assert not supports_fused_pairs(torch.zeros(3, 2, device="meta"))
