"""Re-rank what a model recommends: calibrated popularity (CP) and predictive uncertainty (PUFR)."""

from __future__ import annotations

import torch

from recbole_ile.functional.arrays import Array, to_numpy
from recbole_ile.functional.divergences import DIVERGENCES, identity
from recbole_ile.functional.queues import greedy_lists


def calibrated_popularity(
    scores: Array, groups: Array, profiles: Array, k: int, weight: float, divergence: str = "jsd"
) -> Array:
    """Build each user's list greedily from scored candidates, balancing score and the user's taste for popularity.

    Each of the ``k`` steps takes the candidate with the largest
    ``(1 - weight) * score - weight * D(profile, list + candidate)``, both as shares of item groups. ``D`` is the
    Jensen-Shannon divergence in nats (``jsd``), Kullback-Leibler's in nats, ``KL(profile ‖ 0.99·list + 0.01·profile)``
    (``kl``), or the Hellinger distance (``hellinger``). Of equal ones it takes the better scored, and of equally scored
    ones the first. Computed in float64.

    Args:
        scores: ``[B, m]`` float scores; a candidate at ``-inf`` or NaN is never taken.
        groups: ``[B, m]`` int group of each candidate, in ``0 .. G - 1``.
        profiles: ``[B, G]`` non-negative weight of each group in the user's training profile; a user with none
            gets the best scored candidates.
        k: length of the lists.
        weight: share of calibration, in ``[0, 1]``.
        divergence: ``jsd``, ``kl`` or ``hellinger``.

    Returns:
        ``[B, k]`` int64 positions in ``0 .. m - 1``, in the order of the list; -1 where candidates ran out.

    Raises:
        ValueError: for a weight outside ``[0, 1]``, an unknown divergence, a negative ``k`` or arrays that do not fit
            together.

    Source: Abdollahpouri et al., UMAP 2021 (arXiv 2103.06364); as compared by Prent & Mansoury, arXiv 2410.04830.
    ``kl``: Steck, RecSys 2018 (doi 10.1145/3240323.3240372).

    >>> scores, groups = torch.tensor([[3.0, 2.0, 1.0]]), torch.tensor([[0, 0, 1]])
    >>> calibrated_popularity(scores, groups, torch.tensor([[1, 1]]), k=2, weight=0.9).tolist()
    [[0, 2]]
    """
    if not isinstance(scores, torch.Tensor):
        members, taste = torch.as_tensor(groups), torch.as_tensor(profiles)
        return to_numpy(calibrated_popularity(torch.as_tensor(scores), members, taste, k, weight, divergence))
    if not 0.0 <= weight <= 1.0:
        raise ValueError(f"the weight of the calibration lies between 0 and 1, got {weight}")
    if divergence not in DIVERGENCES:
        raise ValueError(f"the divergence of the calibration is one of {', '.join(DIVERGENCES)}, got {divergence}")
    part, total = DIVERGENCES[divergence]

    def objective(own: torch.Tensor, taste: torch.Tensor, taken: torch.Tensor, step: int) -> torch.Tensor:
        pull = torch.where(taste.sum(dim=1, keepdim=True) > 0, weight, 0.0)
        without = part(taste, taken / (step + 1))
        gain = part(taste, (taken + 1) / (step + 1)) - without
        if total is not identity:  # what all candidates share would not change which is the best
            gain = total(without.sum(dim=1, keepdim=True) + gain)
        return (1.0 - weight) * own - pull * gain

    return greedy_lists(scores, groups, profiles, k, objective)


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


def put_first(scores: torch.Tensor, items: torch.Tensor) -> torch.Tensor:
    """Raise the scores of lists above all others, in the order of the lists, and leave the others.

    Args:
        scores: ``[B, n + 1]`` finite or ``-inf``, changed in place; column 0 is no item's.
        items: ``[B, k]`` columns, the best first, each once; 0 for an empty place.

    Returns:
        ``scores``.

    >>> scores = torch.tensor([[-torch.inf, 2.0, 1.0, 0.0]])
    >>> put_first(scores, torch.tensor([[3, 0]])).argsort(descending=True).tolist()
    [[3, 1, 2, 0]]
    """
    k = items.shape[1]
    highest = scores.max(dim=1, keepdim=True).values.nan_to_num(neginf=0.0)
    step = (1.0 + highest.abs()) * 1e-3
    raised = highest + step * torch.arange(k, 0, -1, device=scores.device)
    scores.scatter_(1, items, torch.where(items > 0, raised, -torch.inf).to(scores.dtype))
    return scores
