"""Start the processes that train one model together, and end them all when one of them ends early."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import socket
import time
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection, wait
from typing import Any, NamedTuple, NoReturn

import torch
import torch.multiprocessing
from recbole.utils import ModelType

from recbole_ile.errors import InputError
from recbole_ile.plugin.processes.group import leave_group, takes_gpus
from recbole_ile.plugin.processes.starting import starting
from recbole_ile.signals import SIGNALS, heard

MOMENT = 2.0
"""Seconds within which a process that was killed is known to have ended."""
INSTANT = 0.01
"""Seconds for which a process that may still work is waited for."""
UNTRAINED = (ModelType.TRADITIONAL, ModelType.DECISIONTREE)
"""Kinds of models that follow no gradient, so that there is nothing to share out."""


class Outcome(NamedTuple):
    """How the function ended in one process; ``when`` is of the clock that all processes share."""

    when: float
    result: Any = None
    error: Exception | None = None
    trace: str = ""


class ProcessTrace(Exception):
    """The traceback of an error in another process, as the cause of the error that is raised here."""


def check_processes(config: Any, nproc: int) -> None:
    """Compare the number of processes with what this machine has, before any is started.

    Raises:
        InputError: if there are fewer GPUs, or fewer cores where no GPU is used, or nothing to share out.
    """
    if config["MODEL_TYPE"] in UNTRAINED:
        raise InputError(
            f"option nproc={nproc} is not allowed; {config['model']} follows no gradient and needs one process"
        )
    if takes_gpus(config.final_config_dict):
        if nproc > torch.cuda.device_count():
            raise InputError(
                f"option nproc={nproc} is not allowed; gpu_id={config['gpu_id']!r} is {torch.cuda.device_count()} of "
                "this machine's GPUs, and each process needs one; --use_gpu=False takes the CPU"
            )
    elif nproc > n_cores():
        raise InputError(f"option nproc={nproc} is not allowed; this machine has {n_cores()} cores, one for each")


def n_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run_processes(
    function: Callable[..., dict[str, Any]],
    keywords: dict[str, Any],
    *,
    nproc: int,
    world_size: int,
    ip: str,
    port: str | None,
    group_offset: int,
) -> dict[str, Any]:
    """Call ``function`` in ``nproc`` processes that train one model together.

    Each gets its share of this machine's cores, unless ``OMP_NUM_THREADS`` says how many threads to use.

    Args:
        function: ``run_recbole_ile``.
        keywords: its arguments; ``config_dict`` gets RecBole's keys for the process group.
        nproc: processes on this machine.
        world_size: processes on all machines, not positive for ``nproc``.
        ip: address of the first machine.
        port: its port; ``None`` for any that is free, if there is one machine only.
        group_offset: number of this machine's first process.

    Returns:
        The result of this machine's first process.

    Raises:
        Exception: whatever the process raised that failed first; all others are ended.
    """
    world_size = world_size if world_size > 0 else nproc
    if port is None:
        port = "5678" if world_size > nproc else str(_free_port())
    group = {"world_size": world_size, "ip": ip, "port": port, "nproc": nproc, "offset": group_offset}
    pipes = [multiprocessing.Pipe(duplex=False) for _ in range(nproc)]
    readers, writers = [reader for reader, _ in pipes], [writer for _, writer in pipes]
    arguments = ({**keywords, "config_dict": {**keywords["config_dict"], **group}}, function, writers, os.getcwd())
    processes: list[Any] = []
    try:
        # While they start, Ctrl-C would have each of them print a traceback; this process hears it and ends them.
        threads = os.environ.get("OMP_NUM_THREADS") or str(max(1, n_cores() // nproc))
        with starting({"OMP_NUM_THREADS": threads}, deaf_to=(signal.SIGINT,)):
            processes = torch.multiprocessing.spawn(_process, args=arguments, nprocs=nproc, join=False).processes
        outcomes = _outcomes(processes, readers)
        for process in processes:
            process.join()
        return outcomes[0].result
    finally:
        for process in processes:
            process.kill()
        for process in processes:
            process.join()


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("", 0))
        return found.getsockname()[1]


def _outcomes(processes: list[Any], readers: list[Connection]) -> dict[int, Outcome]:
    """Wait until all processes have told how they ended.

    Raises:
        Exception: the first error that any of them told; the others' may only follow from it.
        KeyboardInterrupt: if one of them was interrupted.
        RuntimeError: if one of them ended without a word.
    """
    outcomes: dict[int, Outcome] = {}
    while len(outcomes) < len(processes):
        silent = [rank for rank in range(len(processes)) if rank not in outcomes]
        wait([*(readers[rank] for rank in silent), *(processes[rank].sentinel for rank in silent)])
        ended = [rank for rank in silent if not processes[rank].is_alive()]
        outcomes.update({rank: pickle.loads(readers[rank].recv_bytes()) for rank in silent if readers[rank].poll()})
        for rank in ended:
            if rank not in outcomes:
                _raise_ending(rank, processes)
        for outcome in sorted(outcomes.values(), key=lambda outcome: outcome.when):
            if outcome.error is not None:
                _check_signalled(processes, [rank for rank in range(len(processes)) if rank not in outcomes])
                raise outcome.error from ProcessTrace(outcome.trace)
    return outcomes


def _check_signalled(processes: list[Any], silent: list[int]) -> None:
    """Raise what became of a process that a signal ended, from which the error of another one follows.

    The others see its connections closed a moment before it has ended.
    """
    if silent:
        wait([processes[rank].sentinel for rank in silent], timeout=MOMENT)
    for rank in silent:
        processes[rank].join(INSTANT)  # its sentinel closes before the system knows how it ended
        if (processes[rank].exitcode or 0) < 0:
            _raise_ending(rank, processes)


def _raise_ending(rank: int, processes: list[Any]) -> NoReturn:
    """Raise how a process ended that told nothing; what interrupts is for all, and one may hear it before this one."""
    code = processes[rank].exitcode
    if -code in (signal.SIGINT, *SIGNALS):
        heard(-code)
        raise KeyboardInterrupt
    how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
    raise RuntimeError(f"process {rank} of {len(processes)} {how}")


def _process(
    rank: int, keywords: dict[str, Any], function: Callable[..., dict[str, Any]], writers: list[Connection], folder: str
) -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.chdir(folder)
    try:
        result = function(**{**keywords, "config_dict": {**keywords["config_dict"], "local_rank": rank}})
        leave_group()
    except Exception as error:
        _tell(writers[rank], Outcome(time.monotonic(), error=_sendable(error), trace=traceback.format_exc()))
        os._exit(1)  # a regular end would wait for the others, which may never answer again
    _tell(writers[rank], Outcome(time.monotonic(), result if rank == 0 else None))


def _tell(writer: Connection, outcome: Outcome) -> None:
    """Send a copy: ``Connection.send`` would share tensors, which end with the process."""
    writer.send_bytes(pickle.dumps(outcome))


def _sendable(error: Exception) -> Exception:
    """Return the error, or one that says the same if it cannot be sent to another process."""
    try:
        pickle.loads(pickle.dumps(error))
        return error
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
