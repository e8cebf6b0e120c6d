"""Re-rank a table of scores, whoever computed them, by the popularity of a table of training interactions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch

from recbole_ile.functional.popularity import popularity_groups, user_profiles
from recbole_ile.functional.reranking import calibrated_popularity


def rerank_table(
    scores: pd.DataFrame,
    train: pd.DataFrame,
    k: int,
    weight: float,
    candidates: int,
    split: Sequence[float] = (0.2, 0.6, 0.2),
    by: str = "interactions",
    normalize: bool = False,
) -> pd.DataFrame:
    """Return each user's list of ``k`` items by calibrated popularity.

    Args:
        scores: columns ``user``, ``item`` and ``score``; pairs that ``train`` holds are never recommended.
        train: columns ``user`` and ``item``, one row for each training interaction.
        k: length of the lists.
        weight: share of calibration, in ``[0, 1]``.
        candidates: best scored items of a user from which the list is chosen.
        split: shares of the item groups.
        by: what the groups are cut by, as for ``popularity_groups``.
        normalize: whether to map each user's candidates onto ``[0, 1]`` first.

    Returns:
        Columns ``user``, ``item``, ``score`` as given and ``rank`` from 1, users in the order of ``scores``. A user
        or an item without training interactions has no profile, or belongs to the last group.

    Raises:
        ValueError: for an impossible weight or split.
    """
    users, user_names = pd.factorize(pd.concat([train["user"], scores["user"]], ignore_index=True))
    items, item_names = pd.factorize(pd.concat([train["item"], scores["item"]], ignore_index=True))
    n_train, n_items = len(train), len(item_names)
    groups = popularity_groups(np.bincount(items[:n_train], minlength=n_items), split, by)
    profiles = user_profiles(users[:n_train], items[:n_train], groups, len(user_names), len(split))
    pairs = users * n_items + items
    table = pd.DataFrame({"user": users[n_train:], "item": items[n_train:], "score": scores["score"].to_numpy(float)})
    table = table[~np.isin(pairs[n_train:], pairs[:n_train]) & np.isfinite(table["score"])]
    table["row"] = pd.factorize(table["user"])[0]
    table = table.sort_values(["row", "score"], ascending=[True, False], kind="stable")
    table["place"] = table.groupby("row").cumcount()
    table = table[table["place"] < max(candidates, k)]
    if table.empty:
        return pd.DataFrame({"user": [], "item": [], "score": [], "rank": []})
    shape = table["row"].iloc[-1] + 1, table["place"].max() + 1
    cells = table["row"].to_numpy(), table["place"].to_numpy()
    values, members = np.full(shape, -np.inf), np.zeros(shape, dtype=np.int64)
    values[cells], members[cells] = table["score"], table["item"]
    of_row = np.zeros(shape[0], dtype=np.int64)
    of_row[cells[0]] = table["user"]
    ranked = _onto_unit(values) if normalize else values
    lists = calibrated_popularity(
        torch.from_numpy(ranked), torch.from_numpy(groups[members]), torch.from_numpy(profiles[of_row]), k, weight
    ).numpy()
    rows, ranks = (lists >= 0).nonzero()
    chosen = rows, lists[rows, ranks]
    return pd.DataFrame(
        {
            "user": user_names[of_row[rows]],
            "item": item_names[members[chosen]],
            "score": values[chosen],
            "rank": ranks + 1,
        }
    )


def _onto_unit(values: np.ndarray) -> np.ndarray:
    """Map the finite values of each row onto ``[0, 1]``, those of a row with one value onto 0."""
    finite = np.isfinite(values)
    lowest = np.where(finite, values, np.inf).min(axis=1, keepdims=True)
    spread = np.where(finite, values, -np.inf).max(axis=1, keepdims=True) - lowest
    with np.errstate(invalid="ignore"):
        scaled = np.where(spread > 0, (values - lowest) / np.where(spread > 0, spread, 1.0), 0.0)
    return np.where(finite, scaled, -np.inf)
