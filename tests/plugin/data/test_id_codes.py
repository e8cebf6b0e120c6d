"""Ids are numbered as pandas numbers them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recbole_ile.plugin.data.id_codes import factorize, joined

TEXTS = st.sampled_from(["", "a", "b", "A", "1", "01", "nan", "\0", "a\0", "ä", "日本", "\U0001f600"]) | st.text(
    max_size=2
)


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
    assert distinct.dtype == known.dtype
    assert joined([*in_arrow, pd.Series(["a"], dtype=object)]) is None
    assert joined([*in_arrow, pd.Series([1])]) is None


@pytest.mark.parametrize("values", [np.array([3, 1, 3]), np.array([0.5, np.nan]), np.array(["b", None], dtype=object)])
def test_other_arrays_are_left_to_pandas(values: np.ndarray) -> None:
    found, expected = (
        factorize(pd.factorize, values, use_na_sentinel=False),
        pd.factorize(values, use_na_sentinel=False),
    )
    assert found[0].tolist() == expected[0].tolist()
    assert list(map(repr, found[1])) == list(map(repr, expected[1]))
