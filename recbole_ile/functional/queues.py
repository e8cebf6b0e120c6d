"""Greedy lists of which each step compares the heads of a few queues.

Where what a candidate adds to a list depends on its score and its group alone, the best scored candidate left of a
group always wins within it, so that a step looks at as many candidates as there are groups.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

TIE = 1e-12
"""Objectives that differ by less, relative to their size, are equal: rounding must not decide a tie."""

BLOCK = 16_384
"""Users at a time, so that what is needed in addition stays small for any number of users."""

Objective = Callable[[torch.Tensor, torch.Tensor, torch.Tensor, int], torch.Tensor]
"""What to maximise, ``[B, G]``, of ``[B, G]`` scores of the heads, shares of the groups in the users' profiles, numbers
of items that the lists hold of each group, and the number of items in a list."""


def greedy_lists(
    scores: torch.Tensor, groups: torch.Tensor, profiles: torch.Tensor, k: int, objective: Objective
) -> torch.Tensor:
    """Return each user's list of ``k`` candidates, each step's being that with the largest objective.

    Of equal objectives the better scored candidate wins, of equally scored ones the first. Computed in float64.

    Args:
        scores: ``[B, m]`` floats; a candidate at ``-inf`` or NaN is never taken.
        groups: ``[B, m]`` int group of each candidate, in ``0 .. G - 1``.
        profiles: ``[B, G]`` non-negative weight of each group in the user's profile; without any, all shares are 0.
        k: length of the lists.
        objective: of the heads; within a group it must rise with the score.

    Returns:
        ``[B, k]`` int64 positions in ``0 .. m - 1``, in the order of the list; -1 where candidates ran out.

    Raises:
        ValueError: for a negative ``k`` or arrays that do not fit together.

    >>> scores, groups, profiles = torch.tensor([[3.0, 2.0, 1.0]]), torch.tensor([[0, 0, 1]]), torch.ones(1, 2)
    >>> greedy_lists(scores, groups, profiles, 2, lambda own, taste, taken, step: own - 2.0 * taken).tolist()
    [[0, 2]]
    """
    if k < 0:
        raise ValueError(f"a list has a length of at least 0, got {k}")
    if scores.shape != groups.shape or scores.ndim != 2 or profiles.ndim != 2 or len(profiles) != len(scores):
        raise ValueError(
            "scores and groups are [B, m] and profiles [B, G], got "
            f"{tuple(scores.shape)}, {tuple(groups.shape)} and {tuple(profiles.shape)}"
        )
    lists = torch.full((len(scores), k), -1, dtype=torch.int64, device=scores.device)
    for start in range(0, len(scores), BLOCK):
        block = slice(start, start + BLOCK)
        _build_lists(scores[block], groups[block], profiles[block], objective, lists[block])
    return lists


def _build_lists(
    scores: torch.Tensor, groups: torch.Tensor, profiles: torch.Tensor, objective: Objective, lists: torch.Tensor
) -> None:
    n_rows, k = lists.shape
    n_groups = profiles.shape[1]
    if not (n_rows and k and scores.shape[1] and n_groups):
        return
    order, queues = _queues(scores, groups, n_groups, k)
    ranked = scores.gather(1, order).double()
    ranked = torch.cat([ranked, ranked.new_full((n_rows, 1), -torch.inf)], dim=1)
    places = torch.cat([order, order.new_full((n_rows, 1), -1)], dim=1)
    rows = torch.arange(n_rows, device=scores.device)
    taste = profiles.double()
    taste = taste / taste.sum(dim=1, keepdim=True).clamp_min(torch.finfo(torch.float64).tiny)
    taken = torch.zeros(n_rows, n_groups, dtype=torch.int64, device=scores.device)
    for step in range(k):
        heads = queues.gather(2, taken.unsqueeze(2)).squeeze(2)
        values = objective(ranked.gather(1, heads), taste, taken, step)
        values = torch.where(heads < scores.shape[1], values, -torch.inf)
        best = values.max(dim=1, keepdim=True).values
        tied = values >= best - TIE * (1.0 + best.abs())
        chosen = torch.where(tied, heads, scores.shape[1]).min(dim=1)
        lists[:, step] = places[rows, chosen.values]
        taken[rows, chosen.indices] += (chosen.values < scores.shape[1]).long()


def _queues(scores: torch.Tensor, groups: torch.Tensor, n_groups: int, k: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return ``[B, m]`` positions by falling score, and ``[B, G, k + 1]`` each group's ranks in that order.

    A queue ends with ``m``, which stands for no candidate.
    """
    n_rows, m = scores.shape
    usable = scores > -torch.inf  # False for NaN
    keys = torch.where(usable, scores, -torch.inf)
    if bool((keys[:, 1:] <= keys[:, :-1]).all()):
        order = torch.arange(m, device=scores.device).expand(n_rows, m)
    else:
        order = keys.argsort(dim=1, descending=True, stable=True)
        groups, usable = groups.gather(1, order), usable.gather(1, order)
    queues = torch.full((n_rows, n_groups, k + 1), m, dtype=torch.int64, device=scores.device)
    ranks = torch.arange(m, device=scores.device).expand(n_rows, m)
    places = torch.zeros(n_rows, m, dtype=torch.int32, device=scores.device)
    for group in range(n_groups):
        members = (groups == group) & usable
        places += members.cumsum(dim=1, dtype=torch.int32) * members
    kept = usable & (places <= k) & (places > 0)
    flat = (groups * (k + 1) + places - 1)[kept]
    row = torch.arange(n_rows, device=scores.device).unsqueeze(1).expand(n_rows, m)[kept]
    queues.view(n_rows, -1)[row, flat] = ranks[kept]
    return order, queues
