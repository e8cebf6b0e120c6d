"""Collective operations of the processes of one training. In a single process they return the value itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import torch
import torch.distributed

Value = TypeVar("Value")


def takes_gpus(settings: dict[str, Any]) -> bool:
    """Tell whether several processes train on GPUs, one on each, rather than on the CPU."""
    return settings["device"].type == "cuda" and bool(settings["use_gpu"])


def join_group(settings: dict[str, Any], local_rank: int) -> dict[str, Any]:
    """Meet the other processes of this run; on GPUs they talk through NCCL, on the CPU through Gloo.

    Args:
        settings: ``ip`` and ``port`` of the first process, ``world_size``, ``offset``, the number of this
            machine's first process, and what tells whether there are GPUs.
        local_rank: number of this process on this machine.

    Returns:
        The settings that RecBole wants to be different from those of a process alone.
    """
    gpus = takes_gpus(settings)
    if gpus:
        torch.cuda.set_device(local_rank)
    torch.distributed.init_process_group(
        backend="nccl" if gpus else "gloo",
        rank=local_rank + settings["offset"],
        world_size=settings["world_size"],
        init_method=f"tcp://{settings['ip']}:{settings['port']}",
    )
    device = torch.device("cuda", local_rank) if gpus else torch.device("cpu")
    shared = {"local_rank": local_rank, "single_spec": False, "device": device}
    silent = {"state": "error", "show_progress": False, "verbose": False}
    return shared if local_rank == 0 else {**shared, **silent}


def leave_group() -> None:
    """Part from the other processes, if there are any."""
    if _in_group():
        torch.distributed.destroy_process_group()


def n_processes() -> int:
    """Return how many processes train this model together."""
    return torch.distributed.get_world_size() if _in_group() else 1


def rank() -> int:
    """Return the number of this process among those that train this model together, 0 for the first."""
    return torch.distributed.get_rank() if _in_group() else 0


def _in_group() -> bool:
    return torch.distributed.is_available() and torch.distributed.is_initialized()


def from_first_process(compute: Callable[[], Value]) -> Value:
    """Call ``compute`` in the first process alone, and return its value in all of them."""
    if n_processes() == 1:
        return compute()
    values: list[Any] = [compute() if rank() == 0 else None]
    torch.distributed.broadcast_object_list(values, src=0)
    return values[0]


def barrier() -> None:
    """Wait until all processes have come here."""
    if n_processes() > 1:
        torch.distributed.barrier()


def gather_all(value: Value) -> list[Value]:
    """Return the value of each process, in their order, in all of them."""
    if n_processes() == 1:
        return [value]
    values: list[Any] = [None] * n_processes()
    torch.distributed.all_gather_object(values, value)
    return values


def global_sums(sums: torch.Tensor, counts: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Add up what each process summed and counted in its slice of the global batch.

    The gradient with respect to the own ``sums`` is that of the global batch times the number ``W`` of
    processes: each process differentiates its own interactions alone, and the mean over the processes,
    which ``DistributedDataParallel`` takes of the gradients, then is the gradient of the global batch.

    Args:
        sums: ``[G]`` sums of the losses of the own slice, differentiable or not.
        counts: ``[G]`` number of the losses in them.

    Returns:
        ``[G]`` sums and ``[G]`` counts of the global batch, the same values in every process.
    """
    n = n_processes()
    if n == 1:
        return sums, counts
    both = torch.stack([sums.detach(), counts])
    torch.distributed.all_reduce(both)
    return both[0] + n * (sums - sums.detach()), both[1]
