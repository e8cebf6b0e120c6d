"""The distances of ILE between group means with their gradients, for compiled loops."""

from __future__ import annotations

import math

import numpy as np

from recbole_ile.kernels.compiling import compiled

STD, MAD, ENT, EUCLIDEAN, RANGE = range(5)


@compiled
def disparity_gradient(means: np.ndarray, present: np.ndarray, distance: int, gradient: np.ndarray) -> float:
    """Return the distance between the means of the present groups, and fill in its gradient.

    Args:
        means: ``[G]`` float64 mean losses.
        present: ``[G]`` bool, whether the group occurs in the batch.
        distance: one of the five constants of this module.
        gradient: ``[G]`` float64, what the distance gains by each mean; 0 where fewer than two groups occur.

    >>> gradient = np.empty(3)
    >>> disparity_gradient(np.array([1.0, 3.0, 0.0]), np.array([True, True, False]), RANGE, gradient), gradient.tolist()
    (2.0, [-1.0, 1.0, 0.0])
    """
    gradient[:] = 0.0
    n_present, total = 0, 0.0
    for group in range(len(means)):
        if present[group]:
            n_present += 1
            total += means[group]
    if n_present < 2:
        return 0.0
    if distance == ENT:
        return _entropy_deficit(means, present, n_present, gradient)
    if distance == RANGE:
        return _range(means, present, gradient)
    mean, squares, absolutes, signs = total / n_present, 0.0, 0.0, 0.0
    for group in range(len(means)):
        if present[group]:
            deviation = means[group] - mean
            squares += deviation * deviation
            absolutes += abs(deviation)
            signs += np.sign(deviation)
    root = math.sqrt(squares)
    for group in range(len(means)):
        if present[group]:
            deviation = means[group] - mean
            if distance == MAD:
                gradient[group] = (np.sign(deviation) - signs / n_present) / n_present
            elif root > 0.0:
                gradient[group] = deviation / root / (1.0 if distance == EUCLIDEAN else math.sqrt(n_present - 1.0))
    if distance == MAD:
        return absolutes / n_present
    return root if distance == EUCLIDEAN else root / math.sqrt(n_present - 1.0)


@compiled
def _entropy_deficit(means: np.ndarray, present: np.ndarray, n_present: int, gradient: np.ndarray) -> float:
    total, entropy = 0.0, 0.0
    for group in range(len(means)):
        if present[group]:
            total += max(means[group], 0.0)
    if not total > 0.0:
        return total * 0.0
    for group in range(len(means)):
        if present[group] and means[group] > 0.0:
            share = means[group] / total
            entropy -= share * math.log(share)
    effective = math.exp(entropy)
    for group in range(len(means)):
        if present[group] and means[group] > 0.0:
            gradient[group] = effective * (math.log(means[group] / total) + entropy) / total
        elif present[group] and means[group] == 0.0:
            gradient[group] = effective * (entropy - 1.0) / total
    return n_present - effective


@compiled
def _range(means: np.ndarray, present: np.ndarray, gradient: np.ndarray) -> float:
    lowest, highest, n_lowest, n_highest = np.inf, -np.inf, 0, 0
    for group in range(len(means)):
        if present[group]:
            lowest, highest = min(lowest, means[group]), max(highest, means[group])
    for group in range(len(means)):
        if present[group]:
            n_lowest += means[group] == lowest
            n_highest += means[group] == highest
    for group in range(len(means)):
        if present[group]:
            gradient[group] = (means[group] == highest) / n_highest - (means[group] == lowest) / n_lowest
    return highest - lowest
