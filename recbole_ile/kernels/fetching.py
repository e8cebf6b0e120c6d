"""Memory that a compiled loop is about to read, brought while it still works on other rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils

from recbole_ile.kernels.compiling import compiled, generated

LINE = 16
"""Floats in a line of memory."""


@generated
def _fetch(_typing: Any, array: Any, _place: Any) -> Any:
    """Have the line of memory brought that begins ``place`` entries behind the array's first."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        byte = builder.bitcast(builder.gep(data, [arguments[1]]), cgutils.voidptr_t)
        word = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [cgutils.voidptr_t, word, word, word])
        prefetch = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        builder.call(prefetch, [byte, word(0), word(3), word(1)])
        return context.get_dummy_value()

    return types.none(array, types.intp), generate


@compiled
def fetch_row(rows: np.ndarray, row: int, n_floats: int) -> None:
    """Have the first floats of a row brought, without waiting for them.

    Args:
        rows: ``[R, p, d]`` float32, contiguous.
        row: its number.
        n_floats: how many are read.

    >>> fetch_row(np.zeros((2, 3, 4), dtype=np.float32), 1, 12)
    """
    first = row * rows.shape[1] * rows.shape[2]
    for place in range(first, first + n_floats, LINE):
        _fetch(rows, place)
