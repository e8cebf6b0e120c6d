"""Tell Ray Tune how a training goes on, as seldom as nobody misses it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from ray import tune

INTERVAL = 1.0
"""Seconds between two validations that are told where not each is needed."""


class Telling:
    """Reports validations to Ray Tune, for whose answer a training waits each time, longer than for a short epoch.

    Args:
        metrics: that are reported.
        every: whether each validation is, as whatever stops trainings early needs them; else one in a second.

    Attributes:
        validations: how many there were.
    """

    def __init__(self, metrics: Sequence[str], every: bool) -> None:
        self._metrics, self._every = metrics, every
        self._told = -INTERVAL
        self.validations = 0

    def __call__(self, _: int, found: dict[str, Any]) -> None:
        """Count a validation, and report it if it is its turn."""
        self.validations += 1
        now = time.monotonic()
        if self._every or now - self._told >= INTERVAL:
            self._told = now
            tune.report({name: float(found[name]) for name in self._metrics} | {"epochs": self.validations})
