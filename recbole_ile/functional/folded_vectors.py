"""Vectors whose dot products rank as scores do that were scaled for each user and shifted for each item afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch


class Step(NamedTuple):
    """What is done to the scores of some users: ``s / unit - shift``.

    ``units`` is ``[B]``, above 0, a user each; ``shifts`` ``[n]``, an item each.
    """

    units: torch.Tensor
    shifts: torch.Tensor


def fold_users(users: torch.Tensor, units: Sequence[torch.Tensor]) -> torch.Tensor:
    """Return the users' vectors with their units in them, for items' vectors that ``fold_items`` made.

    Args:
        users: ``[B, d]``.
        units: of each step in turn, ``[B]``.

    Returns:
        ``[B, d + S]`` for ``S`` steps: what divides the scores after a shift divides the shift, too.

    >>> users, items = torch.tensor([[1.0]]), torch.tensor([[4.0], [2.0]])
    >>> folded = fold_users(users, [torch.tensor([2.0])]) @ fold_items(items, [torch.tensor([1.5, 0.0])]).T
    >>> folded.tolist()
    [[0.5, 1.0]]
    """
    columns = []
    later = users.new_ones(len(users), dtype=torch.float64)
    for unit in reversed(units):
        columns.append(-1.0 / later)
        later = later * unit.double()
    vectors = users.double() / later[:, None]
    return torch.cat([vectors, *(column[:, None] for column in reversed(columns))], dim=1).to(users.dtype)


def fold_items(items: torch.Tensor, shifts: Sequence[torch.Tensor]) -> torch.Tensor:
    """Return ``[n, d + S]``, the items' ``[n, d]`` vectors with what each step subtracts, ``[n]`` each.

    >>> fold_items(torch.tensor([[4.0], [2.0]]), [torch.tensor([1.5, 0.0])]).tolist()
    [[4.0, 1.5], [2.0, 0.0]]
    """
    return torch.cat([items, *(shift.to(items)[:, None] for shift in shifts)], dim=1)


def same_ranking(products: torch.Tensor, lists: torch.Tensor, rounding: float = 1e-5) -> torch.Tensor:
    """Tell for each user whether dot products give a list, up to items whose products differ by rounding alone.

    Args:
        products: ``[B, n]``, ``-inf`` for what must not be recommended.
        lists: ``[B, k]`` items, the best first, places in a row of ``products``; a place of ``-inf`` is an empty one.
        rounding: the share of a user's largest product by which equal ones may differ.

    Returns:
        ``[B]`` bool.

    >>> same_ranking(torch.tensor([[3.0, 1.0, 2.0], [3.0, 2.0, 2.0]]), torch.tensor([[0, 1], [0, 2]])).tolist()
    [False, True]
    """
    best = products.topk(lists.shape[1], dim=1).values
    found = products.gather(1, lists)
    sizes = torch.where(products.isfinite(), products.abs(), 0.0).amax(dim=1, keepdim=True)
    near = (best - found).abs() <= rounding * sizes
    return (near | (best == found)).all(dim=1)
