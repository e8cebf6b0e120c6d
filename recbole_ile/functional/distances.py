"""How far apart the mean losses of the item groups are: the D of ``L + lambda * D``.

A distance may also be given over the present of ``[G]`` groups, the others masked. On a GPU it then needs no number
of groups on the host, which would have to wait in every batch for all that was asked of the GPU before.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

Distance = Callable[[torch.Tensor], torch.Tensor]

DISTANCES: dict[str, Distance] = {}
"""Every distance by the name that ``ile_distance`` takes."""

MaskedDistance = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
MASKED: dict[str, MaskedDistance] = {}
"""The same distances of ``[G]`` means and ``[G]`` bool, whether a group is present."""


def distance(name: str, masked: MaskedDistance | None = None) -> Callable[[Distance], Distance]:
    """Register a function of ``[G]`` group means, ``G >= 2``, as the distance ``name``.

    Args:
        name: what ``ile_distance`` takes.
        masked: the same of ``[G]`` means and ``[G]`` bool, whether a group is present. Where fewer than two are, its
            value is not used, and its gradient times 0 has to be 0.

    Raises:
        ValueError: if the name is taken.

    >>> largest = distance("largest")(torch.amax)
    >>> DISTANCES.pop("largest")(torch.tensor([1.0, 3.0])).item()
    3.0
    """

    def register(function: Distance) -> Distance:
        if name in DISTANCES:
            raise ValueError(f"the distance {name!r} is already registered; choose another name")
        DISTANCES[name] = function
        if masked is not None:
            MASKED[name] = masked
        return function

    return register


def _deviations(means: torch.Tensor, present: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the ``[G]`` deviations from the mean of the present groups, 0 for the others, and their number."""
    n_present = present.sum()
    mean = torch.where(present, means, 0.0).sum() / n_present.clamp_min(1)
    return torch.where(present, means - mean, 0.0), n_present


def _masked_std(means: torch.Tensor, present: torch.Tensor) -> torch.Tensor:
    deviations, n_present = _deviations(means, present)
    return torch.linalg.vector_norm(deviations) / (n_present - 1).clamp_min(1).to(means.dtype).sqrt()


@distance("std", masked=_masked_std)
def standard_deviation(means: torch.Tensor) -> torch.Tensor:
    """Unbiased standard deviation of ``[G]`` means (n - 1); zero gradient where all are equal.

    >>> standard_deviation(torch.tensor([1.0, 2.0, 3.0])).item()
    1.0
    """
    return torch.std(means)


def _masked_mad(means: torch.Tensor, present: torch.Tensor) -> torch.Tensor:
    deviations, n_present = _deviations(means, present)
    return deviations.abs().sum() / n_present.clamp_min(1)


@distance("mad", masked=_masked_mad)
def mean_absolute_deviation(means: torch.Tensor) -> torch.Tensor:
    """Mean absolute deviation of ``[G]`` means from their mean.

    >>> mean_absolute_deviation(torch.tensor([1.0, 3.0])).item()
    1.0
    """
    return (means - means.mean()).abs().mean()


def _missing_groups(losses: torch.Tensor, n_groups: int | torch.Tensor) -> torch.Tensor:
    total = losses.sum()
    shares = losses / torch.where(total > 0, total, torch.ones_like(total))
    # log is taken of 1 where a share is 0, so that neither the value nor the gradient is NaN.
    shares = torch.where(shares > 0, shares, torch.ones_like(shares))
    deficit = n_groups - torch.exp(-(shares * torch.log(shares)).sum())
    return torch.where(total > 0, deficit, torch.zeros_like(deficit))


def _masked_entropy(means: torch.Tensor, present: torch.Tensor) -> torch.Tensor:
    return _missing_groups(torch.where(present, means, 0.0).clamp_min(0.0), present.sum())


@distance("ent", masked=_masked_entropy)
def entropy_deficit(means: torch.Tensor) -> torch.Tensor:
    """Groups missing to an even distribution of loss, ``G - exp(H(p))`` with ``p`` the shares of ``[G]`` means.

    ``H`` is in nats; 0 when all means are equal, ``G - 1`` when one group has all the loss. A mean
    that is not positive (a loss that underflowed) counts as no loss; without any loss D is 0.

    >>> entropy_deficit(torch.tensor([4.0, 0.0, 0.0])).item()
    2.0
    """
    return _missing_groups(means.clamp_min(0.0), means.numel())


def _masked_euclidean(means: torch.Tensor, present: torch.Tensor) -> torch.Tensor:
    return torch.linalg.vector_norm(_deviations(means, present)[0])


@distance("euclidean", masked=_masked_euclidean)
def euclidean(means: torch.Tensor) -> torch.Tensor:
    """2-norm of the deviations of ``[G]`` means from their mean; zero gradient where all are equal.

    >>> euclidean(torch.tensor([1.0, 1.0, 3.0, 3.0])).item()
    2.0
    """
    return torch.linalg.vector_norm(means - means.mean())


def _masked_range(means: torch.Tensor, present: torch.Tensor) -> torch.Tensor:
    highest = torch.where(present, means, -torch.inf).amax()
    return highest - torch.where(present, means, torch.inf).amin()


@distance("range", masked=_masked_range)
def value_range(means: torch.Tensor) -> torch.Tensor:
    """Largest minus smallest of ``[G]`` means.

    >>> value_range(torch.tensor([1.0, 4.0, 2.0])).item()
    3.0
    """
    return means.amax() - means.amin()
