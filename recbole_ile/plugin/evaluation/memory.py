"""How many users an evaluation scores at once: as many as fit into ``eval_memory``, measured on the model itself."""

from __future__ import annotations

import contextlib
import functools
import logging
import random
import tracemalloc
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch.utils._python_dispatch import TorchDispatchMode

CAUTIOUS = 4096
"""Bytes for each pair of user and item below which all users are tried at once: more than any model takes."""


def largest_batch(traces: dict[int, list[int]], limit: int) -> tuple[int, int]:
    """Return the largest batch that stays below ``limit``, extrapolated linearly from two measured batch sizes.

    Args:
        traces: for each of two numbers of users, the bytes in use after each operation. An operation has the
            same place in both if both have as many; otherwise everything is taken to grow with the users.
        limit: bytes that may be in use.

    Returns:
        The number of users in a batch, 0 if even one takes more; and the bytes that are in use whatever their number.
    """
    few, many = sorted(traces)
    of_few, of_many = traces[few], traces[many]
    if len(of_few) != len(of_many):
        of_many = [max(of_many)]
        of_few = [of_many[0] * few // many]
    growth = np.maximum(np.subtract(of_many, of_few) / (many - few), 0.0)
    fixed = np.maximum(of_few - few * growth, 0.0)
    grows = growth > 0.0
    most = np.floor((limit - fixed[grows]) / growth[grows]).min(initial=float(limit))
    return max(int(most), 0), int(fixed.max())


class LiveBytes(TorchDispatchMode):
    """Within this mode, the bytes of the tensors and arrays made in it that are still in use, after each operation.

    Attributes:
        trace: bytes in use after each operation of torch; a peak of NumPy's between two is part of the second.
    """

    def __init__(self) -> None:
        super().__init__()
        self.trace: list[int] = []
        self._live = 0
        self._sizes: dict[int, int] = {}

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # nothing is compiled here; torch would import its whole compiler, for seconds, to skip it

    def __enter__(self) -> LiveBytes:
        self._own_tracing = not tracemalloc.is_tracing()
        if self._own_tracing:
            tracemalloc.start()
        self._before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        return super().__enter__()

    def __exit__(self, *details: Any) -> None:
        super().__exit__(*details)
        self._note()
        if self._own_tracing:
            tracemalloc.stop()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        for storage in _storages((args, kwargs)):
            self._know(storage, 0)  # what was there before, unless it is known
        result = func(*args, **(kwargs or {}))
        for storage in _storages(result):
            self._know(storage, storage.nbytes())
        self._note()
        return result

    def _know(self, storage: torch.UntypedStorage, size: int) -> None:
        key = storage._cdata
        if key not in self._sizes:
            self._sizes[key] = size
            self._live += size
            weakref.finalize(storage, self._forget, key)

    def _forget(self, key: int) -> None:
        self._live -= self._sizes.pop(key)

    def _note(self) -> None:
        self.trace.append(self._live + tracemalloc.get_traced_memory()[1] - self._before)
        tracemalloc.reset_peak()


def measured(work: Callable[[], Any], model: torch.nn.Module) -> list[int]:
    """Return the trace of ``LiveBytes`` of some work, which leaves no trace in the model or in random numbers."""
    with _as_before(model), _same_random_numbers(), torch.no_grad(), LiveBytes() as memory:
        work()
    return memory.trace


def fit_to_memory(
    loader: Any, model: torch.nn.Module, evaluate: Callable[[Any, torch.Tensor], Any], limit: int
) -> None:
    """Set how many users or rows a loader's batches hold.

    Args:
        loader: of ``plugin.data.loaders.evaluation``.
        model: what is evaluated.
        evaluate: takes the loader and entries, scores their batch and collects what the metrics need.
        limit: bytes.
    """
    model.eval()

    def trace(number: int) -> list[int]:
        return measured(functools.partial(evaluate, loader, loader.costliest(number)), model)

    most = loader.max_batch_entries
    if most * loader.n_items * CAUTIOUS <= limit and max(trace(most)) <= limit:
        loader.set_batch_entries(most)
        return
    alone = max(trace(1))
    many = max(min(limit // alone, most), 2)
    while True:
        users, fixed = largest_batch({number: trace(number) for number in (many // 2, many)}, limit)
        users = min(users, most)
        if users <= 4 * many:
            break
        many = min(users // 2, 8 * many)  # few users take little next to Python's own objects; more tell better
    if users < 1:
        logging.getLogger().warning(
            f"evaluating one user of {type(model).__name__} at a time takes {alone / 1e6:.3f} MB, of which "
            f"{fixed / 1e6:.3f} MB are the same for any number of users; that is more than eval_memory allows, "
            f"{limit / 1e6:.3f} MB"
        )
    loader.set_batch_entries(max(users, 1))


def _storages(values: Any) -> Iterator[torch.UntypedStorage]:
    """Give the storages of the tensors in nested tuples, lists and dictionaries, which is all that operations take."""
    if isinstance(values, torch.Tensor):
        if values.layout is torch.strided:
            yield values.untyped_storage()
    elif isinstance(values, tuple | list | dict):
        for value in values.values() if isinstance(values, dict) else values:
            yield from _storages(value)


@contextlib.contextmanager
def _as_before(model: torch.nn.Module) -> Iterator[None]:
    """Undo what work does to the attributes of modules, the embeddings that graph models keep for instance."""
    kept = [(module, dict(vars(module))) for module in model.modules()]
    try:
        yield
    finally:
        for module, attributes in kept:
            vars(module).clear()
            vars(module).update(attributes)


@contextlib.contextmanager
def _same_random_numbers() -> Iterator[None]:
    plain, array = random.getstate(), np.random.get_state()
    with torch.random.fork_rng():
        try:
            yield
        finally:
            random.setstate(plain)
            np.random.set_state(array)
