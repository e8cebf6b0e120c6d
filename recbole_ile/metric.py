"""A metric, its k and where its better values lie, and a bound on one: all that is read from ``upd@10<=0.07``.

Neither RecBole nor Torch is imported here.
"""

from __future__ import annotations

import math
import re
import sys
from dataclasses import dataclass
from enum import Enum
from typing import TypeVar

import numpy as np

_FORM = re.compile(r"\s*([A-Za-z_]\w*@\d+)\s*(<=|>=)\s*([0-9.eE+-]+)\s*")
_REGISTRY = "recbole.evaluator.register"
Value = TypeVar("Value", float, np.ndarray)


class Better(Enum):
    """Where the better values of a metric lie; the value is the word for "... is better"."""

    HIGHER = "higher"
    LOWER = "lower"
    ZERO = "nearer 0"

    @property
    def operator(self) -> str:
        """How a bound on such a metric is written; one on its distance from 0 is an upper one.

        >>> Better.HIGHER.operator, Better.ZERO.operator
        ('>=', '<=')
        """
        return ">=" if self is Better.HIGHER else "<="

    def gain(self, value: Value) -> Value:
        """Return what more of is better, of a value or of each value in an array.

        >>> Better.HIGHER.gain(0.2), Better.LOWER.gain(0.2), Better.ZERO.gain(-0.2)
        (0.2, -0.2, -0.2)
        """
        if self is Better.HIGHER:
            return value
        return -value if self is Better.LOWER else -abs(value)


DIRECTIONS = {
    **dict.fromkeys(("hit", "mrr", "map", "recall", "ndcg", "precision", "gauc", "auc"), Better.HIGHER),
    **dict.fromkeys(("itemcoverage", "shannonentropy", "tailpercentage", "ad", "ee"), Better.HIGHER),
    **dict.fromkeys(("aplt", "tailcoverage", "mingroupshare"), Better.HIGHER),
    **dict.fromkeys(("mae", "rmse", "logloss"), Better.LOWER),
    **dict.fromkeys(("averagepopularity", "giniindex", "upd"), Better.LOWER),
    **dict.fromkeys(("popreo", "poprsp", "miscalibration"), Better.LOWER),
    "poplift": Better.ZERO,
}
"""The metrics of RecBole and of this package."""


def better_of(name: str) -> Better:
    """Return where the better values of a metric lie.

    A metric that somebody else put into RecBole's registry says so there; there is none while RecBole is not
    imported, and what nobody knows is better high, as RecBole has it.

    Args:
        name: lower case, without its k.

    >>> better_of("giniindex")
    <Better.LOWER: 'lower'>
    """
    known = DIRECTIONS.get(name)
    if known is not None:
        return known
    registry = sys.modules.get(_REGISTRY)
    lower = registry is not None and (
        name in registry.smaller_metrics or getattr(registry.metrics_dict.get(name), "smaller", False) is True
    )
    return Better.LOWER if lower else Better.HIGHER


def split_name(text: str) -> tuple[str, str]:
    """Return the name of a metric and its k, both as they are written; without a k, an empty text.

    >>> split_name("NDCG@10"), split_name("AUC")
    (('NDCG', '10'), ('AUC', ''))
    """
    name, _, k = text.partition("@")
    return name, k


@dataclass(frozen=True)
class Metric:
    """A metric of an evaluation; as a text it is its key in results, ``ndcg@10``.

    Attributes:
        name: lower case, without its k.
        k: length of the lists, ``None`` for a metric that is not of lists.
        better: where its better values lie.
    """

    name: str
    k: int | None
    better: Better

    @classmethod
    def named(cls, name: str, k: int | None = None) -> Metric:
        """Return the metric of a name, in upper or lower case, with its own direction.

        >>> str(Metric.named("UPD", 5))
        'upd@5'
        """
        return cls(name.lower(), k, better_of(name.lower()))

    @classmethod
    def parse(cls, text: str) -> Metric:
        """Read ``NDCG@10``, or ``AUC``.

        Raises:
            ValueError: if there is no name, or behind ``@`` no whole number.

        >>> Metric.parse("NDCG@10")
        Metric(name='ndcg', k=10, better=<Better.HIGHER: 'higher'>)
        """
        name, k = split_name(text.strip())
        if not name or not (k.isdecimal() or "@" not in text):
            raise ValueError(f"{text!r} is no metric; one is written ndcg@10, or auc")
        return cls.named(name, int(k) if k else None)

    def __str__(self) -> str:
        """Return it as results name it, ``ndcg@10``."""
        return self.name if self.k is None else f"{self.name}@{self.k}"

    def gain(self, value: Value) -> Value:
        """Return what more of is better, of a value or of each value in an array.

        >>> Metric.parse("upd@10").gain(0.07)
        -0.07
        """
        return self.better.gain(value)

    def is_better(self, value: float, other: float) -> bool:
        """Tell whether a value is better than another; a number is better than NaN.

        >>> Metric.parse("upd@10").is_better(0.07, 0.1)
        True
        """
        return self.gain(value) > self.gain(other) or (math.isnan(other) and not math.isnan(value))


@dataclass(frozen=True)
class Bound:
    """What a metric has to be; as a text it is as it is written, ``upd@10<=0.07``.

    Attributes:
        metric: the metric.
        operator: ``<=`` or ``>=``.
        limit: the largest or least value wanted, above 0; of a metric that is best at 0, its distance from there.
    """

    metric: Metric
    operator: str
    limit: float

    @classmethod
    def parse(cls, text: str) -> Bound:
        """Read ``upd@10<=0.07`` or ``ad@10>=0.5``.

        Raises:
            ValueError: if it is not of this form, or the limit is not a positive number.

        >>> str(Bound.parse("UPD@10 <= 7e-2"))
        'upd@10<=0.07'
        """
        match = _FORM.fullmatch(text)
        try:
            limit = float(match.group(3)) if match else math.nan
        except ValueError:
            limit = math.nan
        if match is None or not 0 < limit < math.inf:
            raise ValueError("it is written metric@k<=number or metric@k>=number, as in upd@10<=0.07")
        return cls(Metric.parse(match.group(1)), match.group(2), limit)

    def __str__(self) -> str:
        """Return it as it is written, ``upd@10<=0.07``."""
        return f"{self.metric}{self.operator}{self.limit:g}"

    @property
    def is_sensible(self) -> bool:
        """Whether it asks for better values, not for worse ones.

        >>> Bound.parse("upd@10<=0.07").is_sensible, Bound.parse("upd@10>=0.07").is_sensible
        (True, False)
        """
        return self.operator == self.metric.better.operator

    def violation(self, value: float) -> float:
        """Return how far a value is from the bound, as a share of its limit; 0 or less meets it.

        >>> Bound.parse("upd@10<=0.5").violation(0.75)
        0.5
        """
        measured = abs(value) if self.metric.better is Better.ZERO else value
        excess = self.limit - measured if self.operator == ">=" else measured - self.limit
        return excess / self.limit
