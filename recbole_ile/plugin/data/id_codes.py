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
        stock: ``pandas.factorize``, which is left with all but what ``joined`` returns.
        values: ``[N]``.
        rest: its settings.
        keywords: likewise.
    """
    if not isinstance(values, pyarrow.ChunkedArray):
        return stock(values, *rest, **keywords)
    encoded = values.dictionary_encode().unify_dictionaries()
    if not encoded.num_chunks:
        return np.zeros(0, np.intp), np.zeros(0, object)
    codes = np.concatenate([chunk.indices.fill_null(-1).to_numpy(zero_copy_only=False) for chunk in encoded.chunks])
    return codes.astype(np.intp), encoded.chunk(0).dictionary.to_numpy(zero_copy_only=False)
