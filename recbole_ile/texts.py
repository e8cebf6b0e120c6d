"""Show texts that come from data where some of their characters would act: in a terminal, a log or a file's name."""

from __future__ import annotations

import re

INVISIBLE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
"""Control characters, line ends, what turns the direction of writing, and what UTF-8 cannot hold."""
COLOUR = re.compile("(\x1b\\[(?:(?:[01];)?3[0-7]|0)m)")
"""What RecBole's log writes where it has colours."""
LONGEST_NAME, LONGEST_PART = 80, 100
"""Characters of a name in a figure, and bytes of a data set's in the name of a file, which has 255 in all."""


def printable(text: object) -> str:
    """Return a text in one line, in which nothing acts: an escape character is shown as ``\\x1b``.

    Control characters, line ends, overrides of the direction of writing and lone surrogates become the escapes that
    Python writes for them; all other characters stay, backslashes too.
    """
    return INVISIBLE.sub(lambda found: _escape(found[0]), str(text))


def printable_lines(text: object) -> str:
    """Return a text as ``printable`` does, but with its line ends, its tabs and the colours of RecBole's log."""
    parts = COLOUR.split(str(text))
    return "".join(
        part if position % 2 else re.sub(r"[^\n\t]+", lambda found: printable(found[0]), part)
        for position, part in enumerate(parts)
    )


def one_line(text: object) -> str:
    """Return a text of several lines in one, blanks between its words, otherwise as ``printable`` does."""
    return printable(" ".join(re.split(r"[ \t\r\n]+", str(text).strip(" \t\r\n"))))


def shortened(text: str, longest: int = LONGEST_NAME) -> str:
    """Return a text of at most so many characters: of a longer one the beginning and the end."""
    if len(text) <= longest:
        return text
    end = (longest - 1) // 3
    return f"{text[: longest - 1 - end]}…{text[-end:]}"


def file_name(text: str) -> str:
    """Return a text as a part of a file's name on any system: letters, digits, ``_``, ``-`` and dots within it."""
    return re.sub(r"[^\w.-]", "_", text).encode()[:LONGEST_PART].decode(errors="ignore").strip(".") or "_"


def _escape(character: str) -> str:
    return character.encode("ascii", "backslashreplace").decode() if ord(character) > 127 else repr(character)[1:-1]
