"""Start processes that do not hear what is for this one, and that import nothing from where the user works."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from recbole_ile.signals import ignored, postponed

LIBRARY = Path(os.__file__).parent
"""The folder of Python's own modules."""


@contextlib.contextmanager
def within_library() -> Iterator[None]:
    """Work in the folder of Python's own modules within this context, so that processes that start import no others.

    Python imports modules from the folder that it is started in before its own, and Ray has its workers do so; a
    stranger's modules may lie where the user works. Whoever starts goes elsewhere itself.
    """
    folder = os.getcwd()
    os.chdir(LIBRARY)
    try:
        yield
    finally:
        os.chdir(folder)


@contextlib.contextmanager
def starting(environment: Mapping[str, str], deaf_to: tuple[int, ...]) -> Iterator[None]:
    """Start processes within this context, which is ``within_library``.

    Args:
        environment: variables that they have besides.
        deaf_to: signals that they ignore from their start on.
    """
    before = {name: os.environ.get(name) for name in environment}
    with postponed(), ignored(*deaf_to), within_library():
        os.environ.update(environment)
        try:
            yield
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value
