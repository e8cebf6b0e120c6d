"""What is said of a data set is what a reader counts by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from recbole_ile.experiments.data.description import _span, core_rows, item_group_rows, user_group_rows
from recbole_ile.fetching.interactions import Interactions


def test_item_groups() -> None:
    rows = item_group_rows(np.array([6, 1, 3, 0]), np.array([0, 2, 1, 2]), ["head", "mid", "tail"])
    assert [row["group"] for row in rows] == ["head", "mid", "tail"]
    assert [row["items"] for row in rows] == [1, 1, 2]
    assert [row["interactions_share"] for row in rows] == [0.6, 0.3, 0.1]
    assert [(row["least"], row["most"]) for row in rows] == [(6, 6), (3, 3), (0, 1)]


def test_a_group_of_nobody_has_no_values() -> None:
    (_, empty) = item_group_rows(np.array([2, 1]), np.array([0, 0]), ["head", "tail"])
    assert (empty["items"], empty["interactions"], empty["least"]) == (0, 0, None)
    (_, none) = user_group_rows(np.array([[1, 1]]), np.array([0]), ["niche", "mainstream"])
    assert none["users"] == 0
    assert none["profile"] is None
    assert math.isnan(none["head_share"])


def test_user_groups() -> None:
    rows = user_group_rows(np.array([[0, 4], [2, 2], [4, 0]]), np.array([0, 1, 1]), ["niche", "mainstream"])
    assert [row["profile"] for row in rows] == [4.0, 4.0]
    assert [row["head_share"] for row in rows] == [0.0, 0.75]


def test_k_cores() -> None:
    users, items = np.array([0, 0, 1, 1, 2]), np.array([0, 1, 0, 1, 1])
    found = core_rows(Interactions(users, items, {}, [""] * 3, [""] * 2), (1, 2, 3))
    assert [(row["users"], row["items"], row["interactions"]) for row in found] == [(3, 2, 5), (2, 2, 4), (0, 0, 0)]
    assert [row["interactions_share"] for row in found] == [1.0, 0.8, 0.0]


@pytest.mark.parametrize(
    ("times", "days"),
    [
        ([874724710.0, 893286638.0], ("1997-09-20", "1998-04-22")),
        ([874724710000.0, 893286638000.0], ("1997-09-20", "1998-04-22")),
        ([], (None, None)),
        ([-5.0, 3.0], (None, None)),
    ],
)
def test_days(times: list[float], days: tuple[str | None, str | None]) -> None:
    assert _span(np.array(times)) == days
