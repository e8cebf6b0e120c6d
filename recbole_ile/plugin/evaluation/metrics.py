"""UPD, AD and EE as RecBole metrics: each a line around a function of ``functional.measures``."""

from __future__ import annotations

from typing import Any

from recbole.evaluator.base_metric import AbstractMetric
from recbole.utils import EvaluatorType

from recbole_ile.functional.measures import aggregate_diversity, equality_of_exposure, user_popularity_deviation
from recbole_ile.metric import Better, better_of
from recbole_ile.plugin.evaluation.collector import LISTS, POPULARITY, USERS


class ListMetric(AbstractMetric):
    """A metric of whole recommendation lists, at every ``topk``."""

    metric_type = EvaluatorType.RANKING
    metric_need = (LISTS,)

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self.config = config

    def calculate_metric(self, dataobject: Any) -> dict[str, float]:
        """Return the metric at every k, rounded to ``metric_decimal_place``."""
        name, lists = type(self).__name__.lower(), dataobject.get(LISTS)
        return {
            f"{name}@{k}": round(self.of_lists(lists[:, :k], dataobject), self.decimal_place)
            for k in self.config["topk"]
        }

    def of_lists(self, lists: Any, dataobject: Any) -> float:
        """Return the metric of ``[U, k]`` lists of item indices."""
        raise NotImplementedError


class UPD(ListMetric):
    """User Popularity Deviation: how far the item groups of lists are from those of profiles; lower is better."""

    smaller = better_of("upd") is Better.LOWER

    def of_lists(self, lists: Any, dataobject: Any) -> float:
        """Return ``user_popularity_deviation`` of the evaluated users."""
        popularity, users = dataobject.get(POPULARITY), dataobject.get(USERS)
        return user_popularity_deviation(
            popularity.profiles[users], lists, popularity.item_groups, popularity.user_groups[users]
        )


class AD(ListMetric):
    """Aggregate Diversity: share of the catalogue that is recommended to anybody; higher is better."""

    def of_lists(self, lists: Any, dataobject: Any) -> float:
        """Return ``aggregate_diversity`` over the whole catalogue."""
        return aggregate_diversity(lists, len(dataobject.get(POPULARITY).counts))


class EE(ListMetric):
    """Equality of Exposure: 1 minus the Gini coefficient of item exposure; higher is better."""

    def of_lists(self, lists: Any, dataobject: Any) -> float:
        """Return ``equality_of_exposure`` over the whole catalogue."""
        n_items = len(dataobject.get(POPULARITY).counts)
        return equality_of_exposure(lists, n_items, self.config["ee_discount"] or "none")


METRICS = (UPD, AD, EE)
