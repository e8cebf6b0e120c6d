"""The time that a sweep may take, of which a part is kept for the report."""

from __future__ import annotations

import re
from dataclasses import dataclass

from recbole_ile.errors import InputError

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}
_LEAST = 1.0
DRAWING = 5.0
"""Seconds that tables, figures and pages take."""


def read_budget(text: str) -> float:
    """Return the seconds that ``90s``, ``30m`` or ``1.5h`` mean.

    Raises:
        InputError: names the value and how it is written.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smh])", text.strip())
    if not found:
        meant = re.match(r"\d+(?:\.\d+)?", text.strip())
        miss = f"; {meant[0]} minutes are {meant[0]}m" if meant else ""
        raise InputError(f"option budget={text} is not allowed{miss}; it is a time such as 90s, 30m or 1.5h")
    seconds = float(found[1]) * _UNITS[found[2]]
    if seconds < _LEAST:
        raise InputError(f"option budget={text} is not allowed; it is at least {_LEAST:g}s")
    return seconds


def kept_for_report(seconds: float) -> float:
    """Return the part of a budget in which nothing is trained: a tenth, at least 10 s and at most a minute.

    It is what testing the front and drawing it take; of a budget of a few seconds it is a half.
    """
    return min(max(10.0, 0.1 * seconds), 60.0, 0.5 * seconds)


@dataclass(frozen=True)
class Budget:
    """The time that a sweep may take from a moment on.

    Attributes:
        seconds: how long, ``None`` for as long as it takes.
        started: the moment, as ``time.time`` tells it.
    """

    seconds: float | None
    started: float

    @property
    def end_of_training(self) -> float | None:
        """The moment from which on nothing is trained, ``None`` if there is none."""
        return None if self.seconds is None else self.started + self.seconds - kept_for_report(self.seconds)

    @property
    def end_of_tests(self) -> float | None:
        """The moment at which the test part has to be evaluated, ``None`` if there is none."""
        return None if self.seconds is None else self.started + self.seconds - DRAWING

    def seconds_of_a_model(self, at_once: int, models: int) -> float | None:
        """Return how long each trained model may be evaluated, so that all base models have their turn.

        Half of the time is for evaluation, and each base model is trained at least once.

        Args:
            at_once: trainings at a time.
            models: base models that are tried.
        """
        if self.seconds is None:
            return None
        return 0.5 * at_once * (self.seconds - kept_for_report(self.seconds)) / max(models, at_once)

    def left_for_training(self, now: float) -> float | None:
        """Return the seconds in which trainings may still run, at least 0; ``None`` if nothing limits them."""
        end = self.end_of_training
        return None if end is None else max(0.0, end - now)

    def is_spent(self, now: float) -> bool:
        """Tell whether nothing may be trained any more."""
        return self.left_for_training(now) == 0.0
