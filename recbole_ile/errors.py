"""The one exception for input that a user can mend, and the near miss it names."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class InputError(ValueError):
    """A wrong option, file or data set: one line that names it, its value and what is allowed."""


def near_miss(name: str, known: Iterable[str]) -> str:
    """Return ``", did you mean X?"`` for the known name closest to ``name``, or an empty string."""
    by_lower = {candidate.lower(): candidate for candidate in known}
    matches = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=0.6)
    return f", did you mean {by_lower[matches[0]]}?" if matches else ""
