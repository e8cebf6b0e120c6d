"""Exposure prices: what an item pays for the exposure that it already has, so that lists reach more items.

Each user gets the ``k`` items with the largest ``s_ui / σ_u - p_i``. The prices are the fixed point of
``p_i = weight · log((e_i + 1) / (ē + 1))``, ``e_i`` being the number of lists that hold the item under the prices. The
lists then maximise, closely, the scores minus a convex cost of exposure: accuracy and a concave welfare.

Sources: Do et al., NeurIPS 2021 (arXiv 2110.15781); Do & Usunier, SIGIR 2022 (arXiv 2204.06521); in lists as they
come, Usunier et al., ICML 2023 (arXiv 2209.13019).
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
import torch

from recbole_ile.functional.arrays import Array, same_kind_as

BLOCK = 1 << 22
"""Scores that are looked at together, so that what is needed in addition stays small."""


class Demand(Protocol):
    """The lists of many users, as a function of prices."""

    n_items: int

    def at(self, prices: np.ndarray) -> tuple[np.ndarray, float]:
        """Return the lists under some prices.

        Args:
            prices: ``[n]`` float32.

        Returns:
            ``[n]`` int64, how many lists hold each item, and the sum of the scaled scores in all lists.
        """


class Pricing(NamedTuple):
    """Prices, and what they do to the lists that they were found from.

    Attributes:
        prices: ``[n]`` float64.
        welfare: at each step, that of the base lists first, and last that of the prices that are kept.
        exposure_before: ``[n]`` lists that hold each item without prices.
        exposure_after: ``[n]`` with them.
    """

    prices: np.ndarray
    welfare: list[float]
    exposure_before: np.ndarray
    exposure_after: np.ndarray


def exposure_prices(
    scores: Array, weight: float, k: int, steps: int = 20, unit: int = 100, cold: Array | None = None
) -> Array:
    """Return the prices of items, found from the scores of users.

    Args:
        scores: ``[U, n]`` floats, ``-inf`` or NaN where an item must not be recommended.
        weight: what exposure costs, at least 0; 0 gives prices of 0.
        k: length of the lists.
        steps: of the fixed-point iteration.
        unit: as for ``score_units``.
        cold: ``[n]`` bool, items without training interactions, which have no price; none by default.

    Returns:
        ``[n]`` float64 prices, to be subtracted from ``scores / score_units(scores)``.

    Raises:
        ValueError: for a negative weight, or arrays that do not fit together.

    >>> scores = torch.tensor([[3.0, 2.9, 0.0], [3.0, 2.9, 0.0]])
    >>> prices = exposure_prices(scores, weight=0.5, k=1)
    >>> bool(prices[0] > prices[1] > prices[2])
    True
    """
    values = torch.as_tensor(scores)
    if values.ndim != 2:
        raise ValueError(f"scores are [U, n], got {tuple(values.shape)}")
    unpriced = np.zeros(values.shape[1], dtype=bool) if cold is None else np.asarray(torch.as_tensor(cold).cpu())
    if unpriced.shape != (values.shape[1],):
        raise ValueError(f"cold is [n], got {unpriced.shape} for {values.shape[1]} items")
    found = find_prices(ScoreMatrix(scaled_scores(values, unit), k), weight, steps, ~unpriced)
    return same_kind_as(found.prices, scores)


def find_prices(
    demand: Demand, weight: float, steps: int = 20, priced: np.ndarray | None = None, scale: float = 1.0
) -> Pricing:
    """Return the prices under which lists maximise the welfare, closely, and what they do.

    Twenty damped steps from 0, ``p ← (1 - η_t)·p + η_t·p(e)`` with ``η_t = 0.5 / √(t + 1)``; kept is the mean over the
    last half of them, or 0 if its welfare is below that of the base lists.

    Args:
        demand: lists as a function of prices.
        weight: what exposure costs, at least 0.
        steps: of the iteration.
        priced: ``[n]`` bool, the items that have a price; all by default.
        scale: users for each one that ``demand`` knows, above 1 where these are a sample.

    Raises:
        ValueError: for a negative or infinite weight.

    >>> scores = torch.tensor([[3.0, 2.0], [2.0, 1.5]])
    >>> find_prices(ScoreMatrix(scores, k=1), weight=1.0).exposure_after.tolist()
    [1, 1]
    """
    if not 0.0 <= weight < np.inf:
        raise ValueError(f"the weight of prices is a number of at least 0, got {weight}")
    known = np.ones(demand.n_items, dtype=bool) if priced is None else priced
    prices = np.zeros(demand.n_items)
    before, utility = demand.at(prices.astype(np.float32))
    if weight == 0.0 or not known.any():
        return Pricing(prices, [welfare(before, utility, 0.0, known, scale)], before, before)
    exposure, course, kept, number = before, [welfare(before, utility, weight, known, scale)], np.zeros_like(prices), 0
    for step in range(steps):
        rate = 0.5 / np.sqrt(step + 1.0)
        prices = (1.0 - rate) * prices + rate * np.where(known, weight * log_exposure(exposure, known, scale), 0.0)
        if 2 * (step + 1) > steps:
            kept, number = kept + prices, number + 1
        if step + 1 < steps:
            exposure, utility = demand.at(prices.astype(np.float32))
            course.append(welfare(exposure, utility, weight, known, scale))
    kept = kept / max(number, 1)
    after, utility = demand.at(kept.astype(np.float32))
    gained = welfare(after, utility, weight, known, scale)
    if not gained >= course[0]:
        return Pricing(np.zeros_like(kept), [*course, course[0]], before, before)
    return Pricing(kept, [*course, gained], before, after)


def log_exposure(exposure: np.ndarray, priced: np.ndarray, scale: float = 1.0) -> np.ndarray:
    """Return ``log((e_i + 1) / (ē + 1))``, ē the mean over the priced items.

    Of a sample of users exposure is scaled up, and 1 becomes the root of the scale.

    Args:
        exposure: ``[n]`` lists that hold each item.
        priced: ``[n]`` bool.
        scale: users for each one that was counted.

    >>> log_exposure(np.array([3, 1]), np.array([True, True])).round(4).tolist()
    [0.2877, -0.4055]
    """
    counts, smoothing = scale * exposure.astype(np.float64), np.sqrt(scale)
    return np.log((counts + smoothing) / (counts[priced].mean() + smoothing))


def welfare(exposure: np.ndarray, utility: float, weight: float, priced: np.ndarray, scale: float = 1.0) -> float:
    """Return ``Σ s / σ - weight · Σ_i ((e_i + 1)·log((e_i + 1) / (ē + 1)) - e_i)`` of lists, over the priced items.

    Args:
        exposure: ``[n]`` lists that hold each item.
        utility: sum of the scaled scores in the lists.
        weight: what exposure costs.
        priced: ``[n]`` bool.
        scale: users for each one that was counted.

    >>> welfare(np.array([2, 2]), 10.0, 1.0, np.array([True, True]))
    14.0
    """
    if weight == 0.0:
        return float(scale * utility)
    counts, smoothing = scale * exposure[priced].astype(np.float64), np.sqrt(scale)
    cost = (counts + smoothing) * np.log((counts + smoothing) / (counts.mean() + smoothing)) - counts
    return float(scale * utility - weight * cost.sum())


def score_units(scores: Array, unit: int = 100) -> Array:
    """Return ``[U]`` the population deviation of each user's best scores, which makes a weight mean the same anywhere.

    Args:
        scores: ``[U, n]`` floats, ``-inf`` or NaN where an item must not be recommended.
        unit: how many of the best; all, of a user with fewer. 1 where nothing is left, or the deviation is no more than
            the rounding of equal scores.

    >>> score_units(torch.tensor([[3.0, 1.0, -torch.inf], [2.0, 2.0, 2.0]])).tolist()
    [1.0, 1.0]
    """
    if not isinstance(scores, torch.Tensor):
        return score_units(torch.as_tensor(scores), unit).numpy()
    width = min(max(unit, 1), scores.shape[1])
    best = scores.topk(width, dim=1).values
    if not bool((best < torch.inf).all()):  # what is not finite comes first, and to look at the best alone is fast
        best = torch.where(scores.isfinite(), scores, -torch.inf).topk(width, dim=1).values
    best = best.double()
    found = best > -torch.inf
    numbers = found.sum(dim=1).clamp_min(1)
    means = torch.where(found, best, 0.0).sum(dim=1) / numbers
    spread = torch.where(found, best - means[:, None], 0.0)
    deviations = (spread.square().sum(dim=1) / numbers).sqrt()
    least = max(torch.finfo(scores.dtype).eps, best.shape[1] * torch.finfo(best.dtype).eps)
    rounding = least * torch.where(found, best, 0.0).abs().amax(dim=1)
    return torch.where(deviations > rounding, deviations, 1.0).to(scores.dtype)


def scaled_scores(scores: torch.Tensor, unit: int = 100) -> torch.Tensor:
    """Return ``[U, n]`` scores in the unit of each user, ``-inf`` where an item must not be recommended.

    >>> scaled_scores(torch.tensor([[4.0, 2.0, torch.nan]])).tolist()
    [[4.0, 2.0, -inf]]
    """
    values = torch.where(scores.isfinite(), scores, -torch.inf)
    return values / score_units(values, unit)[:, None]


class ScoreMatrix:
    """The demand of users whose scores are a matrix, or those of their candidates; of equal ones, the first are listed.

    Args:
        scores: ``[U, n]`` scaled, ``-inf`` where an item must not be recommended; of candidates ``[U, m]``.
        k: length of the lists.
        items: ``[U, m]`` item of each candidate; nothing if all items are.
        n_items: of the catalogue, where there are ``items``.

    >>> ScoreMatrix(torch.tensor([[2.0, 1.0]]), k=1).at(np.array([1.5, 0.0], np.float32))
    (array([0, 1]), 1.0)
    """

    def __init__(
        self, scores: torch.Tensor, k: int, items: torch.Tensor | None = None, n_items: int | None = None
    ) -> None:
        self.scores, self._items, width = scores, items, scores.shape[1]
        self.n_items = width if n_items is None else n_items
        self._k = min(k, width)

    def at(self, prices: np.ndarray) -> tuple[np.ndarray, float]:
        """Return ``[n]`` lists that hold each item, and the sum of the scores in them."""
        exposure, utility = np.zeros(self.n_items, dtype=np.int64), 0.0
        price = torch.as_tensor(prices, dtype=self.scores.dtype, device=self.scores.device)
        size = max(BLOCK // max(self.scores.shape[1], 1), 1)
        for start in range(0, len(self.scores), size):
            block = self.scores[start : start + size]
            members = None if self._items is None else self._items[start : start + size]
            items, found = first_best(block - (price if members is None else price[members]), self._k)
            chosen = (items if members is None else members.gather(1, items))[found]
            exposure += np.bincount(chosen.cpu().numpy(), minlength=self.n_items)
            utility += float(block.gather(1, items)[found].double().sum())
        return exposure, utility


def first_best(values: torch.Tensor, k: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the ``k`` largest values of each row; of equal ones, the first.

    Args:
        values: ``[B, n]`` floats.
        k: at most ``n``.

    Returns:
        ``[B, k]`` positions and ``[B, k]`` bool, which are of values above ``-inf``.

    >>> first_best(torch.tensor([[1.0, 2.0, 2.0]]), 1)[0].tolist()
    [[1]]
    """
    best = values.topk(min(k + 1, values.shape[1]), dim=1)
    items, chosen = best.indices[:, :k], best.values[:, :k]
    if best.values.shape[1] > k:
        tied = best.values[:, k - 1] == best.values[:, k] if k else torch.zeros(len(values), dtype=torch.bool)
        tied &= best.values[:, -1] > -torch.inf
        if bool(tied.any()):
            rows = values[tied].sort(dim=1, descending=True, stable=True)
            items[tied], chosen[tied] = rows.indices[:, :k], rows.values[:, :k]
    return items, chosen > -torch.inf
