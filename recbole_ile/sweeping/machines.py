"""Ray on this machine or on a cluster, without its chatter."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
from collections.abc import Iterator
from typing import Any, NamedTuple

import ray

from recbole_ile.errors import InputError

CHATTER = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_AIR_NEW_OUTPUT": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}


class Resources(NamedTuple):
    """What a trial gets, and how many run at once at most."""

    cpus: float
    gpus: float
    max_concurrent: int | None


@contextlib.contextmanager
def connected(address: str, verbose: bool) -> Iterator[None]:
    """Start Ray on this machine (``local``) or join a cluster (``auto``, ``ray://host:port``) within this context.

    Raises:
        InputError: if there is no cluster at the address.
    """
    for name, value in CHATTER.items():
        os.environ.setdefault(name, value)
    level = logging.INFO if verbose else logging.CRITICAL  # its errors are tracebacks; the reasons are kept anyway
    mine = not ray.is_initialized()
    if mine:
        _check_reachable(address)
        try:
            options: dict[str, Any] = {"include_dashboard": False} if address == "local" else {}
            ray.init(address=address, log_to_driver=verbose, logging_level=level, **options)
        except (ConnectionError, ValueError, RuntimeError) as error:
            reason = " ".join(str(error).split())
            raise InputError(f"option address={address}: no Ray cluster can be reached there: {reason}") from error
    logging.getLogger("ray").setLevel(level)
    try:
        yield
    finally:
        if mine:
            ray.shutdown()


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


def fitting(cpus: float, gpus: float | None, max_concurrent: int | None) -> Resources:
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
