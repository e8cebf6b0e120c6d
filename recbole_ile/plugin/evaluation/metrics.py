"""Our metrics as RecBole's: each a line around a function of ``functional``."""

from __future__ import annotations

from typing import Any

import numpy as np
from recbole.evaluator.base_metric import AbstractMetric
from recbole.utils import EvaluatorType

from recbole_ile.functional.group_parity import (
    equal_opportunity_deviation,
    min_group_share,
    statistical_parity_deviation,
)
from recbole_ile.functional.long_tail import mean_of_known, tail_coverage, tail_shares
from recbole_ile.functional.measures import aggregate_diversity, equality_of_exposure, user_popularity_deviation
from recbole_ile.functional.miscalibration import user_miscalibration
from recbole_ile.functional.popularity_lift import popularity_lift
from recbole_ile.metric import Better, better_of
from recbole_ile.plugin.evaluation.collector import (
    CANDIDATES,
    LISTS,
    POPULARITY,
    POSITIVE_ITEMS,
    POSITIVE_ROWS,
    USERS,
)


class ListMetric(AbstractMetric):
    """A metric of whole recommendation lists, at every ``topk``."""

    metric_type = EvaluatorType.RANKING
    metric_need: tuple[str, ...] = (LISTS,)
    of_user_groups = False
    """Whether it says something of the lists of one user group, and is in their table if it is asked for."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.smaller = better_of(cls.__name__.lower()) is Better.LOWER

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


class UserMetric(ListMetric):
    """A metric of lists that is the mean over their users."""

    of_user_groups = True

    def of_lists(self, lists: Any, dataobject: Any) -> float:
        """Return the mean over the users who have a value."""
        return mean_of_known(self.of_users(lists, dataobject))

    def of_users(self, lists: Any, dataobject: Any) -> np.ndarray:
        """Return the ``[U]`` values of ``[U, k]`` lists of item indices, NaN for a user without one."""
        raise NotImplementedError


class UPD(ListMetric):
    """User Popularity Deviation: how far the item groups of lists are from those of profiles; lower is better."""

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


class APLT(UserMetric):
    """Average share of tail items in a list; higher is better."""

    def of_users(self, lists: Any, dataobject: Any) -> np.ndarray:
        """Return ``tail_shares``."""
        popularity = dataobject.get(POPULARITY)
        return tail_shares(lists, popularity.item_groups, len(popularity.group_names))


class TailCoverage(ListMetric):
    """Share of the tail's items that is recommended to anybody; higher is better."""

    def of_lists(self, lists: Any, dataobject: Any) -> float:
        """Return ``tail_coverage`` over the whole tail."""
        popularity = dataobject.get(POPULARITY)
        return tail_coverage(lists, popularity.item_groups, len(popularity.group_names))


class PopREO(ListMetric):
    """Popularity-based ranking-based equal opportunity: how unequal the recall of item groups is; lower is better."""

    metric_need = (LISTS, POSITIVE_ROWS, POSITIVE_ITEMS)
    of_user_groups = True

    def of_lists(self, lists: Any, dataobject: Any) -> float:
        """Return ``equal_opportunity_deviation`` of the relevant items that RecBole's recall counts."""
        popularity = dataobject.get(POPULARITY)
        rows, items = dataobject.get(POSITIVE_ROWS), dataobject.get(POSITIVE_ITEMS)
        return equal_opportunity_deviation(lists, rows, items, popularity.item_groups, len(popularity.group_names))


class PopRSP(ListMetric):
    """Popularity-based ranking-based statistical parity: how unequally groups are recommended; lower is better."""

    metric_need = (LISTS, CANDIDATES)
    of_user_groups = True

    def of_lists(self, lists: Any, dataobject: Any) -> float:
        """Return ``statistical_parity_deviation`` of what the evaluation could recommend."""
        return statistical_parity_deviation(lists, dataobject.get(CANDIDATES), dataobject.get(POPULARITY).item_groups)


class PopLift(ListMetric):
    """Popularity lift: by how much lists are more popular than profiles; best at 0."""

    of_user_groups = True

    def of_lists(self, lists: Any, dataobject: Any) -> float:
        """Return ``popularity_lift`` of the evaluated users."""
        popularity, users = dataobject.get(POPULARITY), dataobject.get(USERS)
        return popularity_lift(popularity.profile_means[users], lists, popularity.counts, popularity.user_groups[users])


class Miscalibration(UserMetric):
    """Kullback-Leibler divergence of the item groups of lists from those of profiles; lower is better."""

    def of_users(self, lists: Any, dataobject: Any) -> np.ndarray:
        """Return ``user_miscalibration`` of the evaluated users."""
        popularity, users = dataobject.get(POPULARITY), dataobject.get(USERS)
        return user_miscalibration(popularity.profiles[users], lists, popularity.item_groups)


class MinGroupShare(ListMetric):
    """The least over item groups of a group's share of exposure over its share of the items; higher is better."""

    def of_lists(self, lists: Any, dataobject: Any) -> float:
        """Return ``min_group_share`` over the whole catalogue, exposure as EE counts it."""
        popularity = dataobject.get(POPULARITY)
        discount = self.config["ee_discount"] or "none"
        return min_group_share(lists, popularity.item_groups, len(popularity.group_names), discount)


METRICS = (UPD, AD, EE, APLT, TailCoverage, PopREO, PopRSP, PopLift, Miscalibration, MinGroupShare)
