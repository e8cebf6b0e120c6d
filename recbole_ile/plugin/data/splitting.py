"""RecBole's filter by number of interactions and its splits by user, without a loop over users."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import torch

from recbole_ile.kernels.grouping import Groups, cut_groups, group_rows, sizes_by_ratio, sizes_left_out


class RowsByGroup:
    """The rows of each group, as RecBole's ``_grouped_index`` gives them, that need not be walked.

    Args:
        keys: ``[N]`` group of each row.
    """

    def __init__(self, keys: np.ndarray) -> None:
        self.groups: Groups = group_rows(keys)

    def __iter__(self) -> Iterator[np.ndarray]:
        return iter(np.split(self.groups.rows, np.cumsum(self.groups.sizes)[:-1]))

    def __len__(self) -> int:
        """Return the number of groups."""
        return len(self.groups.sizes)


def split_by_ratio(dataset: Any, ratios: list[float], group_by: str) -> list[Any]:
    """Split each group's rows by ratios, as ``Dataset.split_by_ratio`` does.

    Args:
        dataset: RecBole's.
        ratios: of the parts, in any unit.
        group_by: column of the groups.
    """
    total = sum(ratios)
    groups = group_rows(dataset.inter_feat[group_by].numpy())
    parts = cut_groups(groups, sizes_by_ratio(groups.sizes, [ratio / total for ratio in ratios]))
    dataset._drop_unused_col()
    return [dataset.copy(dataset.inter_feat[torch.from_numpy(part)]) for part in parts]


def leave_out(grouped: RowsByGroup, number: int) -> list[np.ndarray]:
    """Leave the last rows of each group out, as ``Dataset._split_index_by_leave_one_out`` does.

    Returns:
        rows of each of ``1 + number`` parts.
    """
    return cut_groups(grouped.groups, sizes_left_out(grouped.groups.sizes, number))


class _Side:
    """Users or items: which of them each interaction has, and which have a row of features."""

    def __init__(self, dataset: Any, field: str, features: Any, bounds: Any) -> None:
        self.bounds = bounds
        self._within = dataset._within_intervals
        n_rows = len(dataset.inter_feat)
        columns = [dataset.inter_feat[field], *([] if features is None else [features[field]])]
        codes, known = pd.factorize(pd.concat(columns, ignore_index=True), use_na_sentinel=False)
        self.codes, self._size = codes[:n_rows], len(known)
        self.listed = None if features is None else codes[n_rows:]
        self._gone = np.zeros(self._size, dtype=bool)

    def banned(self, kept: np.ndarray) -> np.ndarray:
        """Return ``[M]`` bool of users or items, which have to go if ``[N]`` bool interactions are kept."""
        if not self.bounds:
            return np.zeros(self._size, dtype=bool)
        counts = np.bincount(self.codes[kept], minlength=self._size)
        different, place = np.unique(counts, return_inverse=True)
        allowed = np.array([bool(self._within(int(count), self.bounds)) for count in different], dtype=bool)
        found = (counts > 0) & ~allowed[place]
        if self.listed is not None:
            few = np.zeros(self._size, dtype=bool)
            few[self.listed] = counts[self.listed] < self.bounds[0][1]
            found |= few & ~self._gone
        self._gone |= found
        return found


def _holds_all(interval: tuple[Any, ...]) -> bool:
    """Tell whether every number of interactions is inside, so that nobody has to be counted."""
    _, least, most, _ = interval
    return least <= 0 and most == math.inf


def filter_by_interactions(dataset: Any) -> None:
    """Drop users and items, with their rows, whose numbers of interactions are outside of the intervals.

    It is repeated until all are inside, users and items at the same time, as ``Dataset._filter_by_inter_num`` does.
    """
    intervals = [dataset.config[f"{kind}_inter_num_interval"] for kind in ("user", "item")]
    if dataset.uid_field is None or dataset.iid_field is None or intervals == [None, None]:
        return
    bounds = [dataset._parse_intervals_str(interval) for interval in intervals]
    if all(not each or (len(each) == 1 and _holds_all(each[0])) for each in bounds):
        return
    tables = [dataset.user_feat, dataset.item_feat]
    fields = [dataset.uid_field, dataset.iid_field]
    sides = [_Side(dataset, *each) for each in zip(fields, tables, bounds, strict=True)]
    if any(side.bounds is not None and len(side.bounds) > 1 for side in sides):
        dataset.logger.warning("More than one interval of interaction number are given!")
    kept = np.ones(len(dataset.inter_feat), dtype=bool)
    listed = [None if side.listed is None else np.ones(len(side.listed), dtype=bool) for side in sides]
    while True:
        banned = [side.banned(kept) for side in sides]
        if not any(part.any() for part in banned):
            break
        for side, part, rows in zip(sides, banned, listed, strict=True):
            kept &= ~part[side.codes]
            if rows is not None:
                rows &= ~part[side.listed]
    for table, rows in ((dataset.inter_feat, kept), *zip(tables, listed, strict=True)):
        if rows is not None and not rows.all():
            table.drop(table.index[~rows], inplace=True)
