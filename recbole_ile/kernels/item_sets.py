"""A set of items for each user as one sorted array, for every user at once."""

from __future__ import annotations

import numpy as np
import torch

from recbole_ile.kernels.compiling import compiled


class ItemSets:
    """The items of each user, in compressed rows.

    Args:
        keys: ``[P]`` of ``kernels.sampling.interaction_keys``, for users in ``0 .. n_users - 1``.
        n_users: number of rows.
        n_items: what the keys were made with.

    Attributes:
        offsets: ``[n_users + 1]``; the items of user u are ``items[offsets[u] : offsets[u + 1]]``.
        items: ``[P]`` int32, ascending within a user.

    >>> sets = ItemSets(torch.tensor([0, 2, 4]), n_users=2, n_items=3)
    >>> rows, items = sets.of(torch.tensor([1, 0]))
    >>> sets.sizes(torch.tensor([1, 0])).tolist(), rows.tolist(), items.tolist()
    ([1, 2], [0, 1, 1], [1, 0, 2])
    """

    def __init__(self, keys: torch.Tensor, n_users: int, n_items: int) -> None:
        self.items = (keys % n_items).int()
        self.offsets = torch.searchsorted(keys, torch.arange(n_users + 1) * n_items)

    def sizes(self, users: torch.Tensor) -> torch.Tensor:
        """Return how many items each of ``[B]`` users has."""
        return self.offsets[users + 1] - self.offsets[users]

    def of(self, users: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the items of ``[B]`` users, one after the other.

        Returns:
            ``[S]`` position in ``users`` and ``[S]`` item, both int64.
        """
        rows = torch.empty(int(self.sizes(users).sum()), dtype=torch.int64)
        items = torch.empty_like(rows)
        _write_items(self.offsets.numpy(), self.items.numpy(), users.numpy(), rows.numpy(), items.numpy())
        return rows, items


def expand(sizes: torch.Tensor, starts: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Write out ``B`` ranges, ``sizes[b]`` long from ``starts[b]``: ``[S]`` b and ``[S]`` value of each place.

    >>> rows, values = expand(torch.tensor([2, 1]), torch.tensor([5, 9]))
    >>> rows.tolist(), values.tolist()
    ([0, 0, 1], [5, 6, 9])
    """
    rows = torch.empty(int(sizes.sum()), dtype=torch.int64)
    values = torch.empty_like(rows)
    _write_ranges(sizes.numpy(), starts.numpy(), rows.numpy(), values.numpy())
    return rows, values


@compiled
def _write_items(
    offsets: np.ndarray, items: np.ndarray, users: np.ndarray, rows: np.ndarray, found: np.ndarray
) -> None:
    """Write position and item of what each of ``[B]`` users has, one after the other."""
    place = 0
    for row in range(len(users)):
        for at in range(offsets[users[row]], offsets[users[row] + 1]):
            rows[place], found[place] = row, items[at]
            place += 1


@compiled
def _write_ranges(sizes: np.ndarray, starts: np.ndarray, rows: np.ndarray, values: np.ndarray) -> None:
    """Write position and value of each place of ``[B]`` ranges, one after the other."""
    place = 0
    for row in range(len(sizes)):
        for step in range(sizes[row]):
            rows[place], values[place] = row, starts[row] + step
            place += 1
