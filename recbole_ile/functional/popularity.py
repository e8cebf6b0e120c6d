"""Item groups (head, mid, tail) and user groups (niche to mainstream) from training counts."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from recbole_ile.functional.arrays import Array, same_kind_as, to_numpy

GROUPINGS = ("interactions", "items")
SPLIT_TOLERANCE = 1e-6


def check_split(split: Sequence[float]) -> tuple[float, ...]:
    """Return ``split`` as floats if it has at least two shares in [0, 1] that add up to 1.

    Raises:
        ValueError: names the shares and what is allowed.

    >>> check_split([0.2, 0.8])
    (0.2, 0.8)
    """
    shares = tuple(float(share) for share in split)
    if len(shares) < 2:
        raise ValueError(f"a split needs at least two shares, got {list(shares)}")
    if not all(math.isfinite(share) and 0.0 <= share <= 1.0 for share in shares):
        raise ValueError(f"every share of a split lies between 0 and 1, got {list(shares)}")
    if abs(sum(shares) - 1.0) > SPLIT_TOLERANCE:
        raise ValueError(f"the shares of a split add up to 1, but {list(shares)} add up to {sum(shares):g}")
    return shares


def popularity_groups(counts: Array, split: Sequence[float] = (0.2, 0.6, 0.2), by: str = "interactions") -> Array:
    """Label every item with its popularity group, ``0`` for the head and ``G - 1`` for the tail.

    Items are ranked by count, most popular first, equal counts in the order of their ids. The last
    group is cut from the tail of that ranking, groups ``0 .. G - 3`` one after the other from its
    head, and group ``G - 2`` is what remains. Where head and tail meet, the head was cut first.

    Args:
        counts: ``[n]`` training interactions of each item, non-negative.
        split: the share of each group, adding up to 1; its length is the number of groups ``G``.
        by: ``"interactions"`` cuts each group as the fewest items whose counts reach its share of all
            interactions; ``"items"`` cuts it as ``round(share * n)`` items.

    Returns:
        ``[n]`` int64 labels in ``0 .. G - 1``; an item without interactions is in group ``G - 1``.

    Raises:
        ValueError: for an impossible split, a negative count or an unknown ``by``.

    Source: Prent & Mansoury, arXiv 2410.04830, section 3.

    >>> popularity_groups(np.array([6, 2, 1, 1]), split=(0.5, 0.3, 0.2)).tolist()
    [0, 1, 2, 2]
    """
    shares = check_split(split)
    if by not in GROUPINGS:
        raise ValueError(f"items are grouped by one of {list(GROUPINGS)}, not by {by!r}")
    popularity = to_numpy(counts)
    if popularity.ndim != 1:
        raise ValueError(f"counts have one dimension, got shape {popularity.shape}")
    if (popularity < 0).any():
        raise ValueError("counts are not negative")
    last = len(shares) - 1
    ranking = np.argsort(-popularity.astype(np.float64), kind="stable")
    weights = popularity[ranking].astype(np.float64) if by == "interactions" else np.ones(len(ranking))
    labels_by_rank = np.full(len(ranking), last - 1, dtype=np.int64)

    start = 0
    for group, share in enumerate(shares[: last - 1]):
        stop = start + _shortest_prefix(weights[start:], share, weights.sum(), by)
        labels_by_rank[start:stop] = group
        start = stop
    tail_length = _shortest_prefix(weights[start:][::-1], shares[last], weights.sum(), by)
    labels_by_rank[len(ranking) - tail_length :] = last

    labels = np.empty_like(labels_by_rank)
    labels[ranking] = labels_by_rank
    labels[popularity == 0] = last
    return same_kind_as(labels, counts)


def _shortest_prefix(weights: np.ndarray, share: float, total: float, by: str) -> int:
    """Length of the shortest prefix of ``weights`` that makes up ``share`` of ``total``."""
    if by == "items":
        return min(round(share * total), len(weights))
    # A count sum is an integer, a share of the total may miss it by rounding: 0.2 * 15 > 3.
    needed = share * total * (1.0 - 1e-12)
    if needed <= 0.0:
        return 0
    return min(int(np.searchsorted(np.cumsum(weights), needed, side="left")) + 1, len(weights))


def user_profiles(users: Array, items: Array, item_groups: Array, n_users: int, n_groups: int) -> Array:
    """Count the training interactions of every user in every item group.

    Args:
        users: ``[E]`` user index of each interaction, in ``0 .. n_users - 1``.
        items: ``[E]`` item index of each interaction, in ``0 .. n - 1``.
        item_groups: ``[n]`` group of each item.
        n_users: number of users ``U``.
        n_groups: number of item groups ``G``.

    Returns:
        ``[U, G]`` int64 counts.

    >>> items, groups = np.array([0, 2, 1]), np.array([0, 0, 1])
    >>> user_profiles(np.array([0, 0, 1]), items, groups, n_users=2, n_groups=2).tolist()
    [[1, 1], [1, 0]]
    """
    cells = to_numpy(users) * n_groups + to_numpy(item_groups)[to_numpy(items)]
    counts = np.bincount(cells, minlength=n_users * n_groups).reshape(n_users, n_groups)
    return same_kind_as(counts.astype(np.int64), users)


def user_groups(profiles: Array, num: int = 5) -> Array:
    """Label every user with a taste group, ``0`` for niche and ``num - 1`` for mainstream.

    Users are ranked by the share of head items in their profile and cut into ``num`` groups of equal
    size; where the users do not divide evenly, the first groups hold one more. Equal shares keep the
    order of the users, a user without profile has the share 0.

    Args:
        profiles: ``[U, G]`` training interactions of each user in each item group, group 0 the head.
        num: number of user groups, at least 1.

    Returns:
        ``[U]`` int64 labels in ``0 .. num - 1``.

    Raises:
        ValueError: if ``num`` is below 1.

    Source: Prent & Mansoury, arXiv 2410.04830, section 4.

    >>> user_groups(np.array([[3, 1], [0, 2], [1, 1]]), num=3).tolist()
    [2, 0, 1]
    """
    if num < 1:
        raise ValueError(f"the number of user groups is at least 1, got {num}")
    counts = to_numpy(profiles).astype(np.float64)
    totals = counts.sum(axis=1)
    head_share = np.divide(counts[:, 0], totals, out=np.zeros(len(counts)), where=totals > 0)
    labels = np.empty(len(counts), dtype=np.int64)
    for group, members in enumerate(np.array_split(np.argsort(head_share, kind="stable"), num)):
        labels[members] = group
    return same_kind_as(labels, profiles)
