"""What is in a data set: who and what is popular in its training part, profiles, k-cores, duplicates, time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from recbole_ile.fetching.interactions import Interactions
from recbole_ile.plugin.data.left_out import describe as left_out
from recbole_ile.plugin.data.popularity import TrainingPopularity

PARTS = ("train", "valid", "test")
CORES = (5, 10, 20)
"""The k of the k-cores that are described."""
SHARES = {"smallest": 0.0, "10 %": 0.1, "25 %": 0.25, "median": 0.5, "75 %": 0.75, "90 %": 0.9, "largest": 1.0}
"""What the quantiles of profile sizes are called."""
_IN_MILLISECONDS = 1e11
"""Seconds of the year 5138: a larger time is one in milliseconds."""


class Description(NamedTuple):
    """What is in a data set, as a run with the same settings reads and splits it.

    Attributes:
        sizes: numbers of users, items and interactions, and of the interactions of each part.
        density: share of all pairs of users and items that met.
        repeated: interactions whose user and item are those of an earlier one.
        counts: ``[n]`` training interactions of each item, the largest first.
        item_groups: for each item group its items, training interactions, shares of both, and the least and the most
            that an item in it has.
        profiles: ``[U]`` training interactions of each user, the largest first.
        profile_sizes: the quantiles of ``SHARES`` and the mean of ``profiles``.
        user_groups: for each user group its users, the mean size of their profiles and the share of the first item
            group in them.
        cores: for each k the users, items and interactions that the k-core leaves, and the share of the last.
        first, last: the days of the first and the last row in the files, ``None`` where no time is known.
        notes: what was left out when the files were read, counted, with reasons.
    """

    sizes: dict[str, int]
    density: float
    repeated: int
    counts: np.ndarray
    item_groups: list[dict[str, Any]]
    profiles: np.ndarray
    profile_sizes: dict[str, float]
    user_groups: list[dict[str, Any]]
    cores: list[dict[str, Any]]
    first: str | None
    last: str | None
    notes: list[str]


def describe(config: Any, dataset: Any, times: np.ndarray) -> Description:
    """Describe a data set of RecBole's.

    Args:
        config: the settings of groups.
        dataset: the whole of it, whose ``build()`` returns its parts.
        times: ``[N]`` of interactions, in seconds or milliseconds since 1970; none if there are none.
    """
    table = dataset.inter_feat
    users, items = (table[field].numpy() - 1 for field in (dataset.uid_field, dataset.iid_field))
    parts = dataset.build()
    popularity = TrainingPopularity.of(config, parts[0])
    lengths = popularity.profiles.sum(axis=1)
    n_users, n_items = dataset.user_num - 1, dataset.item_num - 1
    whole = Interactions(users, items, {}, [""] * n_users, [""] * n_items)
    repeated = len(whole.repeated())
    sizes = dict(zip(PARTS, (len(part.inter_feat) for part in parts), strict=True))
    first, last = _span(times)
    return Description(
        {"users": n_users, "items": n_items, "interactions": len(users), **sizes},
        (len(users) - repeated) / (n_users * n_items),
        repeated,
        np.sort(popularity.counts)[::-1],
        item_group_rows(popularity.counts, popularity.item_groups, popularity.group_names),
        np.sort(lengths)[::-1],
        {**{name: float(np.quantile(lengths, share)) for name, share in SHARES.items()}, "mean": float(lengths.mean())},
        user_group_rows(popularity.profiles, popularity.user_groups, popularity.user_group_names),
        core_rows(whole, CORES),
        first,
        last,
        left_out(dataset),
    )


def item_group_rows(counts: np.ndarray, groups: np.ndarray, names: Sequence[str]) -> list[dict[str, Any]]:
    """Return for each group its items and interactions, their shares, and the least and the most of an item.

    Args:
        counts: ``[n]`` interactions of each item.
        groups: ``[n]`` group of each item.
        names: of the ``G`` groups.
    """
    rows = []
    for group, name in enumerate(names):
        own = counts[groups == group]
        rows.append(
            {
                "group": name,
                "items": len(own),
                "items_share": len(own) / len(counts),
                "interactions": int(own.sum()),
                "interactions_share": float(own.sum() / max(counts.sum(), 1)),
                "least": int(own.min()) if len(own) else None,
                "most": int(own.max()) if len(own) else None,
            }
        )
    return rows


def user_group_rows(profiles: np.ndarray, groups: np.ndarray, names: Sequence[str]) -> list[dict[str, Any]]:
    """Return for each group its users, the mean size of their profiles and the share of head items in them.

    Args:
        profiles: ``[U, G]`` interactions of each user in each item group.
        groups: ``[U]`` group of each user.
        names: of the user groups.
    """
    rows = []
    for group, name in enumerate(names):
        own = profiles[groups == group]
        total = own.sum()
        rows.append(
            {
                "group": name,
                "users": len(own),
                "profile": float(total / len(own)) if len(own) else None,
                "head_share": float(own[:, 0].sum() / total) if total else float("nan"),
            }
        )
    return rows


def core_rows(interactions: Interactions, ks: Sequence[int]) -> list[dict[str, Any]]:
    """Return for each k what the k-core would leave.

    Args:
        interactions: all of them.
        ks: at least 1 each.
    """
    rows = []
    for k in ks:
        left = interactions.core(k)
        rows.append(
            {
                "k": k,
                "users": len(np.unique(left.users)),
                "items": len(np.unique(left.items)),
                "interactions": len(left.users),
                "interactions_share": len(left.users) / len(interactions.users),
            }
        )
    return rows


def _span(times: np.ndarray) -> tuple[str | None, str | None]:
    """Return the first and the last day of ``[N]`` times since 1970; none where they are no times."""
    if not len(times):
        return None, None
    ends = np.array([times.min(), times.max()])
    if ends[1] > _IN_MILLISECONDS:
        ends /= 1000
    if ends[0] < 0 or ends[1] > _IN_MILLISECONDS:
        return None, None
    first, last = pd.to_datetime(ends, unit="s").strftime("%Y-%m-%d")
    return first, last
