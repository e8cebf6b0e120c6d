"""Dot products of folded vectors are the scores after every unit and every shift."""

from __future__ import annotations

import pytest
import torch

from recbole_ile.functional.folded_vectors import fold_items, fold_users, same_ranking


@pytest.mark.parametrize("steps", [0, 1, 3])
def test_products_are_what_the_steps_make_of_the_scores(steps: int) -> None:
    draw = torch.Generator().manual_seed(0)
    users, items = torch.randn(5, 4, generator=draw), torch.randn(7, 4, generator=draw)
    units = [torch.rand(5, generator=draw) + 0.5 for _ in range(steps)]
    shifts = [torch.randn(7, generator=draw) for _ in range(steps)]
    expected = users @ items.T
    for unit, shift in zip(units, shifts, strict=True):
        expected = expected / unit[:, None] - shift
    torch.testing.assert_close(fold_users(users, units) @ fold_items(items, shifts).T, expected)


def test_equal_products_may_stand_in_any_order_and_others_may_not() -> None:
    products = torch.tensor([[5.0, 3.0, 3.0 + 1e-6, 1.0, -torch.inf]])
    for good in ([0, 1, 2], [0, 2, 1]):
        assert same_ranking(products, torch.tensor([good])).tolist() == [True]
    for bad in ([0, 1, 3], [1, 0, 2], [0, 1, 4]):
        assert same_ranking(products, torch.tensor([bad])).tolist() == [False]


def test_a_place_that_nobody_could_fill_is_compared_too() -> None:
    products = torch.tensor([[2.0, -torch.inf], [2.0, 1.0]])
    assert same_ranking(products, torch.tensor([[0, 1], [0, 1]])).tolist() == [True, True]
    assert same_ranking(torch.tensor([[-torch.inf, -torch.inf]]), torch.tensor([[0, 1]])).tolist() == [True]
