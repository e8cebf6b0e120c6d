"""Ray on this machine or on a cluster, without its chatter."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import threading
from collections.abc import Iterator
from typing import Any

import psutil
import ray

from recbole_ile.errors import InputError, MachineLost
from recbole_ile.experiments.engine.workers import Resources
from recbole_ile.plugin.compat import ray_servers_apart, without_ray_reports
from recbole_ile.plugin.processes.starting import within_library
from recbole_ile.signals import active, ignored

CHATTER = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_AIR_NEW_OUTPUT": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}
HANGUP = [getattr(signal, name) for name in ("SIGHUP",) if hasattr(signal, name)]
"""What processes of Ray's do not hear: when a terminal closes, this one does, and ends them."""
LOST = "Ray's process on this machine ended, killed perhaps for want of memory; what was finished is kept"


@contextlib.contextmanager
def ray_session(address: str, verbose: bool) -> Iterator[None]:
    """Start Ray on this machine (``local``) or join a cluster (``auto``, ``ray://host:port``) within this context.

    Of what was started nothing is left, however the context ends.

    Raises:
        InputError: if there is no cluster at the address.
        MachineLost: if Ray's process on this machine ends before the context does.
    """
    for name, value in CHATTER.items():
        os.environ.setdefault(name, value)
    level = logging.INFO if verbose else logging.CRITICAL  # its errors are tracebacks; the reasons are kept anyway
    if ray.is_initialized():
        logging.getLogger("ray").setLevel(level)
        yield
        return
    _check_reachable(address)
    watch = Watch()
    try:
        with contextlib.nullcontext() if verbose else without_ray_reports():
            with ignored(*HANGUP), within_library(), ray_servers_apart():
                _start(address, verbose, level)
            watch.start()
            try:
                yield
            finally:
                watch.stop()
    except (Lost, Exception) as error:  # of which Ray makes others while it waits
        if not watch.lost or isinstance(error, InputError):
            raise
        interruptions = active()
        if interruptions and interruptions.received is not None:  # the signal was for Ray's processes, too
            raise KeyboardInterrupt from error
        raise MachineLost(LOST) from error
    finally:
        watch.stop()  # where Ray did not even start
        watch.end_where_lost()
        ray.shutdown()
        watch.end_all()


def _start(address: str, verbose: bool, level: int) -> None:
    try:
        options: dict[str, Any] = {"include_dashboard": False} if address == "local" else {}
        ray.init(address=address, log_to_driver=verbose, logging_level=level, **options)
    except (ConnectionError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"option address={address}: no Ray cluster can be reached there: {reason}") from error
    finally:
        logging.getLogger("ray").setLevel(level)
        interruptions = active()
        if interruptions:
            interruptions.install()  # Ray took them, and would end this process with a dump


class Lost(BaseException):
    """Interrupts whatever waits for Ray when its process has ended; Ray itself catches every ``Exception``."""


class Watch:
    """Knows the processes that this one has started since, and tells when one of Ray's servers ends.

    Attributes:
        lost: whether it has ended while it was needed.
        over: set when this process is done with Ray.
    """

    SERVERS = ("raylet", "gcs_server")
    INTERVAL = 0.5
    PATIENCE = 5.0
    SHUTDOWN_PATIENCE = 20.0

    def __init__(self) -> None:
        self.lost = False
        self.over = threading.Event()
        self._before = set(_descendants())
        self._own: set[psutil.Process] = set()
        self._servers: list[psutil.Process] = []
        self._stopping = threading.Event()
        self._change = threading.Lock()
        self._thread = threading.Thread(target=self._run, daemon=True, name="watch of Ray")

    def start(self) -> None:
        """Begin to look."""
        self._own.update(set(_descendants()) - self._before)
        self._servers = [process for process in self._own if _name(process) in self.SERVERS]
        self._thread.start()

    def stop(self) -> None:
        """Take from now on that the servers end as what is expected, for a while."""
        with self._change:
            self._stopping.set()
        self._own.update(set(_descendants()) - self._before)

    def end_where_lost(self) -> None:
        """End this process, and all that it started, where a server has ended.

        Ray's own shutdown would end it without a word, with 1, when it finds that the server does not answer.
        """
        interruptions = active()
        if not interruptions:
            return
        if interruptions.received is not None:  # the servers have perhaps heard of it, too
            psutil.wait_procs(self._servers, timeout=self.INTERVAL)
        if not all(map(_is_alive, self._servers)):
            self._end_all(0.0)
            interruptions.end(LOST)

    def end_all(self) -> None:
        """Wait for the processes to end, and kill those that do not."""
        self.over.set()
        self._end_all(self.PATIENCE)

    def _end_all(self, patience: float) -> None:
        for process in psutil.wait_procs(list(self._own), timeout=patience)[1]:
            with contextlib.suppress(psutil.Error):
                process.kill()

    def _run(self) -> None:
        while not self.over.wait(self.INTERVAL):
            self._own.update(set(_descendants()) - self._before)
            if not all(map(_is_alive, self._servers)):
                self._tell()
                return

    def _tell(self) -> None:
        """Interrupt the main thread; where it waits within Ray for what does not answer, end the process instead.

        Ray itself would end it after a minute, with a line for its developers; also while it shuts down, where a
        signal to all processes has ended the servers before.
        """
        interruptions = active()
        if not interruptions:
            return
        patience = self.SHUTDOWN_PATIENCE
        if not self._stopping.wait(self.INTERVAL):
            with self._change:
                if not self._stopping.is_set():
                    self.lost, patience = True, self.PATIENCE
                    interruptions.fail(Lost())
        if not self.over.wait(patience):
            self._end_all(0.0)
            interruptions.end(LOST)


def _descendants() -> list[psutil.Process]:
    with contextlib.suppress(psutil.Error):
        return psutil.Process().children(recursive=True)
    return []


def _name(process: psutil.Process) -> str:
    with contextlib.suppress(psutil.Error):
        return process.name()
    return ""


def _is_alive(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.Error):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def _check_reachable(address: str) -> None:
    """Ray waits two minutes for a machine that is not there, and then ends the process."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if address in ("local", "auto"):
        return
    try:
        socket.create_connection((host, int(port)), timeout=10).close()
    except (OSError, ValueError) as error:
        reason = error if colon else "it is local, auto, host:port or ray://host:port"
        raise InputError(f"option address={address}: no Ray cluster can be reached there: {reason}") from error


def trial_resources(cpus: float, gpus: float | None, max_concurrent: int | None) -> Resources:
    """Return the resources of a trial, a GPU by default where there are any.

    Raises:
        InputError: if no machine of the cluster has as much, so that no trial would ever start.
    """
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    if gpus is None:
        gpus = 1.0 if any(node.get("GPU", 0) for node in nodes) else 0.0
    for name, wanted, option in (("CPU", cpus, "cpus_per_trial"), ("GPU", gpus, "gpus_per_trial")):
        most = max((node.get(name, 0.0) for node in nodes), default=0.0)
        if wanted > most:
            raise InputError(f"option {option}={wanted:g} is more than any machine has; the largest has {most:g}")
    return Resources(cpus, gpus, max_concurrent)
