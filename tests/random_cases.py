"""How many random cases a property is tried on, where that is not the number of the profile."""

from __future__ import annotations

from typing import Any

from hypothesis import settings

USUAL = 100
"""The cases of a property that says nothing, in ``make test``."""


def cases(number: int, **options: Any) -> settings:
    """Try ``number`` cases in ``make test`` and the same share of them in ``make quick`` as of every other property."""
    return settings(max_examples=max(1, number * settings.default.max_examples // USUAL), **options)
