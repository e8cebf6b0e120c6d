"""Negative items for a whole epoch at once: drawn, looked up among what each user has used, and drawn again."""

from __future__ import annotations

import numpy as np
import torch

ROUNDS = 32
"""Draws after which the few that are still rejected are drawn from their users' unused items alone."""
EXACT_CELLS = 1 << 22
"""Cells of the users-by-items table that such a draw may hold at once."""


def interaction_keys(users: torch.Tensor, items: torch.Tensor, n_items: int) -> torch.Tensor:
    """Return the interactions as sorted numbers, in which one is found by bisection.

    Args:
        users: ``[N]`` int64 user of each interaction.
        items: ``[N]`` int64 item of each interaction, in ``0 .. n_items - 1``.
        n_items: number of items ``n``.

    Returns:
        ``[M]`` int64 ``user * n + item``, ascending, each once.

    >>> interaction_keys(torch.tensor([1, 0, 1]), torch.tensor([2, 1, 2]), n_items=3).tolist()
    [1, 5]
    """
    return sorted_once(users * n_items + items)


def sorted_once(numbers: torch.Tensor) -> torch.Tensor:
    """Return ``[M]`` of ``[N]`` integers, ascending, each once.

    >>> sorted_once(torch.tensor([3, 1, 3])).tolist()
    [1, 3]
    """
    if numbers.device.type != "cpu":
        return torch.unique(numbers)
    # NumPy's sort is several times as fast as torch's.
    return torch.unique_consecutive(torch.from_numpy(np.sort(numbers.numpy())))


def are_known(queries: torch.Tensor, keys: torch.Tensor) -> torch.Tensor:
    """Tell which ``[N]`` int64 queries are among the ``[M]`` ascending keys: ``[N]`` bool.

    Queries in ascending order are looked up several times faster than the same ones in any other.

    >>> are_known(torch.tensor([1, 2]), torch.tensor([1, 5])).tolist()
    [True, False]
    """
    if len(keys) == 0:
        return torch.zeros_like(queries, dtype=torch.bool)
    return keys[torch.searchsorted(keys, queries).clamp_max_(len(keys) - 1)] == queries


def negative_items(
    users: torch.Tensor,
    keys: torch.Tensor,
    n_items: int,
    generator: torch.Generator,
    weights: torch.Tensor | None = None,
) -> torch.Tensor:
    """Draw an item for each user that the user has not used.

    Args:
        users: ``[N]`` int64 user of each draw, best in ascending order, which is several times faster.
        keys: ``[M]`` what the users have used, as ``interaction_keys`` returns it.
        n_items: number of items ``n``.
        generator: the source of all randomness, on the device of ``users``.
        weights: ``[n]`` chance of each item, in any unit; ``None`` for the same chance for all.

    Returns:
        ``[N]`` int64 items in ``0 .. n - 1``, independent of each other, each with its chance among the
        items that its user has not used.

    Raises:
        ValueError: if a user has used every item that has a chance.

    >>> keys = interaction_keys(torch.tensor([0, 1]), torch.tensor([1, 0]), n_items=2)
    >>> negative_items(torch.tensor([0, 0, 1]), keys, n_items=2, generator=torch.Generator()).tolist()
    [0, 0, 1]
    """
    cumulative = None if weights is None else torch.cumsum(weights.double(), dim=0)
    drawn = _draw(len(users), n_items, cumulative, generator)
    rejected = torch.nonzero(are_known(users * n_items + drawn, keys)).squeeze(1)
    for _ in range(ROUNDS):
        if len(rejected) == 0:
            return drawn
        again = _draw(len(rejected), n_items, cumulative, generator)
        drawn[rejected] = again
        rejected = rejected[are_known(users[rejected] * n_items + again, keys)]
    for rows in rejected.split(max(EXACT_CELLS // n_items, 1)):
        drawn[rows] = _draw_unused(users[rows], keys, n_items, weights, generator)
    return drawn


def _draw(number: int, n_items: int, cumulative: torch.Tensor | None, generator: torch.Generator) -> torch.Tensor:
    """Draw ``[number]`` items, by bisection of the ``[n]`` cumulative chances if there are any."""
    device = generator.device
    if cumulative is None:
        return torch.randint(n_items, (number,), generator=generator, device=device)
    points = torch.rand(number, generator=generator, device=device, dtype=torch.float64) * cumulative[-1]
    return torch.searchsorted(cumulative, points, right=True).clamp_max_(n_items - 1)


def _draw_unused(
    users: torch.Tensor, keys: torch.Tensor, n_items: int, weights: torch.Tensor | None, generator: torch.Generator
) -> torch.Tensor:
    """Draw ``[N]`` items from the table of chances of each user's unused items."""
    if weights is None:
        weights = torch.ones(n_items, device=users.device)
    cells = users.unsqueeze(1) * n_items + torch.arange(n_items, device=users.device)
    chances = torch.where(are_known(cells, keys), 0.0, weights.double())
    cumulative = torch.cumsum(chances, dim=1)
    if bool((cumulative[:, -1] <= 0).any()):
        raise ValueError("some users have used every item that can be drawn, so that none is left for them")
    points = torch.rand(len(users), 1, generator=generator, device=users.device, dtype=torch.float64)
    return torch.searchsorted(cumulative, points * cumulative[:, -1:], right=True).squeeze(1).clamp_max_(n_items - 1)
