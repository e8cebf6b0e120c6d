"""Threads that meet wait for all of them, and only as long as all of them come."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from recbole_ile.kernels.compiling import compiled
from recbole_ile.kernels.meeting import let_go, meet, new_counter


@compiled
def _go_together(counter: np.ndarray, reached: np.ndarray, number: int, times: int) -> int:
    """Return how often another thread was found elsewhere."""
    met, missed, n_threads = 0, 0, len(reached)
    for time in range(times):
        reached[number] = time
        met = meet(counter, met, n_threads)
        for other in range(n_threads):
            missed += reached[other] != time
        met = meet(counter, met, n_threads)
    return missed


@pytest.mark.parametrize("n_threads", [1, 2, 3, 4])
def test_nobody_goes_ahead(n_threads: int) -> None:
    counter, reached = new_counter(), np.zeros(n_threads, dtype=np.int64)
    with ThreadPoolExecutor(n_threads) as threads:
        missed = [threads.submit(_go_together, counter, reached, number, 300) for number in range(n_threads)]
        assert [each.result() for each in missed] == [0] * n_threads


def test_who_is_let_go_does_not_wait() -> None:
    counter = new_counter()
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(meet, counter, 0, 2)
        let_go(counter)
        assert waiting.result(timeout=60) == 1
