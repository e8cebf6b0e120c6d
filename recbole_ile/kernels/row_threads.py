"""Compiled loops over rows, in as many threads as torch takes."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import torch

LEAST = 1 << 19
"""Cells below which a thread takes longer to start than to work."""


def over_rows(work: Callable[[int, slice], object], n_rows: int, n_columns: int) -> None:
    """Do some work with all rows, in parts that threads take.

    Args:
        work: is given the number of a part and the slice of its rows; what it calls lets other threads run.
        n_rows: in all.
        n_columns: cells of a row.

    >>> done = []
    >>> over_rows(lambda part, rows: done.append((part, rows)), n_rows=5, n_columns=1)
    >>> done
    [(0, slice(0, 5, None))]
    """
    threads = min(torch.get_num_threads(), n_rows * n_columns // LEAST, n_rows)
    if threads <= 1:
        work(0, slice(0, n_rows))
        return
    parts = [slice(part * n_rows // threads, (part + 1) * n_rows // threads) for part in range(threads)]
    with ThreadPoolExecutor(threads, "rows") as pool:
        list(pool.map(work, range(threads), parts))
