"""Which rows of its file a data set has left, for whoever asks before it is read."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

import numpy as np

_asked: ContextVar[list[np.ndarray] | None] = ContextVar("asked", default=None)


@contextlib.contextmanager
def remembered() -> Iterator[list[np.ndarray]]:
    """Collect of each data set that is read within this context the ``[N]`` rows of its file that were not left out.

    A row is counted from 0, blank lines are none. Row ``n`` of the data set, before it is split, is row ``rows[n]``.
    """
    rows: list[np.ndarray] = []
    token = _asked.set(rows)
    try:
        yield rows
    finally:
        _asked.reset(token)


def remember(dataset: Any) -> None:
    """Tell the rows that a data set of RecBole's has left after its filters, before it numbers them anew."""
    rows = _asked.get()
    if rows is not None:
        rows.append(dataset.inter_feat.index.to_numpy())
