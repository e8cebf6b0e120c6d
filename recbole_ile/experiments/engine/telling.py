"""Tell how a training goes on, as seldom as nobody misses it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

INTERVAL = 1.0
"""Seconds between two validations that are told where not each is needed."""


class Telling:
    """Reports validations, of which Ray Tune has a training wait for its answer, longer than for a short epoch.

    Args:
        report: takes the metrics of a validation and ``epochs``, how many there were.
        metrics: that are reported.
        every: whether each validation is, as whatever stops trainings early needs them; else one in a second.

    Attributes:
        validations: how many there were.
    """

    def __init__(self, report: Callable[[dict[str, Any]], object], metrics: Sequence[str], every: bool) -> None:
        self._report, self._metrics, self._every = report, metrics, every
        self._told = -INTERVAL
        self.validations = 0

    def __call__(self, _: int, found: dict[str, Any]) -> None:
        """Count a validation, and report it if it is its turn."""
        self.validations += 1
        now = time.monotonic()
        if self._every or now - self._told >= INTERVAL:
            self._told = now
            self._report({name: float(found[name]) for name in self._metrics} | {"epochs": self.validations})
