"""How many threads train, found out while they do: where another process wants the cores, fewer are faster."""

from __future__ import annotations

import math
from collections.abc import Sequence

PERIOD = 16
"""Parts of an epoch that are trained as was fastest before each number of threads is tried again."""


class ThreadChoice:
    """Chooses a number of threads for each part of a training whose result does not depend on it.

    Args:
        counts: numbers of threads to choose from.
    """

    def __init__(self, counts: Sequence[int]) -> None:
        self._counts = tuple(counts)
        self._paces = dict.fromkeys(counts, math.inf)
        self._part = 0

    @property
    def tries(self) -> bool:
        """Whether the next part only tries a number of threads, so that a short one is enough."""
        return len(self._counts) > 1 and self._part % (PERIOD + len(self._counts)) < len(self._counts)

    def choose(self) -> int:
        """Return the number of threads for the next part."""
        place = self._part % (PERIOD + len(self._counts))
        return self._counts[place] if self.tries else min(self._counts, key=lambda count: self._paces[count])

    def tell(self, count: int, pace: float) -> None:
        """Take note of how the part went.

        Args:
            count: how many threads trained it.
            pace: seconds for each pair.
        """
        self._paces[count] = pace
        self._part += 1
