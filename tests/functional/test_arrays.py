"""Sets of whole numbers by sorting are those that NumPy finds by hashing."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from recbole_ile.functional.arrays import contained, distinct

numbers = st.lists(st.integers(-3, 5), max_size=12).map(lambda values: np.array(values, dtype=np.int64))


@given(numbers, numbers)
def test_they_are_numpys(values: np.ndarray, known: np.ndarray) -> None:
    assert distinct(values).tolist() == np.unique(values).tolist()
    assert contained(values, known).tolist() == np.isin(values, known).tolist()
    table = np.stack([values, values])
    assert contained(table, known).tolist() == np.isin(table, known).tolist()
