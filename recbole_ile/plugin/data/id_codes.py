"""Number texts in the order in which they come, as pandas does, but without objects of Python for each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow


def joined(columns: Sequence[pd.Series]) -> pyarrow.ChunkedArray | None:
    """Return the texts of columns one after the other, ``None`` unless Arrow holds all of them.

    Args:
        columns: of ids, with nothing for a missing one.
    """
    chunks: list[pyarrow.Array] = []
    for column in columns:
        if not isinstance(column.dtype, pd.StringDtype) or column.dtype.storage != "pyarrow":
            return None
        texts = pyarrow.array(column.array)
        chunks += texts.chunks if isinstance(texts, pyarrow.ChunkedArray) else [texts]
    return pyarrow.chunked_array([chunk.cast(pyarrow.large_string()) for chunk in chunks], pyarrow.large_string())


def factorize(stock: Callable[..., Any], values: Any, *rest: Any, **keywords: Any) -> Any:
    """Return what ``stock(values)`` returns: ``[N]`` codes, -1 for nothing, and the ``[D]`` values each once.

    Args:
        stock: ``pandas.factorize``, which is left with all but texts.
        values: ``[N]`` of ``joined``, or what RecBole concatenates of columns.
        rest: its settings.
        keywords: likewise.
    """
    if isinstance(values, pyarrow.ChunkedArray):
        return _numbered(values)
    if rest or keywords or not isinstance(values, np.ndarray) or values.dtype != object or not len(values):
        return stock(values, *rest, **keywords)
    try:
        texts = pyarrow.array(values, from_pandas=True)
    except pyarrow.ArrowException:  # of several types
        return stock(values)
    if isinstance(texts, pyarrow.ChunkedArray):  # of more text than an array holds
        return stock(values)
    if not pyarrow.types.is_string(texts.type) or texts.null_count:
        return stock(values)
    return _numbered(pyarrow.chunked_array([texts]))


def _numbered(texts: pyarrow.ChunkedArray) -> tuple[np.ndarray, np.ndarray]:
    encoded = texts.dictionary_encode().unify_dictionaries()
    if not encoded.num_chunks:
        return np.zeros(0, np.intp), np.zeros(0, object)
    codes = np.concatenate([chunk.indices.fill_null(-1).to_numpy(zero_copy_only=False) for chunk in encoded.chunks])
    return codes.astype(np.intp), encoded.chunk(0).dictionary.to_numpy(zero_copy_only=False)
