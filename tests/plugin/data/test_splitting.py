"""RecBole's filter by number of interactions and its splits, as this package does them, give RecBole's rows."""

from __future__ import annotations

import logging
from collections import Counter
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from recbole.data.dataset import Dataset
from recbole.data.interaction import Interaction

from recbole_ile.plugin.data.splitting import RowsByGroup, filter_by_interactions

pairs = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=60)
intervals = st.sampled_from([None, "[0,inf)", "[2,inf)", "(2,5]", "[1,2];[4,inf)"])


def dataset(interactions: list[tuple[int, int]], user: str | None, item: str | None, features: bool) -> Any:
    made = SimpleNamespace(
        uid_field="user",
        iid_field="item",
        inter_feat=pd.DataFrame(interactions, columns=["user", "item"]).astype(str),
        user_feat=None,
        item_feat=pd.DataFrame({"item": [str(item) for item in range(8)]}) if features else None,
        config={"user_inter_num_interval": user, "item_inter_num_interval": item},
        logger=logging.getLogger("recbole"),
    )
    made._parse_intervals_str = lambda text: Dataset._parse_intervals_str(made, text)
    made._within_intervals = lambda number, bounds: Dataset._within_intervals(made, number, bounds)
    return made


def filter_one_by_one(data: Any) -> None:
    bounds = {kind: data._parse_intervals_str(data.config[f"{kind}_inter_num_interval"]) for kind in ("user", "item")}
    while True:
        banned = {}
        for kind, within in bounds.items():
            counts = Counter(data.inter_feat[kind])
            banned[kind] = {each for each in counts if within and not data._within_intervals(counts[each], within)}
            if within and kind == "item" and data.item_feat is not None:
                banned[kind] |= {each for each in data.item_feat[kind] if counts[each] < within[0][1]}
        if not any(banned.values()):
            return
        table = data.inter_feat
        data.inter_feat = table[~(table["user"].isin(banned["user"]) | table["item"].isin(banned["item"]))]
        if data.item_feat is not None:
            data.item_feat = data.item_feat[~data.item_feat["item"].isin(banned["item"])]


@given(pairs, intervals, intervals, st.booleans())
def test_filtered_rows_are_those_of_a_loop(
    interactions: list[tuple[int, int]], user: str | None, item: str | None, features: bool
) -> None:
    own, expected = (dataset(interactions, user, item, features) for _ in range(2))
    filter_by_interactions(own)
    filter_one_by_one(expected)
    pd.testing.assert_frame_equal(own.inter_feat, expected.inter_feat)
    if features:
        pd.testing.assert_frame_equal(own.item_feat, expected.item_feat)


def test_rows_by_group_can_be_walked() -> None:
    rows = RowsByGroup(np.array([4, 1, 4]))
    assert [part.tolist() for part in rows] == [[0, 2], [1]]
    assert len(rows) == 2


@pytest.mark.parametrize("index", [np.array([2, 0]), torch.tensor([2, 0]), np.array([True, False, True])])
def test_rows_of_an_interaction_are_found_by_arrays(index: Any) -> None:
    table = Interaction({"user": torch.tensor([5, 6, 7]), "tags": torch.tensor([[1, 2], [3, 4], [5, 6]])})
    found, expected = table[index], table[index.tolist()]
    assert all(torch.equal(found[name], expected[name]) for name in ("user", "tags"))
