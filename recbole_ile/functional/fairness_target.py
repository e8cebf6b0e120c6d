"""A fairness to be reached, and the weight that reaches it: dual ascent between validations."""

from __future__ import annotations

import math


def improves_by_itself(before: float, violated: float) -> bool:
    """Tell whether a violation falls by a twentieth at least without a change, so that no larger weight is needed.

    A model gets fairer for many epochs after a weight was raised, and a weight that is raised meanwhile costs more
    accuracy than it has to.

    Args:
        before: what ``Bound.violation`` returned at the step before.
        violated: what it returns now.

    >>> improves_by_itself(0.5, 0.4), improves_by_itself(0.5, 0.49)
    (True, False)
    """
    return violated > 0 and violated <= 0.95 * before


def step_weight(weight: float, violated: float, rate: float, lowest: float, highest: float) -> float:
    """Return the weight after a step of dual ascent in its logarithm, within its bounds.

    The step is ``rate`` times the violation, the violation taken as at most 1 either way: a weight in a loss has
    no scale that is the same for all models and distances, but halves and doubles alike.

    Args:
        weight: above 0.
        violated: what ``Bound.violation`` returns.
        rate: largest step of the logarithm.
        lowest: least weight.
        highest: largest weight.

    Source: dual ascent, Boyd et al., Foundations and Trends in Machine Learning 2011, section 2.1, with the
    multiplicative steps of Kivinen & Warmuth, Information and Computation 1997.

    >>> round(step_weight(0.1, violated=1.0, rate=math.log(2), lowest=0.01, highest=1.0), 6)
    0.2
    """
    step = rate * min(1.0, max(-1.0, violated))
    return min(highest, max(lowest, weight * math.exp(step)))


def score(accuracy: float, violated: float, learned: bool = True) -> float:
    """Return what a higher value of is better: any model that meets the target before any that does not.

    Args:
        accuracy: of the model, more being better.
        violated: what ``Bound.violation`` returns.
        learned: whether the model has learned enough to be judged by the target.

    Returns:
        The accuracy where the target is met; less than any accuracy where it is missed, the closest model first;
        less than that, the most accurate first, of a model that is not judged yet.

    >>> score(0.1, violated=0.0) > score(0.3, violated=0.2) > score(0.3, violated=0.2, learned=False)
    True
    """
    if not learned:
        return accuracy - 2.0 * _FAR
    return accuracy if violated <= 0 else -_FAR - violated


_FAR = 1e6
