"""How the loops of this package are compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
from numba.extending import intrinsic

# Sums may be reordered and fused, so that they are vectorised; the same machine always gives the same result.
_compile = numba.njit(fastmath={"reassoc", "contract", "nsz"}, nogil=True, cache=True, error_model="numpy")


def compiled(function: Callable[..., Any]) -> Any:
    """Return the function compiled at its first call, in which other threads go on, and kept for the next start.

    >>> from recbole_ile.kernels.drawing import shuffled
    >>> shuffled.py_func is not shuffled
    True
    """
    return _compile(function)


def generated(function: Callable[..., Any]) -> Any:
    """Return a function for compiled loops whose instructions ``function`` generates, as numba's intrinsics do.

    >>> callable(generated(lambda context, number: None))
    True
    """
    return intrinsic(function)
