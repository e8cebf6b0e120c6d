"""Explicit diversification of a list over item groups: xQuAD."""

from __future__ import annotations

import torch

from recbole_ile.functional.arrays import Array, to_numpy
from recbole_ile.functional.queues import greedy_lists
from recbole_ile.functional.reranking import scale_min_max

MODES = ("binary", "smooth")
"""What makes a group new to a list: that the list holds nothing of it, or how little."""


def explicit_diversification(
    scores: Array, groups: Array, profiles: Array, k: int, weight: float, mode: str = "binary"
) -> Array:
    """Build each user's list greedily from scored candidates, rewarding groups that the user likes and the list lacks.

    Each of the ``k`` steps takes the candidate ``v`` of group ``g`` with the largest
    ``(1 - weight)·P(v|u) + weight·P(g|u)·novel(g, S)``. ``P(v|u)`` is the score, mapped linearly onto ``[0, 1]`` over
    the candidates, so that its unit does not matter; ``P(g|u)`` is the share of the group in the profile; of the list
    ``S`` so far, ``novel`` is 1 if it holds no item of ``g`` and else 0 (``binary``), or ``1 - |S ∩ g| / |S|``, 1 for
    the empty list (``smooth``). Of equal ones it takes the better scored, and of equally scored ones the first.

    ``smooth`` counts the share of the group once, as public implementations do. The product over the items of ``S``
    of the paper, read to the letter with the same factor for each, would be its power of ``|S|``.

    Args:
        scores: ``[B, m]`` float scores in any unit; a candidate at ``-inf`` or NaN is never taken.
        groups: ``[B, m]`` int group of each candidate, in ``0 .. G - 1``.
        profiles: ``[B, G]`` non-negative weight of each group in the user's training profile; a user with none
            gets the best scored candidates.
        k: length of the lists.
        weight: share of diversification, in ``[0, 1]``.
        mode: ``binary`` or ``smooth``.

    Returns:
        ``[B, k]`` int64 positions in ``0 .. m - 1``, in the order of the list; -1 where candidates ran out.

    Raises:
        ValueError: for a weight outside ``[0, 1]``, an unknown mode, a negative ``k`` or arrays that do not fit
            together.

    Source: Abdollahpouri et al., Managing popularity bias in recommender systems with personalized re-ranking,
    FLAIRS 2019 (arXiv 1901.07555), the criterion of its re-ranking, with our item groups as categories.

    >>> scores, groups = torch.tensor([[3.0, 2.0, 1.0]]), torch.tensor([[0, 0, 1]])
    >>> explicit_diversification(scores, groups, torch.tensor([[1, 1]]), k=2, weight=0.6).tolist()
    [[0, 2]]
    """
    if not isinstance(scores, torch.Tensor):
        members, taste = torch.as_tensor(groups), torch.as_tensor(profiles)
        return to_numpy(explicit_diversification(torch.as_tensor(scores), members, taste, k, weight, mode))
    if not 0.0 <= weight <= 1.0:
        raise ValueError(f"the weight of the diversification lies between 0 and 1, got {weight}")
    if mode not in MODES:
        raise ValueError(f"the mode of the diversification is one of {', '.join(MODES)}, got {mode}")

    def objective(own: torch.Tensor, taste: torch.Tensor, taken: torch.Tensor, step: int) -> torch.Tensor:
        novel = 1.0 - taken / max(step, 1) if mode == "smooth" else (taken == 0).double()
        return (1.0 - weight) * own + weight * taste * novel

    return greedy_lists(scale_min_max(scores.double()), groups, profiles, k, objective)
