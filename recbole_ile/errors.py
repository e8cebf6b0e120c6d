"""The exceptions that a user sees as one line, and the near miss that such a line names."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class InputError(ValueError):
    """A wrong option, file or data set: one line that names it, its value and what is allowed."""


class DamagedCheckpoint(InputError):
    """A checkpoint that cannot be read, or does not hold the parameters of the model that it is read for."""


class UnwritableFile(InputError, OSError):
    """A file that cannot be written, and why: a folder that must not be written to, or a full disk."""


class TrainingStopped(InputError):
    """Training stopped because the loss is not finite; one line says where, why and what may help."""


class MachineLost(RuntimeError):
    """A process that a command cannot go on without has ended: one line that says which, and what is kept."""


def near_miss(name: str, known: Iterable[str], likeness: float = 0.6) -> str:
    """Return ``", did you mean X?"`` for the known name closest to ``name``, or an empty string.

    Args:
        name: what was written.
        known: what could have been meant.
        likeness: how alike the two are at least, from 0 to 1 for the same.
    """
    by_lower = {candidate.lower(): candidate for candidate in known}
    matches = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=likeness)
    return f", did you mean {by_lower[matches[0]]}?" if matches else ""
