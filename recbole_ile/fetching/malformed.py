"""The lines of a file that are no interactions: how many, and the first of them with what is wrong."""

from __future__ import annotations

import heapq
from collections.abc import Iterable

SHOWN = 5


class Malformed:
    """Counts lines and remembers the first.

    Attributes:
        count: of lines.
    """

    def __init__(self) -> None:
        self.count = 0
        self._first: list[tuple[int, str]] = []

    def add(self, numbers: Iterable[int], reason: str) -> None:
        """Count lines, by their numbers in the file, that are malformed for one reason."""
        lines = [int(number) for number in numbers]
        self.count += len(lines)
        self._first = heapq.nsmallest(SHOWN, [*self._first, *((line, reason) for line in lines)])

    def __str__(self) -> str:
        if not self.count:
            return "no malformed lines"
        (line, reason), *others = self._first
        more = "".join(f", {line}" for line, _ in others) + (", ..." if self.count > SHOWN else "")
        return f"{self.count} malformed line{'s' * (self.count > 1)}: {line} ({reason}){more}"
