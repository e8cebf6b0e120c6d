"""The options that say where trainings run, and how many at a time."""

from __future__ import annotations

import argparse

from recbole_ile.errors import InputError


def add_arguments(parser: argparse.ArgumentParser, at_once: str) -> None:
    """Add the options; ``at_once`` names the one for the number of trainings at a time."""
    machines = parser.add_argument_group("where to run")
    machines.add_argument("--address", default="local", help="local, auto or ray://<host>:10001")
    machines.add_argument(
        f"--{at_once}", type=int, dest="at_once", metavar="N", help="trainings at a time; default as many as fit"
    )
    machines.add_argument("--cpus_per_trial", type=float, default=1.0)
    machines.add_argument("--gpus_per_trial", type=float, help="fractions allowed; default 1 where there are GPUs")
    machines.add_argument("--max_failures", type=int, default=3, help="times a training is tried again after a crash")
    machines.add_argument("--verbose", action="store_true", help="let Ray say what it does")
    parser.set_defaults(at_once_option=at_once)


def check(arguments: argparse.Namespace) -> None:
    """Refuse numbers that mean nothing.

    Raises:
        InputError: names the option, the value and what is allowed.
    """
    for name, option, lowest in (
        ("at_once", arguments.at_once_option, 1),
        ("max_failures", "max_failures", 0),
    ):
        value = getattr(arguments, name)
        if value is not None and value < lowest:
            raise InputError(f"option {option}={value} is not allowed; it is at least {lowest}")
    for option in ("cpus_per_trial", "gpus_per_trial"):
        value = getattr(arguments, option)
        if value is not None and (value < 0 or (option == "cpus_per_trial" and value == 0)):
            raise InputError(f"option {option}={value:g} is not allowed; it is above 0")
