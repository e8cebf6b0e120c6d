"""Show results in a terminal, in which no text that comes from data acts."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.text import Text

from recbole_ile.texts import printable


class Terminal(Console):
    """A console that shows plain texts as they are: square brackets and colons are no markup, ESC an escape."""

    def __init__(self, width: int | None = None) -> None:
        super().__init__(width=width, markup=False, emoji=False)

    def print(self, *objects: Any, **keywords: Any) -> None:
        """Print as Rich does; of a plain text only the line ends act."""
        shown = ("\n".join(map(printable, each.split("\n"))) if isinstance(each, str) else each for each in objects)
        super().print(*shown, **keywords)


def words(text: object, style: str = "") -> Text:
    """Return a text from data for a line or a cell of a table; control characters are shown as escapes."""
    return Text(printable(text), style)
