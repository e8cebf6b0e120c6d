"""How sure one can be of a mean over users, and of a difference between two methods on the same users."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import stats

from recbole_ile.functional.arrays import Array, to_numpy

DRAWN = 20_000
"""Users of a group up to which their bootstrap draws them one by one."""
RESAMPLES = 2000


def bootstrap_interval(values: Array, groups: Array, seed: int, level: float = 0.95) -> tuple[float, float]:
    """Return a percentile bootstrap interval of the mean over groups of their means, users drawn anew within groups.

    With the user groups of UPD this is how UPD weighs users; with one group it is the plain mean. The mean of more than
    ``DRAWN`` users is drawn from the normal distribution that their bootstrap has up to a few thousandths of its
    deviation, instead of from the users.

    Args:
        values: ``[U]``; NaN counts nowhere.
        groups: ``[U]`` group of each value.
        seed: of the draws.
        level: share of the draws within the interval.

    Returns:
        Its ends; NaN with fewer than two values in any group that has one.

    >>> bootstrap_interval(np.ones(3), np.zeros(3), seed=1)
    (1.0, 1.0)
    """
    numbers, labels = to_numpy(values).astype(float), to_numpy(groups)
    known = ~np.isnan(numbers)
    members = [numbers[known & (labels == label)] for label in np.unique(labels[known])]
    if not members or min(map(len, members)) < 2:
        return float("nan"), float("nan")
    generator = np.random.default_rng(seed)
    draws = [_drawn_means(each, generator) for each in members]
    low, high = np.quantile(np.mean(draws, axis=0), [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _drawn_means(values: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Return the means of as many users, drawn anew ``RESAMPLES`` times."""
    if len(values) > DRAWN:
        return generator.normal(values.mean(), values.std() / np.sqrt(len(values)), RESAMPLES)
    found = stats.bootstrap((values,), np.mean, n_resamples=RESAMPLES, batch=200, method="percentile", rng=generator)
    return np.asarray(found.bootstrap_distribution)


def paired_p_value(differences: Array) -> float:
    """Return the two-sided p-value of Student's paired t-test that users differ by nothing on average.

    Args:
        differences: ``[U]`` of one method's value for a user and the other's; NaN counts nowhere.

    Returns:
        The p-value: 1 if no user differs, NaN with fewer than two users.

    >>> paired_p_value(np.array([1.0, -1.0])), paired_p_value(np.array([1.0, 1.0]))
    (1.0, 0.0)
    """
    known = to_numpy(differences).astype(float)
    known = known[~np.isnan(known)]
    if len(known) < 2:
        return float("nan")
    if np.ptp(known) <= 1e-12 * np.abs(known).max():  # the same for all users, up to rounding
        return 0.0 if known.any() else 1.0
    return float(stats.ttest_1samp(known, 0.0).pvalue)


def holm(p_values: Sequence[float]) -> np.ndarray:
    """Return p-values corrected for their number, so that the chance of any false finding stays what it was.

    Args:
        p_values: ``[T]``; a NaN is no test and stays.

    Returns:
        ``[T]`` values in ``[0, 1]``, none below its own and in the same order.

    Source: Holm, Scandinavian Journal of Statistics 1979.

    >>> holm([0.01, 0.04, 0.03]).round(4).tolist()
    [0.03, 0.06, 0.06]
    """
    values = np.asarray(p_values, dtype=float)
    corrected = values.copy()
    tested = np.flatnonzero(~np.isnan(values))
    order = tested[np.argsort(values[tested], kind="stable")]
    factors = np.arange(len(order), 0, -1)
    corrected[order] = np.minimum(np.maximum.accumulate(values[order] * factors), 1.0)
    return corrected
