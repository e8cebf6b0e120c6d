"""Ids are numbered as pandas numbers them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recbole_ile.plugin.data.id_codes import factorize, joined

TEXTS = st.sampled_from(["", "a", "b", "A", "1", "01", "nan", "\0", "a\0", "ä", "日本", "\U0001f600"]) | st.text(
    max_size=2
)


def assert_same(values: np.ndarray) -> None:
    codes, distinct = factorize(pd.factorize, values)
    expected, known = pd.factorize(values)
    assert codes.tolist() == expected.tolist()
    assert codes.dtype == expected.dtype
    assert list(map(repr, distinct)) == list(map(repr, known))
    assert type(distinct) is type(known)
    assert distinct.dtype == known.dtype


@given(st.lists(TEXTS | st.none() | st.just(float("nan")) | st.integers(0, 3), max_size=8), st.booleans())
def test_codes_and_values_are_those_of_pandas(values: list[Any], texts_alone: bool) -> None:
    kept = [value for value in values if isinstance(value, str)] if texts_alone else values
    array = np.empty(len(kept), dtype=object)
    array[:] = kept
    assert_same(array)


@pytest.mark.parametrize("values", [np.array([3, 1, 3]), np.array([0.5, np.nan]), np.array(["b", "a", "b"])])
def test_other_arrays_are_left_to_pandas(values: np.ndarray) -> None:
    assert_same(values)


def test_texts_are_not_left_to_pandas() -> None:
    codes, distinct = factorize(pytest.fail, np.array(["b", "a", "b"], dtype=object))
    assert codes.tolist() == [0, 1, 0]
    assert distinct.tolist() == ["b", "a"]


def test_more_text_than_an_array_holds_is_left_to_pandas(monkeypatch: pytest.MonkeyPatch) -> None:
    make = pyarrow.array
    monkeypatch.setattr(
        pyarrow, "array", lambda *given, **further: pyarrow.chunked_array([make(*given, **further)] * 2)
    )
    codes, _ = factorize(pd.factorize, np.array(["b", "a", "b"], dtype=object))
    assert codes.tolist() == [0, 1, 0]


@given(st.lists(st.lists(TEXTS | st.none(), max_size=5), max_size=3))
def test_columns_of_arrow_are_numbered_as_if_they_were_objects(columns: list[list[str | None]]) -> None:
    in_arrow = [pd.Series(column, dtype=pd.StringDtype("pyarrow", na_value=np.nan)) for column in columns]
    texts = joined(in_arrow)
    assert texts is not None
    codes, distinct = factorize(pytest.fail, texts)
    values = np.concatenate([np.array(column, dtype=object) for column in [[], *columns]])
    expected, known = pd.factorize(values)
    assert codes.tolist() == expected.tolist()
    assert codes.dtype == expected.dtype
    assert list(distinct) == list(known)
    assert joined([*in_arrow, pd.Series(["a"], dtype=object)]) is None
    assert joined([*in_arrow, pd.Series([1])]) is None
