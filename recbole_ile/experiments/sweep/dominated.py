"""Base models that are not worth further trainings: whatever was tried of them, another one is better by a margin."""

from __future__ import annotations

from collections import Counter

import numpy as np

from recbole_ile.experiments.sweep.selection import Candidate, objective_values
from recbole_ile.functional.pareto import gains_of
from recbole_ile.metric import Metric

MARGIN = 0.05
"""Share of each of its objectives by which a setting has to be beaten; tuning rarely gains that in all at once."""


def dominated_bases(found: list[Candidate], objectives: list[Metric], margin: float = MARGIN) -> dict[str, str]:
    """Return the base models of which every setting is beaten in all objectives by one setting of another base.

    Args:
        found: the settings of all models.
        objectives: what they are compared in.
        margin: share of a value by which the other one has to be better.

    Returns:
        By the dominated base model the one that beats most of its settings.
    """
    values = objective_values(found, objectives)
    known = ~np.isnan(values).any(axis=1)
    gains = gains_of(values, [each.better for each in objectives])
    bases = np.array([each.model.base for each in found], dtype=object)
    dominated = {}
    for base in dict.fromkeys(bases[known].tolist()):
        others = np.flatnonzero(known & (bases != base))
        better: Counter[str] = Counter()
        for number in np.flatnonzero(known & (bases == base)):
            wanted = gains[number] + margin * np.abs(gains[number])
            beating = set(bases[others[(gains[others] >= wanted).all(axis=1)]].tolist())
            if not beating:
                break
            better.update(beating)
        else:
            dominated[base] = max(better, key=lambda other: better[other])
    return dominated
