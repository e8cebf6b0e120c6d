"""What exposure prices did to the lists: to items, to users, and to the welfare."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
import pandas as pd

from recbole_ile.functional.prices import Pricing
from recbole_ile.plugin.data.popularity import TrainingPopularity
from recbole_ile.plugin.data.titles import titles_if_readable
from recbole_ile.plugin.evaluation.breakdown import report_k, split_by_user

NAMED = 5
"""The dearest and the most subsidised items that are named."""
TENTHS = 10


@runtime_checkable
class Priced(Protocol):
    """A model whose lists follow prices."""

    pricing: Pricing | None
    """What finding them told, ``None`` if nobody did."""


def pricing_report(config: Any, dataset: Any, pricing: Pricing, popularity: TrainingPopularity) -> dict[str, Any]:
    """Return what the prices did to the items in the lists of the training users.

    Args:
        config: tells k, and where the data set says what its items are called.
        dataset: RecBole's.
        pricing: what finding the prices told.
        popularity: the item groups.

    Returns:
        ``k``; ``welfare`` at each step; ``by_item_group``, rows with the shares of exposure before and after;
        how many items are never shown, are shown and are newly shown, of the latter two also how many without training
        interactions; and the ``dearest`` and ``most_subsidised`` items with their prices.
    """
    before, after = pricing.exposure_before, pricing.exposure_after
    new = (before == 0) & (after > 0)
    rows = [
        {
            "group": name,
            "items": int((popularity.item_groups == group).sum()),
            "before_share": _share(before, popularity.item_groups == group),
            "after_share": _share(after, popularity.item_groups == group),
        }
        for group, name in enumerate(popularity.group_names)
    ]
    order = np.argsort(-pricing.prices, kind="stable")
    names = _names(config, dataset)

    return {
        "k": report_k(config),
        "welfare": pricing.welfare,
        "by_item_group": rows,
        "never_shown_before": int((before == 0).sum()),
        "never_shown_after": int((after == 0).sum()),
        "shown_after": int((after > 0).sum()),
        "shown_after_cold": int(((after > 0) & (popularity.counts == 0)).sum()),
        "newly_shown": int(new.sum()),
        "newly_shown_cold": int((new & (popularity.counts == 0)).sum()),
        "dearest": [{"item": names(item), "price": float(pricing.prices[item])} for item in order[:NAMED]],
        "most_subsidised": [
            {"item": names(item), "price": float(pricing.prices[item])} for item in order[::-1][:NAMED]
        ],
    }


def accuracy_before_and_after(
    config: Any, before: dict[str, Any], after: dict[str, Any], dataset: Any
) -> dict[str, list[dict[str, Any]]]:
    """Return the accuracy of the test part before and after the mitigations in ranking, by groups of users.

    Args:
        config: tells k.
        before: what a ``ListCollector`` kept of the lists of what was trained.
        after: of those that are recommended.
        dataset: RecBole's.

    Returns:
        ``by_user_group``, numbered from niche to mainstream or named by ``user_group_field``, and
        ``by_profile_length``, tenths of the users from the shortest profile to the longest: rows with
        ``ndcg_before@k`` and ``ndcg_after@k``.
    """
    column = f"ndcg@{report_k(config)}"
    tables = [split_by_user(config, details, dataset).set_index("user") for details in (before, after)]
    popularity: TrainingPopularity = next(value for value in after.values() if isinstance(value, TrainingPopularity))
    users = dataset.token2id(dataset.uid_field, tables[1].index.to_numpy()) - 1
    lengths = popularity.profiles.sum(axis=1)[users]
    joined = pd.DataFrame(
        {
            "group": tables[1]["user_group"].to_numpy(),
            "tenth": np.argsort(np.argsort(lengths, kind="stable")) * TENTHS // max(len(users), 1),
            "length": lengths,
            "before": tables[0][column].reindex(tables[1].index).to_numpy(),
            "after": tables[1][column].to_numpy(),
        }
    )
    names = {"before": column.replace("@", "_before@"), "after": column.replace("@", "_after@")}

    def rows(key: str, labels: Sequence[Any], extra: dict[str, str]) -> list[dict[str, Any]]:
        found = joined.groupby(key).agg(users=(key, "size"), **{new: (old, "mean") for old, new in extra.items()})
        found = found.join(joined.groupby(key)[["before", "after"]].mean().rename(columns=names))
        return [{"group": labels[int(index)], **row} for index, row in found.to_dict("index").items()]

    values = popularity.user_group_names
    return {
        "by_user_group": rows("group", values if config["user_group_field"] else range(1, len(values) + 1), {}),
        "by_profile_length": rows("tenth", range(1, TENTHS + 1), {"length": "mean_profile"}),
    }


def _share(exposure: np.ndarray, members: np.ndarray) -> float:
    return float(exposure[members].sum() / max(exposure.sum(), 1))


def _names(config: Any, dataset: Any) -> Callable[[int], str]:
    """Return a function from the index of an item to what it is called: its title if the data tell, or its id."""
    tokens, titles = dataset.field2id_token[dataset.iid_field], titles_if_readable(config, dataset)
    return lambda item: str((titles is not None and titles[item + 1]) or tokens[item + 1])
