"""The means to change another package: changes that are made once each, and a stand-in of a module."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

Patch = Callable[[], None]


class Patches:
    """Changes of other packages, made in the order in which they were added.

    A change is a function. Its docstring says what it changes, why, and when it can go.
    """

    def __init__(self) -> None:
        self._patches: list[Patch] = []
        self._applied: set[Patch] = set()

    def __iter__(self) -> Iterator[Patch]:
        """Give the changes in their order."""
        return iter(self._patches)

    def add(self, patch: Patch) -> Patch:
        """Add a change to those that ``apply`` makes, and return it."""
        self._patches.append(patch)
        return patch

    def apply(self) -> None:
        """Make every change that was not made in this process yet."""
        for patch in self._patches:
            if patch not in self._applied:
                self._applied.add(patch)
                patch()


class StandIn:
    """Has what a module has, but other values for some of its names.

    Args:
        module: the module, or the stand-in of one.
        instead: the other values by their names.
    """

    def __init__(self, module: Any, **instead: Any) -> None:
        self._module = module
        vars(self).update(instead)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._module, name)
