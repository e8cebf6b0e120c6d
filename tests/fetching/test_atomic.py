"""Atomic files hold what was collected, and repeated pairs are found."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recbole_ile.fetching import atomic
from recbole_ile.fetching.interactions import Interactions

IDS = st.lists(
    st.text(st.characters(codec="utf-8", exclude_characters="\t\n\r"), min_size=1, max_size=5), min_size=1, unique=True
)
NUMBERS = st.one_of(
    st.integers(-(2**52), 2**52), st.floats(allow_nan=False, allow_infinity=False).filter(lambda number: number != 0)
)


@st.composite
def interactions(draw: st.DrawFn) -> Interactions:
    names = [draw(IDS), draw(IDS)]
    number = draw(st.integers(0, 8))
    codes = [draw(st.lists(st.integers(0, len(own) - 1), min_size=number, max_size=number)) for own in names]
    ratings = draw(st.lists(NUMBERS, min_size=number, max_size=number))
    users, items = (np.array(own, np.int32) for own in codes)
    return Interactions(users, items, {"rating": np.array(ratings, np.float64)}, *names)


@pytest.mark.parametrize("rows", [1, 3, 2**20])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(known=interactions())
def test_a_line_has_the_ids_and_the_shortest_number_of_its_interaction(
    rows: int, monkeypatch: pytest.MonkeyPatch, known: Interactions
) -> None:
    monkeypatch.setattr(atomic, "_ROWS", rows)
    atomic.write_interactions(known, Path("a.inter"), {"rating": "stars"})
    ratings = known.values["rating"].tolist()
    whole = all(rating.is_integer() and abs(rating) < 2**53 for rating in ratings)
    expected = ["user_id:token\titem_id:token\tstars:float"] + [
        f"{known.user_ids[user]}\t{known.item_ids[item]}\t{int(rating) if whole else repr(rating)}"
        for user, item, rating in zip(known.users, known.items, ratings, strict=True)
    ]
    assert Path("a.inter").read_bytes().decode() == "".join(f"{line}\n" for line in expected)


@given(known=interactions())
def test_a_pair_that_comes_again_is_repeated_at_all_its_places_but_the_last(known: Interactions) -> None:
    pairs = list(zip(known.users.tolist(), known.items.tolist(), strict=True))
    expected = [place for place, pair in enumerate(pairs) if pair in pairs[place + 1 :]]
    assert known.repeated().tolist() == expected
