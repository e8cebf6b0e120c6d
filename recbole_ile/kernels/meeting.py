"""Where the threads of a compiled loop wait for each other."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils

from recbole_ile.kernels.compiling import compiled, generated

CAN_WAIT = sys.platform != "win32"
"""Whether a thread that waits can hand its core to another one; where it cannot, one thread does all."""
TRIES = 100
"""Looks at a counter before a waiting thread lets another one have its core."""
LET_GO = 1 << 40
"""Added to a counter, it lets every thread go that waits for it or will."""


@generated
def _count(_typing: Any, counter: Any, _number: Any) -> Any:
    """Add a number to ``counter[0]`` in one piece, and return what was there before."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        return builder.atomic_rmw("add", array.data, arguments[1], "seq_cst")

    return types.int64(counter, types.int64), generate


@generated
def _look(_typing: Any, counter: Any) -> Any:
    """Return ``counter[0]`` as the other threads have left it, with all that they wrote before."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        return builder.load_atomic(array.data, "acquire", 8)

    return types.int64(counter), generate


@generated
def _let_another_run(_typing: Any) -> Any:
    """Hand the core to another thread, if one waits for it."""

    def generate(context: Any, builder: Any, _signature: Any, _arguments: Any) -> Any:
        if CAN_WAIT:
            kind = ir.FunctionType(ir.IntType(32), [])
            builder.call(cgutils.get_or_insert_function(builder.module, kind, "sched_yield"), [])
        return context.get_dummy_value()

    return types.none(), generate


def new_counter() -> np.ndarray:
    """Return a counter that stands at 0, in a line of memory of its own: ``[1]`` int64.

    >>> new_counter().tolist()
    [0]
    """
    return np.zeros(32, dtype=np.int64)[16:17]


@compiled
def meet(counter: np.ndarray, met: int, n_threads: int) -> int:
    """Wait until all threads are here, and return how often they have met.

    A thread that waits for long lets others have its core, so that a busy machine costs no more than its share.

    Args:
        counter: of these threads alone, at 0 before they meet first.
        met: how often they have met before.
        n_threads: how many they are.

    >>> meet(new_counter(), 0, 1)
    1
    """
    if n_threads == 1:
        return met + 1
    _count(counter, 1)
    wanted, tries = (met + 1) * n_threads, 0
    while _look(counter) < wanted:
        tries += 1
        if tries >= TRIES:
            _let_another_run()
            tries = 0
    return met + 1


@compiled
def let_go(counter: np.ndarray) -> None:
    """Let every thread go that waits at a counter or will, because one of them does not come.

    >>> counter = new_counter()
    >>> let_go(counter)
    >>> meet(counter, 0, 2)
    1
    """
    _count(counter, LET_GO)
