"""Settings of a sweep as the methods of a comparison: they are trained, what is left is to test them."""

from __future__ import annotations

from recbole_ile.experiments.comparison.methods import Method
from recbole_ile.experiments.comparison.plan import EvaluationKey, Plan
from recbole_ile.experiments.sweep.selection import SEED, Candidate


def as_methods(named: list[tuple[str, Candidate]], seed: int) -> tuple[list[Method], Plan]:
    """Return settings as methods, and the evaluation of each of their seeds.

    Args:
        named: the settings with what they are called, the baseline first.
        seed: of settings whose seed was not swept.
    """
    methods, evaluations = [], {}
    for name, each in named:
        methods.append(Method(name, each.model, each.acting, {}))
        for replicate in each.replicates:
            key = EvaluationKey(replicate.trial, replicate.evaluation["ranking"])
            evaluations[name, int(replicate.point.get(SEED, seed))] = key
    return methods, Plan([], evaluations)
