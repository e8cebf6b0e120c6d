"""A fairness to be reached, and the weight that reaches it: dual ascent between validations."""

from __future__ import annotations

import math
import re
from typing import NamedTuple

_FORM = re.compile(r"\s*([A-Za-z_]\w*@\d+)\s*(<=|>=)\s*([0-9.eE+-]+)\s*")


class Target(NamedTuple):
    """What a metric has to be.

    Attributes:
        metric: lower-case name with its k, ``upd@10``.
        higher: whether more is better, so that the bound is a least value.
        bound: the largest or least value wanted, above 0.
    """

    metric: str
    higher: bool
    bound: float

    def __str__(self) -> str:
        """Return it as it is written, ``upd@10<=0.07``."""
        return f"{self.metric}{'>=' if self.higher else '<='}{self.bound:g}"


def parse_target(text: str) -> Target:
    """Read ``upd@10<=0.07`` or ``ad@10>=0.5``.

    Raises:
        ValueError: if it is not of this form, or the bound is not a positive number.
    """
    match = _FORM.fullmatch(text)
    try:
        bound = float(match.group(3)) if match else math.nan
    except ValueError:
        bound = math.nan
    if match is None or not 0 < bound < math.inf:
        raise ValueError("it is written metric@k<=number or metric@k>=number, as in upd@10<=0.07")
    return Target(match.group(1).lower(), match.group(2) == ">=", bound)


def violation(value: float, target: Target) -> float:
    """Return how far a value is from a target, as a share of its bound; 0 or less meets it.

    Args:
        value: of the metric.
        target: what it has to be.
    """
    excess = target.bound - value if target.higher else value - target.bound
    return excess / target.bound


def shrinks(before: float, violated: float) -> bool:
    """Tell whether what is missing shrinks by itself, so that no larger weight is needed: by a twentieth at least.

    A model gets fairer for many epochs after a weight was raised, and a weight that is raised meanwhile costs more
    accuracy than it has to.

    Args:
        before: what ``violation`` returned at the step before.
        violated: what it returns now.
    """
    return violated > 0 and violated <= 0.95 * before


def ascended(weight: float, violated: float, rate: float, lowest: float, highest: float) -> float:
    """Return the weight after a step of dual ascent in its logarithm, within its bounds.

    The step is ``rate`` times the violation, the violation taken as at most 1 either way: a weight in a loss has
    no scale that is the same for all models and distances, but halves and doubles alike.

    Args:
        weight: above 0.
        violated: what ``violation`` returns.
        rate: largest step of the logarithm.
        lowest: least weight.
        highest: largest weight.

    Source: dual ascent, Boyd et al., Foundations and Trends in Machine Learning 2011, section 2.1, with the
    multiplicative steps of Kivinen & Warmuth, Information and Computation 1997.
    """
    step = rate * min(1.0, max(-1.0, violated))
    return min(highest, max(lowest, weight * math.exp(step)))


def score(accuracy: float, violated: float, learned: bool = True) -> float:
    """Return what a higher value of is better: any model that meets the target before any that does not.

    Args:
        accuracy: of the model, more being better.
        violated: what ``violation`` returns.
        learned: whether the model has learned enough to be judged by the target.

    Returns:
        The accuracy where the target is met; less than any accuracy where it is missed, the closest model first;
        less than that, the most accurate first, of a model that is not judged yet.
    """
    if not learned:
        return accuracy - 2.0 * _FAR
    return accuracy if violated <= 0 else -_FAR - violated


_FAR = 1e6
