"""Lists under prices: against sorting, with any number of threads, which stay those of whoever calls."""

import importlib
import pkgutil

import numpy as np
import pytest
import torch
from numba.core.registry import CPUDispatcher

import recbole_ile.kernels
from recbole_ile.kernels import row_threads
from recbole_ile.kernels.price_demand import demand

KERNELS = [each.name for each in pkgutil.iter_modules(recbole_ile.kernels.__path__, "recbole_ile.kernels.")]


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("whole", [True, False])
def test_threads_change_nothing(threads: int, whole: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_threads, "LEAST", 1)
    draw, before = np.random.default_rng(0), torch.get_num_threads()
    users, width, n_items = 7, 9, 9 if whole else 20
    scores = draw.normal(size=(users, width)).astype(np.float32)
    prices = draw.random(n_items).astype(np.float32)
    items = np.array([np.sort(draw.choice(n_items, width, replace=False)) for _ in range(users)], np.int32)
    places = np.tile(np.arange(width), (users, 1)) if whole else items
    best = np.argsort(-(scores - prices[places]), axis=1, kind="stable")[:, :3]
    torch.set_num_threads(threads)
    try:
        exposure, sums = demand(scores, np.empty((0, 0), np.int32) if whole else items, prices, 3, n_items)
        assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    assert exposure.tolist() == np.bincount(np.take_along_axis(places, best, 1).ravel(), minlength=n_items).tolist()
    assert sums == pytest.approx(np.take_along_axis(scores, best, 1).sum(axis=1))


def test_no_loop_starts_threads_of_its_own() -> None:
    """Numba's are OpenMP's, and set the number that torch takes from then on, for all that a process does."""
    members = [value for name in KERNELS for value in vars(importlib.import_module(name)).values()]
    loops = {member for member in members if isinstance(member, CPUDispatcher)}
    assert len(loops) > 20
    assert [each for each in loops if each.targetoptions.get("parallel")] == []
