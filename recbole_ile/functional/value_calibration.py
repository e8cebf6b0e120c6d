"""Calibration of lists on any column of the items, of which an item may have several values."""

from __future__ import annotations

import torch

from recbole_ile.functional.arrays import Array, to_numpy
from recbole_ile.functional.divergences import DIVERGENCES
from recbole_ile.functional.queues import TIE

BLOCK = 1 << 21
"""Values of candidates that are looked at together."""


def calibrated_values(
    scores: Array, values: Array, profiles: Array, k: int, weight: float, divergence: str = "jsd"
) -> Array:
    """Build each user's list greedily from scored candidates, balancing score and the user's taste for values.

    As ``calibrated_popularity``, which it equals where each candidate has one value: each of the ``k`` steps takes the
    candidate with the largest ``(1 - weight) * score - weight * D(profile, list + candidate)``. A value of a candidate
    with ``c`` of them counts ``1 / c``. Of equal ones it takes the better scored, and of equally scored ones the first.
    Computed in float64.

    Args:
        scores: ``[B, m]`` float scores; a candidate at ``-inf`` or NaN is never taken.
        values: ``[B, m, L]`` int values of each candidate, at least one, each once, in ``0 .. V - 1``; -1 for no more.
        profiles: ``[B, V]`` non-negative weight of each value in the user's training profile; a user with none gets
            the best scored candidates.
        k: length of the lists.
        weight: share of calibration, in ``[0, 1]``.
        divergence: ``jsd``, ``kl`` or ``hellinger``.

    Returns:
        ``[B, k]`` int64 positions in ``0 .. m - 1``, in the order of the list; -1 where candidates ran out.

    Raises:
        ValueError: for a weight outside ``[0, 1]``, an unknown divergence or a negative ``k``.

    Source: Steck, Calibrated recommendations, RecSys 2018 (doi 10.1145/3240323.3240372), equations 2 to 5, the
    distributions of genres.

    >>> scores, values = torch.tensor([[3.0, 2.0, 1.0]]), torch.tensor([[[0, -1], [0, -1], [0, 1]]])
    >>> calibrated_values(scores, values, torch.tensor([[3, 1]]), k=2, weight=0.99).tolist()
    [[2, 0]]
    """
    if not isinstance(scores, torch.Tensor):
        own, taste = torch.as_tensor(values), torch.as_tensor(profiles)
        return to_numpy(calibrated_values(torch.as_tensor(scores), own, taste, k, weight, divergence))
    if not 0.0 <= weight <= 1.0:
        raise ValueError(f"the weight of the calibration lies between 0 and 1, got {weight}")
    if divergence not in DIVERGENCES:
        raise ValueError(f"the divergence of the calibration is one of {', '.join(DIVERGENCES)}, got {divergence}")
    if k < 0:
        raise ValueError(f"a list has a length of at least 0, got {k}")
    lists = torch.full((len(scores), k), -1, dtype=torch.int64, device=scores.device)
    size = max(BLOCK // max(values[:1].numel(), 1), 1)
    for start in range(0, len(scores), size):
        block = slice(start, start + size)
        _build_lists(scores[block], values[block], profiles[block], weight, divergence, lists[block])
    return lists


def _build_lists(
    scores: torch.Tensor,
    values: torch.Tensor,
    profiles: torch.Tensor,
    weight: float,
    divergence: str,
    lists: torch.Tensor,
) -> None:
    part, total = DIVERGENCES[divergence]
    n_rows, m = scores.shape
    if not (m and lists.shape[1]):
        return
    usable = scores > -torch.inf  # False for NaN
    order = torch.where(usable, scores, -torch.inf).argsort(dim=1, descending=True, stable=True)
    ranked = torch.where(usable, scores, -torch.inf).gather(1, order).double()
    values = values.gather(1, order.unsqueeze(2).expand_as(values))
    there = values >= 0
    columns = values.clamp_min(0).view(n_rows, -1)
    shares = torch.where(there, 1.0 / there.sum(dim=2, keepdim=True).clamp_min(1), 0.0).double()
    taste = profiles.double()
    taste = taste / taste.sum(dim=1, keepdim=True).clamp_min(torch.finfo(torch.float64).tiny)
    pull = torch.where(taste.sum(dim=1, keepdim=True) > 0, weight, 0.0)
    wanted = taste.gather(1, columns).view_as(shares)
    held = torch.zeros_like(taste)
    rows, ranks = torch.arange(n_rows, device=scores.device), torch.arange(m, device=scores.device)
    for step in range(lists.shape[1]):
        before = held.gather(1, columns).view_as(shares)
        added = part(wanted, (before + shares) / (step + 1)) - part(wanted, before / (step + 1))
        added = torch.where(there, added, 0.0).sum(dim=2)
        far = total(part(taste, held / (step + 1)).sum(dim=1, keepdim=True) + added)
        objective = torch.where(ranked > -torch.inf, (1.0 - weight) * ranked - pull * far, -torch.inf)
        best = objective.max(dim=1, keepdim=True).values
        tied = objective >= best - TIE * (1.0 + best.abs())
        chosen = torch.where(tied, ranks, m - 1).min(dim=1).values
        found = ranked[rows, chosen] > -torch.inf
        lists[:, step] = torch.where(found, order[rows, chosen], -1)
        gained = torch.where(found.unsqueeze(1), shares[rows, chosen], 0.0)
        held.scatter_add_(1, columns.view_as(values)[rows, chosen], gained)
        ranked[rows, chosen] = -torch.inf
