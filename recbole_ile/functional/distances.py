"""How far apart the mean losses of the item groups are: the D of ``L + lambda * D``."""

from __future__ import annotations

from collections.abc import Callable

import torch

Distance = Callable[[torch.Tensor], torch.Tensor]

DISTANCES: dict[str, Distance] = {}
"""Every distance by the name that ``ile_distance`` takes."""


def distance(name: str) -> Callable[[Distance], Distance]:
    """Register a function of ``[G]`` group means, ``G >= 2``, as the distance ``name``.

    Raises:
        ValueError: if the name is taken.
    """

    def register(function: Distance) -> Distance:
        if name in DISTANCES:
            raise ValueError(f"the distance {name!r} is already registered; choose another name")
        DISTANCES[name] = function
        return function

    return register


@distance("std")
def standard_deviation(means: torch.Tensor) -> torch.Tensor:
    """Unbiased standard deviation of ``[G]`` means (n - 1); zero gradient where all are equal."""
    return torch.std(means)


@distance("mad")
def mean_absolute_deviation(means: torch.Tensor) -> torch.Tensor:
    """Mean absolute deviation of ``[G]`` means from their mean."""
    return (means - means.mean()).abs().mean()


@distance("ent")
def entropy_deficit(means: torch.Tensor) -> torch.Tensor:
    """Groups missing to an even distribution of loss, ``G - exp(H(p))`` with ``p`` the shares of ``[G]`` means.

    ``H`` is in nats; 0 when all means are equal, ``G - 1`` when one group has all the loss. A mean
    that is not positive (a loss that underflowed) counts as no loss; without any loss D is 0.
    """
    losses = means.clamp_min(0.0)
    total = losses.sum()
    shares = losses / torch.where(total > 0, total, torch.ones_like(total))
    # log is taken of 1 where a share is 0, so that neither the value nor the gradient is NaN.
    shares = torch.where(shares > 0, shares, torch.ones_like(shares))
    deficit = means.numel() - torch.exp(-(shares * torch.log(shares)).sum())
    return torch.where(total > 0, deficit, torch.zeros_like(deficit))


@distance("euclidean")
def euclidean(means: torch.Tensor) -> torch.Tensor:
    """2-norm of the deviations of ``[G]`` means from their mean; zero gradient where all are equal."""
    return torch.linalg.vector_norm(means - means.mean())


@distance("range")
def value_range(means: torch.Tensor) -> torch.Tensor:
    """Largest minus smallest of ``[G]`` means."""
    return means.amax() - means.amin()
