"""Exposure prices of the values of a column, providers or genres say, instead of items."""

from __future__ import annotations

import numpy as np

from recbole_ile.functional.prices import Demand, Pricing, find_prices


class ValueDemand:
    """The lists of many users, as a function of prices of values: an item's price is the mean of its values'.

    Args:
        demand: lists as a function of prices of items.
        values: ``[n, L]`` codes of each item's values in ``0 .. V - 1``, each once, -1 for no more.
        priced: ``[n]`` bool, the items that pay and are counted.
        n_values: number of values ``V``.

    >>> from recbole_ile.functional.prices import ScoreMatrix
    >>> import torch
    >>> demand = ScoreMatrix(torch.tensor([[3.0, 2.0, 1.0], [3.0, 2.0, 1.0]]), k=2)
    >>> of_values = ValueDemand(demand, np.array([[0], [0], [1]]), np.ones(3, dtype=bool), 2)
    >>> of_values.at(np.array([5.0, 0.0], dtype=np.float32))
    (array([1., 2.]), 8.0)
    """

    def __init__(self, demand: Demand, values: np.ndarray, priced: np.ndarray, n_values: int) -> None:
        self._demand, self.n_items = demand, n_values
        known = (values >= 0) & priced[:, None]
        self._items, places = known.nonzero()
        self._values = values[self._items, places]
        self._shares = 1.0 / np.maximum(known.sum(axis=1), 1)[self._items]
        self._sizes = np.bincount(self._values, weights=self._shares, minlength=n_values)
        self._number = len(values)

    @property
    def counted(self) -> np.ndarray:
        """Which values some item has that pays: ``[V]`` bool."""
        return self._sizes > 0

    def of_items(self, prices: np.ndarray) -> np.ndarray:
        """Return the ``[n]`` float64 prices of items under ``[V]`` prices of values."""
        return np.bincount(self._items, weights=self._shares * prices[self._values], minlength=self._number)

    def at(self, prices: np.ndarray) -> tuple[np.ndarray, float]:
        """Return the ``[V]`` list places of each value's items over their number, and the sum of the scaled scores."""
        exposure, utility = self._demand.at(self.of_items(prices).astype(np.float32))
        places = np.bincount(self._values, weights=self._shares * exposure[self._items], minlength=self.n_items)
        return places / np.where(self._sizes > 0, self._sizes, 1.0), utility


def find_value_prices(
    demand: Demand,
    weight: float,
    values: np.ndarray,
    priced: np.ndarray,
    n_values: int,
    steps: int = 20,
    scale: float = 1.0,
) -> Pricing:
    """Return the prices of items that follow from those of their values, and what they do to the lists.

    A value pays ``weight · log((e_v + 1) / (ē + 1))``, ``e_v`` being the list places of its items over their number, an
    item of c values counting 1/c in both, and ``ē`` the mean over the values; an item pays the mean of its values'.

    Args:
        demand: lists as a function of prices of items.
        weight: what exposure costs, at least 0.
        values: ``[n, L]`` codes of each item's values in ``0 .. V - 1``, each once, -1 for no more.
        priced: ``[n]`` bool, the items that pay and are counted.
        n_values: number of values ``V``.
        steps: of the iteration.
        scale: users for each one that ``demand`` knows.

    Returns:
        The pricing of the ``n`` items; its welfare is that of the values.

    Raises:
        ValueError: for a negative or infinite weight.

    >>> from recbole_ile.functional.prices import ScoreMatrix
    >>> import torch
    >>> demand = ScoreMatrix(torch.tensor([[3.0, 2.9, 2.8], [3.0, 2.9, 2.8]]), k=1)
    >>> found = find_value_prices(demand, 0.5, np.array([[0], [0], [1]]), np.ones(3, dtype=bool), 2)
    >>> bool(found.prices[0] == found.prices[1] > found.prices[2])
    True
    """
    of_values = ValueDemand(demand, values, priced, n_values)
    found = find_prices(of_values, weight, steps, of_values.counted, scale)
    prices = of_values.of_items(found.prices)
    before, _ = demand.at(np.zeros(demand.n_items, dtype=np.float32))
    after, _ = demand.at(prices.astype(np.float32))
    return Pricing(prices, found.welfare, before, after)
