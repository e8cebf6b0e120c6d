"""The keys under which results hold the metrics of an evaluation."""

from __future__ import annotations

from collections.abc import Iterable

from recbole.evaluator import register
from recbole.utils import EvaluatorType


def takes_k(name: str) -> bool:
    """Tell whether results have a metric at every ``topk``, not once.

    Args:
        name: of a metric in RecBole's registry, in lower case.
    """
    return name != "gauc" and register.metric_types[name] is EvaluatorType.RANKING


def evaluated(names: Iterable[str], topk: Iterable[int]) -> list[str]:
    """Return what an evaluation has values of, ``NDCG@10`` say, each metric spelled as its name is given.

    Args:
        names: metrics in RecBole's registry.
        topk: lengths of the lists.
    """
    ks = list(topk)
    return [key for name in names for key in ([f"{name}@{k}" for k in ks] if takes_k(name.lower()) else [name])]
