"""Number texts in the order in which they come, as pandas does, but without hashing objects of Python."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow


def factorize(stock: Callable[..., Any], values: Any, *rest: Any, **keywords: Any) -> Any:
    """Return what ``stock(values)`` returns: ``[N]`` codes, and the ``[D]`` values each once.

    Args:
        stock: ``pandas.factorize``, which is left with all that is no array of texts alone.
        values: ``[N]``, what RecBole concatenates of columns.
        rest: its settings.
        keywords: likewise.
    """
    if rest or keywords or not isinstance(values, np.ndarray) or values.dtype != object or not len(values):
        return stock(values, *rest, **keywords)
    try:
        texts = pyarrow.array(values, from_pandas=True)
    except pyarrow.ArrowException:  # of several types
        return stock(values)
    if not (pyarrow.types.is_string(texts.type) or pyarrow.types.is_large_string(texts.type)) or texts.null_count:
        return stock(values)
    encoded = texts.dictionary_encode()
    if isinstance(encoded, pyarrow.ChunkedArray):  # of more text than an array holds
        return stock(values)
    return encoded.indices.to_numpy().astype(np.intp), encoded.dictionary.to_numpy(zero_copy_only=False)
