"""What the page of a run shows beyond its result: how far lists are from profiles, and the items at both ends."""

from __future__ import annotations

from typing import Any

import numpy as np

from recbole_ile.functional.measures import item_exposure, popularity_deviation
from recbole_ile.plugin.data.popularity import TrainingPopularity
from recbole_ile.plugin.data.titles import titles_if_readable
from recbole_ile.plugin.evaluation.breakdown import report_k
from recbole_ile.plugin.evaluation.collector import LISTS, POPULARITY, USERS
from recbole_ile.plugin.runs.preparation import PreparedData

NAMED = 10
"""Items that are named at either end."""
BINS = 24
"""Of the distribution over users."""


def page_numbers(config: Any, details: dict[str, Any], data: PreparedData) -> dict[str, Any]:
    """Return what the page of a run shows beyond its result.

    Args:
        config: tells k.
        details: what a ``ListCollector`` kept of the test part; empty if there are no lists.
        data: the data set and its parts.

    Returns:
        ``valid_metric``; ``sizes``, the numbers of users, items and rows of each part; ``titles`` of items by id,
        as the ``.item`` file has them; and of lists ``k``, the number of
        ``lists``, ``deviation`` as ``distribution`` has it, and ``most_exposed`` and ``least_exposed`` as
        ``both_ends`` has them.
    """
    found: dict[str, Any] = {
        "valid_metric": config["valid_metric"],
        "sizes": _sizes(data),
        "titles": _titles(config, data.dataset),
    }
    if not details:
        return found
    popularity: TrainingPopularity = details[POPULARITY]
    k = report_k(config)
    lists, users = details[LISTS][:, :k], details[USERS]
    deviation = popularity_deviation(popularity.profiles[users], lists, popularity.item_groups)
    names = popularity.user_group_names
    exposure = item_exposure(lists, len(popularity.counts)).astype(int)
    most, least = both_ends(exposure, popularity.counts)
    ids = data.dataset.field2id_token[data.dataset.iid_field]

    def rows(items: np.ndarray) -> list[dict[str, Any]]:
        return [
            {
                "item": str(ids[item + 1]),
                "group": popularity.group_names[popularity.item_groups[item]],
                "training": int(popularity.counts[item]),
                "lists": int(exposure[item]),
            }
            for item in items.tolist()
        ]

    return {
        **found,
        "k": k,
        "lists": len(lists),
        "deviation": distribution(deviation, popularity.user_groups[users], names),
        "most_exposed": rows(most),
        "least_exposed": rows(least),
    }


def distribution(values: np.ndarray, groups: np.ndarray, names: list[str]) -> dict[str, Any]:
    """Count users by what their lists are worth, within each group.

    Args:
        values: ``[U]`` of each user; NaN is left out.
        groups: ``[U]`` group of each user.
        names: of the groups.

    Returns:
        ``edges``, ``BINS + 1`` values from 0 to the largest; ``groups``, each with ``group`` and ``users``, how many
        fall between two edges; and the ``mean`` and ``median`` of all.
    """
    known = ~np.isnan(values)
    largest = float(values[known].max(initial=0.0)) or 1.0
    edges = np.linspace(0.0, largest, BINS + 1)
    rows = [
        {"group": name, "users": np.histogram(values[known & (groups == group)], edges)[0].tolist()}
        for group, name in enumerate(names)
    ]
    middle = {"mean": float(values[known].mean()), "median": float(np.median(values[known]))} if known.any() else {}
    return {"edges": edges.tolist(), "groups": rows, **middle}


def both_ends(exposure: np.ndarray, counts: np.ndarray, number: int = NAMED) -> tuple[np.ndarray, np.ndarray]:
    """Return the items in the most lists and, of those with training interactions, the items in the fewest.

    Of equally exposed items, those with the fewest training interactions come first among the most exposed, and those
    with the most among the least.

    Args:
        exposure: ``[n]`` lists that hold each item.
        counts: ``[n]`` training interactions of each item.
        number: of items at either end, if there are as many.
    """
    most = np.lexsort((counts, -exposure))[:number]
    least = np.lexsort((-counts, exposure))
    return most, least[counts[least] > 0][:number]


def _titles(config: Any, dataset: Any) -> dict[str, str]:
    titles = titles_if_readable(config, dataset)
    if titles is None:
        return {}
    ids = dataset.field2id_token[dataset.iid_field]
    return {str(ids[item]): str(titles[item]) for item in np.flatnonzero(titles != "") if item}


def _sizes(data: PreparedData) -> dict[str, int]:
    parts = {"training": data.train, "validation": data.valid, "test": data.test}
    rows = {name: len(loader._dataset.inter_feat) if loader else 0 for name, loader in parts.items()}
    return {"users": data.dataset.user_num - 1, "items": data.dataset.item_num - 1, **rows}
