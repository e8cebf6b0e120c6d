"""Train with several processes, one for each GPU, as RecBole's ``--nproc`` does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.multiprocessing

from recbole_ile.errors import InputError


def run_processes(
    function: Callable[..., dict[str, Any]],
    keywords: dict[str, Any],
    *,
    nproc: int,
    world_size: int,
    ip: str,
    port: str,
    group_offset: int,
) -> dict[str, Any] | None:
    """Call ``function`` in ``nproc`` processes that train one model together.

    Args:
        function: ``run_recbole_ile``.
        keywords: its arguments; ``config_dict`` gets RecBole's keys for the process group.
        nproc: processes on this machine.
        world_size: processes on all machines, not positive for ``nproc``.
        ip: address of the first machine.
        port: its port.
        group_offset: number of this machine's first process.

    Returns:
        The result of this machine's first process.

    Raises:
        InputError: if there are fewer GPUs than processes.
    """
    available = torch.cuda.device_count()
    if nproc > available:
        raise InputError(
            f"option nproc={nproc} is not allowed; it needs a CUDA GPU for each process, here are {available}"
        )
    group = {
        "world_size": world_size if world_size > 0 else nproc,
        "ip": ip,
        "port": str(port),
        "nproc": nproc,
        "offset": group_offset,
    }
    queue = torch.multiprocessing.get_context("spawn").SimpleQueue()
    arguments = ({**keywords, "config_dict": {**keywords["config_dict"], **group}}, function, queue)
    torch.multiprocessing.spawn(_process, args=arguments, nprocs=nproc, join=True)
    return None if queue.empty() else queue.get()


def _process(rank: int, keywords: dict[str, Any], function: Callable[..., dict[str, Any]], queue: Any) -> None:
    result = function(**{**keywords, "config_dict": {**keywords["config_dict"], "local_rank": rank}})
    torch.distributed.destroy_process_group()
    if rank == 0:
        queue.put(result)
