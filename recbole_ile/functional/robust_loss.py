"""Group distributionally robust loss: what the item groups count follows from their losses."""

from __future__ import annotations

import torch

from recbole_ile.functional.arrays import Array, to_numpy


def uniform_shares(sizes: Array) -> Array:
    """Return the shares that groups start with, equal over those that training has.

    Args:
        sizes: ``[G]`` training interactions of each group.

    Returns:
        ``[G]`` float64 shares, 0 for a group without interactions; they add up to 1 unless there are none at all.

    >>> uniform_shares(torch.tensor([7, 0, 1])).tolist()
    [0.5, 0.0, 0.5]
    """
    if not isinstance(sizes, torch.Tensor):
        return to_numpy(uniform_shares(torch.as_tensor(sizes)))
    there = (sizes > 0).double()
    return there / there.sum().clamp_min(1.0)


def updated_shares(shares: Array, means: Array, present: Array, step: float) -> Array:
    """Return the shares of the groups after a batch, ``q_g * exp(step * L_g) / Z`` over the groups that it has.

    A group that is absent keeps its share, so that Z leaves the sum over the present ones as it was. Means that are
    not finite change nothing.

    Args:
        shares: ``[G]`` float shares before it, ``q``.
        means: ``[G]`` float mean loss of each group, ``L``; of an absent one it is not looked at.
        present: ``[G]`` bool, whether the batch has the group.
        step: how fast the shares follow the losses, at least 0.

    Returns:
        ``[G]`` shares, of the dtype of ``shares`` and without a graph.

    Source: Sagawa et al., Distributionally robust neural networks, ICLR 2020, arXiv 1911.08731, algorithm 1.

    >>> shares, losses = torch.tensor([0.5, 0.25, 0.25]).double(), torch.tensor([1.0, 1.0, 4.0]).log()
    >>> updated_shares(shares, losses, torch.tensor([False, True, True]), step=1.0).round(decimals=4).tolist()
    [0.5, 0.1, 0.4]
    """
    if not isinstance(shares, torch.Tensor):
        return to_numpy(updated_shares(torch.as_tensor(shares), torch.as_tensor(means), torch.as_tensor(present), step))
    rates = torch.where(present, step * means.detach().to(shares.dtype), -torch.inf)
    # Losses of hundreds would overflow; a common factor of the present ones is a part of Z.
    grown = torch.where(present, shares * torch.exp(rates - rates.max()), 0.0)
    before, after = torch.where(present, shares, 0.0).sum(), grown.sum()
    found = torch.where(present, grown * (before / after), shares)
    return torch.where(found.isfinite().all(), found, shares)


def robust_loss(shares: Array, means: Array, present: Array) -> Array:
    """Return ``Σ_g q_g * L_g`` over the groups that a batch has.

    Args:
        shares: ``[G]`` float shares, ``q``.
        means: ``[G]`` float mean loss of each group, ``L``.
        present: ``[G]`` bool, whether the batch has the group.

    Returns:
        A scalar of the dtype of ``means``, differentiable in them.

    Source: Sagawa et al., Distributionally robust neural networks, ICLR 2020, arXiv 1911.08731, algorithm 1.

    >>> robust_loss(torch.tensor([0.5, 0.5]), torch.tensor([1.0, 3.0]), torch.tensor([True, True])).item()
    2.0
    """
    if not isinstance(shares, torch.Tensor):
        return to_numpy(robust_loss(torch.as_tensor(shares), torch.as_tensor(means), torch.as_tensor(present)))
    return (torch.where(present, shares, 0.0).to(means.dtype) * means).sum()
