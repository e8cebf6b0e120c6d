"""A number for each pair of a user and an item that looks random and depends on nothing but the pair and a seed."""

from __future__ import annotations

import torch

_ODD = (-7046029254386353131, -4658895280553007687, -7723592293110705685)  # of splitmix64, as signed numbers
_BITS = 53


def pair_uniforms(users: torch.Tensor, items: torch.Tensor, seed: int) -> torch.Tensor:
    """Return a number in ``[0, 1)`` for each pair, the same in every batch, process and on every device.

    Args:
        users: int64 keys of users, of a shape that goes with that of ``items`` as in arithmetic.
        items: int64 keys of items.
        seed: another one gives other numbers.

    Returns:
        float64 numbers of the common shape, with 53 random bits.

    Source: the finalizer of splitmix64, Steele et al., OOPSLA 2014.

    >>> alone = pair_uniforms(torch.tensor([3]), torch.tensor([5]), seed=1)
    >>> in_a_batch = pair_uniforms(torch.tensor([2, 3]), torch.tensor([5, 5]), seed=1)
    >>> bool(alone[0] == in_a_batch[1] != in_a_batch[0])
    True
    """
    return _mixed(_mixed(users + seed) + items).bitwise_and((1 << _BITS) - 1).double() / 2.0**_BITS


def _mixed(keys: torch.Tensor) -> torch.Tensor:
    keys = keys + _ODD[0]
    keys = (keys ^ _shifted(keys, 30)) * _ODD[1]
    keys = (keys ^ _shifted(keys, 27)) * _ODD[2]
    return keys ^ _shifted(keys, 31)


def _shifted(keys: torch.Tensor, places: int) -> torch.Tensor:
    """Shift to the right as if the numbers had no sign."""
    return (keys >> places) & ((1 << (64 - places)) - 1)
