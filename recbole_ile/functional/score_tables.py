"""Re-rank a table of scores, whoever computed them, by the popularity of a table of training interactions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch

from recbole_ile.functional.compensation import popularity_compensated
from recbole_ile.functional.diversification import explicit_diversification
from recbole_ile.functional.fair_prefixes import fair_lists, minimum_protected, protected_groups, protected_shares
from recbole_ile.functional.logit_adjustment import adjusted_after_training, log_shares
from recbole_ile.functional.popularity import popularity_groups, user_profiles
from recbole_ile.functional.prices import ScoreMatrix, find_prices, scaled_scores
from recbole_ile.functional.reranking import calibrated_popularity, put_first, scale_min_max


class Method(NamedTuple):
    """What re-ranks a table, in the order in which it acts; nothing of what is neutral.

    Attributes:
        lap_tau: weight of the logit adjustment.
        lap_scale: ``zscore`` or ``none``.
        ep_weight: weight of exposure prices.
        ep_steps: steps in which they are found.
        ep_unit: best scores whose deviation is the unit of a user's scores.
        ep_cold: whether items without training interactions have a price.
        pc_alpha: weight of the compensation of rare items.
        pc_beta: share of an item's own score in its compensation.
        xq_weight: share of explicit diversification.
        xq_candidates: best scored items of a user from which its list is chosen.
        xq_mode: ``binary`` or ``smooth``.
        fair_protected: ``tail`` or ``not_head``.
        fair_share: of protected items in a fair list, or ``profile`` for the user's own share.
        fair_alpha: probability with which a fair list may be rejected.
        cp_weight: share of calibrated popularity.
        cp_candidates: best scored items of a user from which its list is chosen.
        cp_divergence: ``jsd``, ``kl`` or ``hellinger``.
        cp_normalize: whether to map each user's candidates onto ``[0, 1]`` first.
    """

    lap_tau: float = 0.0
    lap_scale: str = "zscore"
    ep_weight: float = 0.0
    ep_steps: int = 20
    ep_unit: int = 100
    ep_cold: bool = False
    pc_alpha: float = 0.0
    pc_beta: float = 0.1
    xq_weight: float = 0.0
    xq_candidates: int = 100
    xq_mode: str = "binary"
    fair_protected: str = "tail"
    fair_share: float | str = 0.0
    fair_alpha: float = 0.1
    cp_weight: float = 0.0
    cp_candidates: int = 100
    cp_divergence: str = "jsd"
    cp_normalize: bool = False

    @property
    def width(self) -> int | None:
        """How many of a user's best scores it looks at, ``None`` for all."""
        if self.lap_tau or self.ep_weight or self.pc_alpha or self.fair_share:
            return None
        return max(self.xq_candidates if self.xq_weight else 0, self.cp_candidates)


def rerank_table(
    scores: pd.DataFrame,
    train: pd.DataFrame,
    k: int,
    method: Method,
    split: Sequence[float] = (0.2, 0.6, 0.2),
    by: str = "interactions",
) -> pd.DataFrame:
    """Return each user's list of ``k`` items under mitigations in ranking.

    Args:
        scores: columns ``user``, ``item`` and ``score``; pairs that ``train`` holds are never recommended.
        train: columns ``user`` and ``item``, one row for each training interaction.
        k: length of the lists.
        method: what re-ranks.
        split: shares of the item groups.
        by: what the groups are cut by, as for ``popularity_groups``.

    Returns:
        Columns ``user``, ``item``, ``score`` as given and ``rank`` from 1, users in the order of ``scores``. A user
        or an item without training interactions has no profile, or belongs to the last group.

    Raises:
        ValueError: for an impossible weight or split.

    >>> train = pd.DataFrame({"user": ["u"], "item": ["a"]})
    >>> scores = pd.DataFrame({"user": ["u"] * 3, "item": ["a", "b", "c"], "score": [3.0, 1.0, 2.0]})
    >>> rerank_table(scores, train, k=2, method=Method())["item"].tolist()
    ['c', 'b']
    """
    users, user_names = pd.factorize(pd.concat([train["user"], scores["user"]], ignore_index=True))
    items, item_names = pd.factorize(pd.concat([train["item"], scores["item"]], ignore_index=True))
    n_train, n_items = len(train), len(item_names)
    counts = np.bincount(items[:n_train], minlength=n_items)
    groups = popularity_groups(counts, split, by)
    profiles = user_profiles(users[:n_train], items[:n_train], groups, len(user_names), len(split))
    pairs = users * n_items + items
    table = pd.DataFrame({"user": users[n_train:], "item": items[n_train:], "score": scores["score"].to_numpy(float)})
    table = table[~np.isin(pairs[n_train:], pairs[:n_train]) & np.isfinite(table["score"])]
    table["row"] = pd.factorize(table["user"])[0]
    table = table.sort_values(["row", "score"], ascending=[True, False], kind="stable")
    table["place"] = table.groupby("row").cumcount()
    if method.width is not None:
        table = table[table["place"] < max(method.width, k)]
    if table.empty:
        return pd.DataFrame({"user": [], "item": [], "score": [], "rank": []})
    shape = table["row"].iloc[-1] + 1, table["place"].max() + 1
    cells = table["row"].to_numpy(), table["place"].to_numpy()
    values, members = np.full(shape, -np.inf), np.zeros(shape, dtype=np.int64)
    values[cells], members[cells] = table["score"], table["item"]
    of_row = np.zeros(shape[0], dtype=np.int64)
    of_row[cells[0]] = table["user"]
    ranked = _adjusted(values, members, counts, k, method)
    own = torch.from_numpy(groups[members]), torch.from_numpy(profiles[of_row])
    if method.xq_weight:
        ranked = _first(ranked, _diversified(ranked, *own, k, method))
    if method.fair_share:
        ranked = _first(ranked, _fair(ranked, *own, k, method))
    lists = _calibrated(ranked, *own, k, method).numpy()
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


def _best(scores: torch.Tensor, candidates: int, k: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the scores and columns of each row's candidates, of equal scores the first."""
    order = scores.argsort(dim=1, descending=True, stable=True)[:, : max(candidates, k)]
    return scores.gather(1, order), order


def _at(columns: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    """Return the columns of places among candidates, -1 for none."""
    return torch.where(places >= 0, columns.gather(1, places.clamp_min(0)), -1)


def _first(scores: torch.Tensor, lists: torch.Tensor) -> torch.Tensor:
    """Return the scores with those of the listed columns raised above all others."""
    none = scores.new_full((len(scores), 1), -torch.inf)
    return put_first(torch.cat([none, scores], dim=1), lists + 1)[:, 1:]


def _diversified(
    scores: torch.Tensor, groups: torch.Tensor, profiles: torch.Tensor, k: int, method: Method
) -> torch.Tensor:
    values, columns = _best(scores, method.xq_candidates, k)
    members = groups.gather(1, columns)
    return _at(columns, explicit_diversification(values, members, profiles, k, method.xq_weight, method.xq_mode))


def _fair(scores: torch.Tensor, groups: torch.Tensor, profiles: torch.Tensor, k: int, method: Method) -> torch.Tensor:
    protected = protected_groups(profiles.shape[1], method.fair_protected)
    shares = protected_shares(profiles, protected)
    shares = shares if isinstance(method.fair_share, str) else torch.full_like(shares, method.fair_share)
    distinct, of_row = shares.unique(return_inverse=True)
    return fair_lists(scores, protected[groups], minimum_protected(distinct, k, method.fair_alpha)[of_row])


def _calibrated(
    scores: torch.Tensor, groups: torch.Tensor, profiles: torch.Tensor, k: int, method: Method
) -> torch.Tensor:
    values, columns = _best(scores, method.cp_candidates, k)
    values = scale_min_max(values) if method.cp_normalize else values
    members = groups.gather(1, columns)
    return _at(columns, calibrated_popularity(values, members, profiles, k, method.cp_weight, method.cp_divergence))


def _adjusted(values: np.ndarray, members: np.ndarray, counts: np.ndarray, k: int, method: Method) -> torch.Tensor:
    """Return ``[B, m]`` scores of candidates after what changes scores; prices are found from these very users."""
    scores, items = torch.from_numpy(values), torch.from_numpy(members)
    if method.lap_tau:
        shares = torch.from_numpy(log_shares(counts))
        centred = shares[items] - shares.mean()
        scores = adjusted_after_training(scores, centred, method.lap_tau, method.lap_scale == "zscore", centre=False)
    if method.ep_weight:
        scores = scaled_scores(scores, method.ep_unit)
        demand = ScoreMatrix(scores, k, items, len(counts))
        found = find_prices(demand, method.ep_weight, method.ep_steps, (counts > 0) | method.ep_cold)
        scores = scores - torch.from_numpy(found.prices)[items]
    if method.pc_alpha:
        scores = popularity_compensated(scores, torch.from_numpy(counts)[items], method.pc_alpha, method.pc_beta)
    return scores
