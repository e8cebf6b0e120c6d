"""Metrics of whole arrays, against RecBole's own loops."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from recbole.evaluator import metrics, register

from recbole_ile.plugin.config.config import IleConfig
from recbole_ile.plugin.evaluation.array_metrics import ARRAY_METRICS, MAP, MRR, NDCG
from recbole_ile.plugin.evaluation.array_metrics import AveragePopularity as FastPopularity
from recbole_ile.plugin.evaluation.array_metrics import GiniIndex as FastGini
from recbole_ile.plugin.evaluation.array_metrics import ShannonEntropy as FastEntropy
from recbole_ile.plugin.evaluation.array_metrics import TailPercentage as FastTail

CONFIG: dict[str, Any] = {"metric_decimal_place": 12, "topk": [1, 5]}
hits = st.lists(st.tuples(*[st.booleans()] * 5, st.integers(0, 8)), min_size=1, max_size=9)
lists = st.lists(st.permutations(range(9)).map(lambda order: order[:5]), min_size=1, max_size=9)
counts = st.dictionaries(st.integers(0, 8), st.integers(1, 5), min_size=1)


@pytest.fixture(autouse=True, scope="module")
def _numpy_names() -> None:
    """RecBole's loops use names of NumPy that its configuration puts back."""
    IleConfig("BPR", "ml-100k")


@given(hits)
def test_metrics_of_hits_are_recboles(table: list[tuple[Any, ...]]) -> None:
    relevant = np.array([row[:5] for row in table])
    number = np.maximum(np.array([row[5] for row in table]), relevant.sum(axis=1))
    assert np.array_equal(MRR(CONFIG).metric_info(relevant), metrics.MRR(CONFIG).metric_info(relevant))
    for fast, slow in ((NDCG, metrics.NDCG), (MAP, metrics.MAP)):
        np.testing.assert_allclose(
            fast(CONFIG).metric_info(relevant, number), slow(CONFIG).metric_info(relevant, number), rtol=0, atol=1e-12
        )


@given(lists, counts, st.sampled_from([None, 0.1, 0.5, 1, 3]))
def test_metrics_of_lists_are_recboles(rows: list[list[int]], trained: dict[int, int], ratio: float | None) -> None:
    items, config = np.array(rows), {**CONFIG, "tail_ratio": ratio}
    slow_popularity = metrics.AveragePopularity(config).get_pop(items, trained)
    assert np.array_equal(FastPopularity(config).get_pop(items, trained), slow_popularity)
    slow_tail = metrics.TailPercentage(config).get_tail(items, trained)
    assert np.array_equal(FastTail(config).get_tail(items, trained), slow_tail)
    assert FastGini(config).get_gini(items, 12) == pytest.approx(metrics.GiniIndex(config).get_gini(items, 12))
    assert FastEntropy(config).get_entropy(items) == pytest.approx(metrics.ShannonEntropy(config).get_entropy(items))


def test_they_stand_in_the_place_of_recboles() -> None:
    for metric in ARRAY_METRICS:
        name = metric.__name__.lower()
        assert register.metrics_dict[name] is metric
        assert issubclass(metric, getattr(metrics, metric.__name__))
        assert (name in register.smaller_metrics) == metric.smaller
