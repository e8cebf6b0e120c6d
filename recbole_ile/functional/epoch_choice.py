"""Which epoch of a training is kept: the fairest of those that are about as accurate as the best."""

from __future__ import annotations

import math
from typing import NamedTuple


class Choice(NamedTuple):
    """What is known after some validations; of all values more is better.

    Attributes:
        best: the highest accuracy of any epoch.
        accuracy: of the epoch that is kept.
        fairness: of the epoch that is kept.
    """

    best: float
    accuracy: float
    fairness: float


def update_choice(choice: Choice | None, accuracy: float, fairness: float, tolerance: float) -> tuple[Choice, bool]:
    """Return the choice after one more epoch, and whether that epoch is the one to keep.

    It is if its accuracy is within the tolerance and it is at least as fair as the one that was kept, or if the one
    that was kept is not within the tolerance any more, since accuracy has risen.

    Args:
        choice: after the epochs before, ``None`` before the first.
        accuracy: of the epoch, more being better; NaN is less than any.
        fairness: of the epoch, likewise.
        tolerance: share of the best accuracy that may be lacking, from 0.

    >>> choice, keep = update_choice(None, accuracy=0.3, fairness=-0.1, tolerance=0.1)
    >>> update_choice(choice, accuracy=0.28, fairness=-0.05, tolerance=0.1)
    (Choice(best=0.3, accuracy=0.28, fairness=-0.05), True)
    """
    accuracy, fairness = (-math.inf if math.isnan(value) else value for value in (accuracy, fairness))
    if choice is None:
        return Choice(accuracy, accuracy, fairness), True
    best = max(choice.best, accuracy)
    least = best - tolerance * abs(best) if math.isfinite(best) else best
    keep = accuracy >= least and (choice.accuracy < least or fairness >= choice.fairness)
    return (Choice(best, accuracy, fairness) if keep else choice._replace(best=best)), keep
