"""Re-rank what a model recommends: calibrated popularity (CP) and predictive uncertainty (PUFR)."""

from __future__ import annotations

import torch

from recbole_ile.functional.arrays import Array, to_numpy

TIE = 1e-12
"""Objectives that differ by less, relative to their size, are equal: rounding must not decide a tie."""

BLOCK = 16_384
"""Users at a time, so that what is needed in addition stays small for any number of users."""


def calibrated_popularity(scores: Array, groups: Array, profiles: Array, k: int, weight: float) -> Array:
    """Build each user's list greedily from scored candidates, balancing score and the user's taste for popularity.

    Each of the ``k`` steps takes the candidate with the largest
    ``(1 - weight) * score - weight * JSD(profile, list + candidate)``, both as shares of item groups, in nats. Of
    equal ones it takes the better scored, and of equally scored ones the first. Computed in float64.

    Args:
        scores: ``[B, m]`` float scores; a candidate at ``-inf`` or NaN is never taken.
        groups: ``[B, m]`` int group of each candidate, in ``0 .. G - 1``.
        profiles: ``[B, G]`` non-negative weight of each group in the user's training profile; a user with none
            gets the best scored candidates.
        k: length of the lists.
        weight: share of calibration, in ``[0, 1]``.

    Returns:
        ``[B, k]`` int64 positions in ``0 .. m - 1``, in the order of the list; -1 where candidates ran out.

    Raises:
        ValueError: for a weight outside ``[0, 1]``, a negative ``k`` or arrays that do not fit together.

    Source: Abdollahpouri et al., UMAP 2021 (arXiv 2103.06364); as compared by Prent & Mansoury, arXiv 2410.04830.

    >>> scores, groups = torch.tensor([[3.0, 2.0, 1.0]]), torch.tensor([[0, 0, 1]])
    >>> calibrated_popularity(scores, groups, torch.tensor([[1, 1]]), k=2, weight=0.9).tolist()
    [[0, 2]]
    """
    if not isinstance(scores, torch.Tensor):
        members, taste = torch.as_tensor(groups), torch.as_tensor(profiles)
        return to_numpy(calibrated_popularity(torch.as_tensor(scores), members, taste, k, weight))
    if not 0.0 <= weight <= 1.0:
        raise ValueError(f"the weight of the calibration lies between 0 and 1, got {weight}")
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
        _build_lists(scores[block], groups[block], profiles[block], weight, lists[block])
    return lists


def scale_min_max(scores: Array) -> Array:
    """Map the finite scores of each row linearly onto ``[0, 1]``; equal ones become 0, all others ``-inf``.

    Args:
        scores: ``[B, m]`` floats.

    Returns:
        ``[B, m]`` scaled scores.

    >>> scale_min_max(torch.tensor([[4.0, 3.0, 2.0, -torch.inf], [1.0, 1.0, 1.0, 1.0]])).tolist()
    [[1.0, 0.5, 0.0, -inf], [0.0, 0.0, 0.0, 0.0]]
    """
    if not isinstance(scores, torch.Tensor):
        return to_numpy(scale_min_max(torch.as_tensor(scores)))
    finite = scores.isfinite()
    lowest = torch.where(finite, scores, torch.inf).min(dim=1, keepdim=True).values
    spread = torch.where(finite, scores, -torch.inf).max(dim=1, keepdim=True).values - lowest
    scaled = torch.where(spread > 0, (scores - lowest) / spread, 0.0)
    return torch.where(finite, scaled, -torch.inf)


def _build_lists(
    scores: torch.Tensor, groups: torch.Tensor, profiles: torch.Tensor, weight: float, lists: torch.Tensor
) -> None:
    """Fill ``[B, k]`` lists. Within a group the best scored candidate left always wins, so that each step compares
    the heads of ``G`` queues.
    """
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
    pull = torch.where(taste.sum(dim=1, keepdim=True) > 0, weight, 0.0)
    taken = torch.zeros(n_rows, n_groups, dtype=torch.int64, device=scores.device)
    for step in range(k):
        heads = queues.gather(2, taken.unsqueeze(2)).squeeze(2)
        gain = _divergence(taste, (taken + 1) / (step + 1)) - _divergence(taste, taken / (step + 1))
        objective = (1.0 - weight) * ranked.gather(1, heads) - pull * gain
        objective = torch.where(heads < scores.shape[1], objective, -torch.inf)
        best = objective.max(dim=1, keepdim=True).values
        tied = objective >= best - TIE * (1.0 + best.abs())
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


def _divergence(p: torch.Tensor, q: torch.Tensor) -> torch.Tensor:
    """Return each group's part of the Jensen-Shannon divergence of ``[B, G]`` shares, but for what ``p`` alone adds."""
    return 0.5 * (torch.xlogy(q, q) - torch.xlogy(p + q, (p + q) / 2))


def uncertainty_adjusted(scores: Array, uncertainty: Array, item_groups: Array, weight: float) -> Array:
    """Raise the scores of tail items and lower those of head items by how uncertain the model is of them.

    Args:
        scores: ``[B, n]`` float scores; ``-inf`` stays.
        uncertainty: ``[n]`` or ``[B, n]`` standard deviation of the score over independently trained models.
        item_groups: ``[n]`` int group of each item, 0 the head and the largest the tail.
        weight: what a standard deviation counts, at least 0.

    Returns:
        ``[B, n]`` scores of the dtype of ``scores``.

    Raises:
        ValueError: for a negative weight.

    Source: Sun et al., predictive uncertainty-based bias mitigation in ranking, CIKM 2023 (arXiv 2309.09833), as
    compared by Prent & Mansoury, arXiv 2410.04830.

    >>> scores, deviations = torch.tensor([[3.0, 2.0, 1.0]]), torch.full((3,), 0.5)
    >>> uncertainty_adjusted(scores, deviations, torch.tensor([0, 1, 2]), weight=1.0).tolist()
    [[2.5, 2.0, 1.5]]
    """
    if not isinstance(scores, torch.Tensor):
        deviation, groups = torch.as_tensor(uncertainty), torch.as_tensor(item_groups)
        return to_numpy(uncertainty_adjusted(torch.as_tensor(scores), deviation, groups, weight))
    if not weight >= 0.0:
        raise ValueError(f"the weight of the uncertainty is at least 0, got {weight}")
    if weight == 0.0 or not item_groups.numel():
        return scores
    tail = item_groups == item_groups.max()
    sign = torch.where(tail, 1.0, torch.where(item_groups == 0, -1.0, 0.0)).to(scores)
    return scores + weight * sign * uncertainty.to(scores)
