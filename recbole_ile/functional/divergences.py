"""How far the shares of a list are from those of a profile: what calibration keeps small.

Each divergence is a function of sums over values, so that what one more item does to it follows from its own values.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch

SMOOTHING = 0.01
"""Share of the profile in the list's distribution under Kullback-Leibler, which would be infinite without."""


class Divergence(NamedTuple):
    """A divergence of shares ``q`` from shares ``p``.

    Attributes:
        part: what a value adds to a sum, of tensors ``p`` and ``q`` of its shares.
        total: the divergence of that sum, but for what ``p`` alone adds.
    """

    part: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
    total: Callable[[torch.Tensor], torch.Tensor]


def jensen_shannon_part(p: torch.Tensor, q: torch.Tensor) -> torch.Tensor:
    """Return each value's part of the Jensen-Shannon divergence, but for what ``p`` alone adds.

    Args:
        p: shares in a profile, of any shape.
        q: shares in a list, likewise.

    Returns:
        Nats, of the same shape; ``Σ 0.5·p·log p`` more is the divergence.

    >>> p = torch.tensor([0.5, 0.5], dtype=torch.float64)
    >>> round(float(jensen_shannon_part(p, p).sum() + 0.5 * torch.xlogy(p, p).sum()), 12)
    0.0
    """
    return 0.5 * (torch.xlogy(q, q) - torch.xlogy(p + q, (p + q) / 2))


def kullback_leibler_part(p: torch.Tensor, q: torch.Tensor) -> torch.Tensor:
    """Return each value's part of ``KL(p ‖ 0.99·q + 0.01·p)``, but for what ``p`` alone adds.

    Args:
        p: shares in a profile, of any shape.
        q: shares in a list, likewise.

    Returns:
        Nats, of the same shape; ``Σ p·log p`` more is the divergence.

    Source: Steck, Calibrated recommendations, RecSys 2018 (doi 10.1145/3240323.3240372), the smoothing with α = 0.01.

    >>> p, q = torch.tensor([0.5, 0.5]), torch.tensor([1.0, 0.0])
    >>> round(float(kullback_leibler_part(p, q).sum() + torch.xlogy(p, p).sum()), 4)
    1.9585
    """
    return -torch.xlogy(p, (1.0 - SMOOTHING) * q + SMOOTHING * p)


def hellinger_part(p: torch.Tensor, q: torch.Tensor) -> torch.Tensor:
    """Return each value's part of the Bhattacharyya coefficient, negative; the Hellinger distance is ``√(1 + Σ)``.

    Args:
        p: shares in a profile, of any shape.
        q: shares in a list, likewise.

    Returns:
        Numbers of the same shape.

    >>> p = torch.tensor([0.5, 0.5])
    >>> round(float(hellinger_distance(hellinger_part(p, torch.tensor([1.0, 0.0])).sum())), 4)
    0.5412
    """
    return -(p * q).sqrt()


def hellinger_distance(sums: torch.Tensor) -> torch.Tensor:
    """Return the Hellinger distance of sums of ``hellinger_part``, in ``[0, 1]``.

    >>> hellinger_distance(torch.tensor([-1.0, 0.0])).tolist()
    [0.0, 1.0]
    """
    return (1.0 + sums).clamp_min(0.0).sqrt()


def identity(sums: torch.Tensor) -> torch.Tensor:
    """Return the sums, which are the divergence themselves.

    >>> identity(torch.tensor([0.5])).tolist()
    [0.5]
    """
    return sums


DIVERGENCES = {
    "jsd": Divergence(jensen_shannon_part, identity),
    "kl": Divergence(kullback_leibler_part, identity),
    "hellinger": Divergence(hellinger_part, hellinger_distance),
}
