"""Spread numbered pieces of work over a Ray cluster with Ray Data."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Any, cast

import ray
import ray.data

from recbole_ile.errors import InputError

Work = Callable[[int], int]
_MADE: dict[str, Work] = {}
"""In a process of Ray's, what does pieces, by what it was made of."""


def spread(pieces: Sequence[int], make: Callable[[Any], Work], given: Any, threads: int, gpu: bool) -> Iterator[int]:
    """Have every machine of the cluster work on pieces, and give what each comes to as it is done.

    A piece that is lost with its machine is done again elsewhere.

    Args:
        pieces: their numbers.
        make: makes of ``given`` what does a piece, once in each of the processes that work.
        given: is handed to all machines once.
        threads: CPUs of each process, of which a smaller machine has as many as it has.
        gpu: whether each needs one.

    Raises:
        InputError: if a piece says that its input is wrong, or no machine has the GPU.
    """
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    if gpu and not any(node.get("GPU", 0) for node in nodes):
        raise InputError("option address: no machine of this cluster has a GPU, which these lists were begun on")
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = context.print_on_execution_start = False
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)
    done = ray.data.from_items(list(pieces), override_num_blocks=len(pieces)).map(
        cast(Any, _piece),
        fn_args=(make, [ray.put(given)]),
        num_cpus=min(threads, max(node.get("CPU", 0.0) for node in nodes)),
        num_gpus=1 if gpu else None,
    )
    try:
        for row in done.iter_rows():
            yield row["result"]
    except ray.exceptions.RayError as error:
        cause: BaseException | None = error
        while cause is not None and not isinstance(cause, InputError):
            cause = getattr(cause, "cause", None) or cause.__cause__
        raise cause or error from None


def _piece(row: dict[str, Any], make: Callable[[Any], Work], given: list[Any]) -> dict[str, Any]:
    """Do a piece in a process of Ray's, which does further ones with what it has made."""
    key = given[0].hex()
    if key not in _MADE:
        _MADE.clear()
        _MADE[key] = make(ray.get(given[0]))
    return {"result": _MADE[key](int(row["item"]))}
