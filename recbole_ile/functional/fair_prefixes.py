"""FA*IR: lists of which every beginning holds enough items of a protected class, by a statistical test.

A fair list of ``k`` places is one whose places are drawn to be protected with the same probability, independently. A
list is rejected if the first ``i`` places, for any ``i``, hold fewer protected items than all but a small share of fair
lists do. As there are ``k`` such tests, each takes a smaller significance, so that all together reject a fair list as
seldom as one is meant to.
"""

from __future__ import annotations

import numpy as np
import torch

from recbole_ile.functional.arrays import Array, same_kind_as, to_numpy
from recbole_ile.functional.prices import first_best

CLASSES = ("tail", "not_head")
"""Which items may be protected."""
ROUNDING = 1e-12
"""Probabilities that differ by less, relative to their size, are equal."""
BLOCK = 1 << 22
"""Probabilities that are held at once."""


def protected_groups(n_groups: int, which: str) -> torch.Tensor:
    """Return ``[G]`` bool, the protected item groups: the last for ``tail``, all but the first for ``not_head``.

    Raises:
        ValueError: for another class.

    >>> protected_groups(3, "not_head").tolist()
    [False, True, True]
    """
    if which not in CLASSES:
        raise ValueError(f"the protected class is one of {', '.join(CLASSES)}, got {which}")
    groups = torch.arange(n_groups)
    return groups > 0 if which == "not_head" else groups == n_groups - 1


def protected_shares(profiles: Array, protected: Array) -> Array:
    """Return the share of the protected class in the profile of each user.

    Args:
        profiles: ``[U, G]`` non-negative weight of each group in the user's training profile.
        protected: ``[G]`` bool.

    Returns:
        ``[U]`` float64 shares; 0 for a user without a profile.

    >>> protected_shares(torch.tensor([[3, 1], [0, 0]]), torch.tensor([False, True])).tolist()
    [0.25, 0.0]
    """
    if not isinstance(profiles, torch.Tensor):
        return to_numpy(protected_shares(torch.as_tensor(profiles), torch.as_tensor(protected)))
    weights = profiles.double()
    sums = weights.sum(dim=1)
    return (weights * protected).sum(dim=1) / torch.where(sums > 0, sums, 1.0)


def minimum_protected(shares: Array, k: int, significance: float, corrected: bool = True) -> Array:
    """Return how many protected items the first ``i`` places of a list must hold, for each ``i`` up to ``k``.

    That is ``m(i)``, the smallest ``m`` with ``F(m; i, share) > α``, F the distribution function of a binomial. With
    ``corrected``, α is the largest value at which a fair list fails any of the ``k`` tests with a probability of at
    most ``significance``. It is found exactly: ``m`` changes only where α is one of the ``F(m; i, share)``, and the
    probability to fail follows from the distribution of the number of protected items over lists that have not failed.

    Args:
        shares: ``[P]`` floats in ``[0, 1]``, the probability that a place of a fair list is protected.
        k: length of the lists.
        significance: probability with which a fair list may be rejected, in ``(0, 1)``.
        corrected: whether it is that of all tests together, and not of each.

    Returns:
        ``[P, k]`` int64.

    Raises:
        ValueError: for a share outside ``[0, 1]``, a significance outside ``(0, 1)`` or a negative ``k``.

    Source: Zehlike et al., FA*IR: a fair top-k ranking algorithm, CIKM 2017 (arXiv 1706.06368), definition 3.1 and
    section 4, the adjustment for multiple tests.

    >>> minimum_protected(np.array([0.5]), 10, 0.1, corrected=False).tolist()
    [[0, 0, 0, 1, 1, 1, 2, 2, 3, 3]]
    >>> minimum_protected(np.array([0.5]), 10, 0.1).tolist()
    [[0, 0, 0, 0, 1, 1, 1, 2, 2, 3]]
    """
    known = to_numpy(shares).astype(np.float64)
    if not bool(((known >= 0.0) & (known <= 1.0)).all()):
        raise ValueError("the share of protected items lies between 0 and 1")
    if not 0.0 < significance < 1.0:
        raise ValueError(f"a significance lies between 0 and 1, both excluded, got {significance}")
    if k < 0:
        raise ValueError(f"a list has a length of at least 0, got {k}")
    found, size = np.zeros((len(known), k), dtype=np.int64), max(BLOCK // (k + 1) ** 2, 1)
    for start in range(0, len(known), size):
        block = slice(start, start + size)
        found[block] = _corrected(known[block], k, significance) if corrected else _tests(known[block], k, significance)
    return same_kind_as(found, shares)


def failure_probability(shares: Array, minimum: Array) -> Array:
    """Return the probability that a fair list holds too few protected items in one of its beginnings at least.

    Args:
        shares: ``[P]`` floats in ``[0, 1]``, the probability that a place of a fair list is protected.
        minimum: ``[P, k]`` int, protected items that the first ``i`` places must hold.

    Returns:
        ``[P]`` float64.

    >>> failure_probability(np.array([0.5]), np.array([[0, 1, 1]])).tolist()
    [0.25]
    """
    share, needed = to_numpy(shares).astype(np.float64)[:, None], to_numpy(minimum)
    numbers = np.arange(needed.shape[1] + 1)
    alive = np.zeros((len(share), len(numbers)))
    alive[:, 0] = 1.0
    for place in range(needed.shape[1]):
        alive = _one_place_more(alive, share)
        alive[numbers < needed[:, place, None]] = 0.0
    return same_kind_as(1.0 - alive.sum(axis=1), shares)


def fair_lists(scores: Array, protected: Array, minimum: Array) -> Array:
    """Return lists whose first ``i`` places hold at least ``minimum[i - 1]`` protected items, the best of each class.

    A place goes to the best protected item left where the list would otherwise hold too few, and else to the best item
    left; of equally scored ones, to the first. Where protected items have run out, others take their places.

    Args:
        scores: ``[B, n]`` float scores in any unit; an item at ``-inf`` or NaN is never taken.
        protected: ``[B, n]`` or ``[n]`` bool.
        minimum: ``[B, k]`` or ``[k]`` int, rising by at most 1 from place to place.

    Returns:
        ``[B, k]`` int64 positions in ``0 .. n - 1``, in the order of the list; -1 where items ran out.

    Source: Zehlike et al., CIKM 2017 (arXiv 1706.06368), algorithm 2.

    >>> scores, protected = torch.tensor([[4.0, 3.0, 2.0, 1.0]]), torch.tensor([False, False, False, True])
    >>> fair_lists(scores, protected, torch.tensor([0, 1, 1])).tolist()
    [[0, 3, 1]]
    """
    if not isinstance(scores, torch.Tensor):
        return to_numpy(fair_lists(torch.as_tensor(scores), torch.as_tensor(protected), torch.as_tensor(minimum)))
    n_rows, k = len(scores), minimum.shape[-1]
    usable = torch.where(scores > -torch.inf, scores, -torch.inf)  # NaN is not
    classes = [_best(usable.masked_fill(left_out, -torch.inf), k) for left_out in (~protected, protected)]
    items, values = (torch.stack(parts, dim=1) for parts in zip(*classes, strict=True))  # [B, 2, k + 1]
    needed = minimum.expand(n_rows, k)
    rows = torch.arange(n_rows, device=scores.device)
    taken = torch.zeros(n_rows, 2, dtype=torch.int64, device=scores.device)
    lists = torch.full((n_rows, k), -1, dtype=torch.int64, device=scores.device)
    for place in range(k):
        heads = items.gather(2, taken.unsqueeze(2)).squeeze(2)
        own = values.gather(2, taken.unsqueeze(2)).squeeze(2)
        better = (own[:, 0] > own[:, 1]) | ((own[:, 0] == own[:, 1]) & (heads[:, 0] < heads[:, 1]))
        due = (taken[:, 0] < needed[:, place]) & (heads[:, 0] >= 0)
        chosen = torch.where(better | due, 0, 1)
        lists[:, place] = heads[rows, chosen]
        taken[rows, chosen] += 1
    return lists


def _best(scores: torch.Tensor, k: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the positions and values of the ``k`` best, and one more place; an empty place is at -1 and ``-inf``."""
    width = min(k, scores.shape[1])
    items = first_best(scores, width)[0].sort(dim=1).values
    own = scores.gather(1, items).sort(dim=1, descending=True, stable=True)  # of equal ones, the first is first
    items, found = items.gather(1, own.indices), own.values > -torch.inf
    positions, values = items.new_full((len(scores), k + 1), -1), scores.new_full((len(scores), k + 1), -torch.inf)
    positions[:, :width] = torch.where(found, items, -1)
    values[:, :width] = own.values
    return positions, values


def _one_place_more(numbers: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Return the distribution of the number of protected items with one more place."""
    more = numbers * (1.0 - share)
    more[:, 1:] += numbers[:, :-1] * share
    return more


def _distributions(shares: np.ndarray, k: int) -> np.ndarray:
    """Return ``[P, k, k + 1]`` ``F(m; i, share)`` for ``i`` from 1 and ``m`` from 0."""
    numbers = np.zeros((len(shares), k + 1))
    numbers[:, 0] = 1.0
    found = np.empty((len(shares), k, k + 1))
    for place in range(k):
        numbers = _one_place_more(numbers, shares[:, None])
        found[:, place] = numbers.cumsum(axis=1)
    return found


def _minimum_at(distributions: np.ndarray, level: np.ndarray) -> np.ndarray:
    """Return ``[P, k]`` the smallest ``m`` whose ``F`` is above ``[P]`` levels, at most ``i``."""
    below = (distributions <= level[:, None, None] * (1.0 + ROUNDING)).sum(axis=2)
    return np.minimum(below, np.arange(1, distributions.shape[1] + 1))


def _tests(shares: np.ndarray, k: int, significance: float) -> np.ndarray:
    return _minimum_at(_distributions(shares, k), np.full(len(shares), significance))


def _corrected(shares: np.ndarray, k: int, significance: float) -> np.ndarray:
    """Return the minimum at the largest level that rejects seldom enough, by bisection over all where it changes."""
    distributions = _distributions(shares, k)
    levels = np.sort(distributions.reshape(len(shares), -1), axis=1)
    levels = np.concatenate([np.zeros((len(shares), 1)), levels], axis=1)
    rows = np.arange(len(shares))
    low, high = np.zeros(len(shares), dtype=np.int64), np.full(len(shares), levels.shape[1])
    while bool((high - low > 1).any()):
        middle = (low + high) // 2
        failing = failure_probability(shares, _minimum_at(distributions, levels[rows, middle]))
        seldom = failing <= significance + ROUNDING
        low, high = np.where(seldom, middle, low), np.where(seldom, high, middle)
    return _minimum_at(distributions, levels[rows, low])
