"""Settings of a sweep as the methods of a comparison: they are trained, what is left is to test them."""

from __future__ import annotations

from recbole_ile.comparing.methods import Method
from recbole_ile.comparing.plan import Place, Plan
from recbole_ile.sweeping.selection import SEED, Candidate


def as_methods(named: list[tuple[str, Candidate]], seed: int) -> tuple[list[Method], Plan]:
    """Return settings as methods, and the place of each of their seeds.

    Args:
        named: the settings with what they are called, the baseline first.
        seed: of settings whose seed was not swept.
    """
    methods, places = [], {}
    for name, each in named:
        methods.append(Method(name, each.method, each.acting, {}))
        for replicate in each.replicates:
            place = Place(replicate.trial, replicate.evaluation["ranking"])
            places[name, int(replicate.point.get(SEED, seed))] = place
    return methods, Plan([], places)
