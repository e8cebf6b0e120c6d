"""The exceptions that a user sees as one line, and the near miss that such a line names."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class InputError(ValueError):
    """A wrong option, file or data set: one line that names it, its value and what is allowed."""


class UnwritableFile(InputError, OSError):
    """A file that cannot be written, and why: a folder that must not be written to, or a full disk."""


class TrainingStopped(InputError):
    """A training that its settings lead nowhere: one line that says where it was, why, and what may help."""


def near_miss(name: str, known: Iterable[str]) -> str:
    """Return ``", did you mean X?"`` for the known name closest to ``name``, or an empty string."""
    by_lower = {candidate.lower(): candidate for candidate in known}
    matches = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=0.6)
    return f", did you mean {by_lower[matches[0]]}?" if matches else ""
