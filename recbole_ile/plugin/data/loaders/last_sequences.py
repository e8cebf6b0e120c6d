"""The one sequence of each user from which a sequential model's recommendations continue."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from recbole.data.interaction import cat_interactions

from recbole_ile.plugin.data.loaders.evaluation import rows_of


def continuing(parts: list[Any], users: torch.Tensor) -> tuple[Any, torch.Tensor]:
    """Return what to continue from: the sequence before a user's first test interaction.

    The user's first row of the test part holds it, so that a list is the one that the evaluation makes of that row.
    A user without such a row continues from the last row before, its own item included.

    Args:
        parts: training, validation and test part of a sequential data set, as ``dataset.build()`` returns them.
        users: ``[U]`` user ids, each once.

    Returns:
        The test part with a row for each of these users who has any, in their order, and ``[U]`` bool, which have.
    """
    test = parts[-1]
    earlier = cat_interactions([part.inter_feat for part in parts[:-1]])
    tested = _rows_of_users(users, test.inter_feat[test.uid_field])
    before = _rows_of_users(users, earlier[test.uid_field], last=True)
    before[tested >= 0] = -1
    rows = cat_interactions(
        [
            rows_of(test.inter_feat, tested[tested >= 0]),
            _with_own_item(test, rows_of(earlier, before[before >= 0])),
        ]
    )
    places = torch.cat([torch.nonzero(found >= 0).squeeze(1) for found in (tested, before)])
    return test.copy(rows_of(rows, places.argsort())), (tested >= 0) | (before >= 0)


def continuing_training(training: Any) -> Any:
    """Return for each user of a sequential training part the row that continues it, its last item included.

    Args:
        training: the training part.

    Returns:
        RecBole's interactions, users in rising order.
    """
    table = training.inter_feat
    users = torch.unique(table[training.uid_field])
    return _with_own_item(training, rows_of(table, _rows_of_users(users, table[training.uid_field], last=True)))


def _rows_of_users(users: torch.Tensor, column: torch.Tensor, last: bool = False) -> torch.Tensor:
    """Return ``[U]`` first or last row of each user in a ``[N]`` column of user ids, -1 for none."""
    rows = torch.arange(len(column))
    ids, rows = (column.flip(0), rows.flip(0)) if last else (column, rows)
    known, first = np.unique(ids.numpy(), return_index=True)
    if not len(known):
        return torch.full_like(users, -1)
    position = np.searchsorted(known, users.numpy()).clip(max=len(known) - 1)
    found = torch.from_numpy(known[position]) == users
    return torch.where(found, rows[torch.from_numpy(first[position])], -1)


def _with_own_item(dataset: Any, rows: Any) -> Any:
    """Append each row's own interaction to its sequence, of which the oldest goes if there is no room."""
    lengths, most = rows[dataset.item_list_length_field], dataset.max_item_list_len
    within, position = torch.arange(len(rows)), lengths.clamp_max(most - 1)
    columns = dict(rows.interaction)
    for field in rows.interaction:
        name = getattr(dataset, f"{field}_list_field", None)
        if name not in rows.interaction:
            continue
        values = columns[name].clone()
        full = lengths >= most
        values[full] = values[full].roll(-1, dims=1)
        values[within, position] = rows[field].to(values.dtype)
        columns[name] = values
    columns[dataset.item_list_length_field] = (lengths + 1).clamp_max(most)
    return type(rows)(columns)
