"""A data set small enough to check by hand, and a way to write atomic files."""

from __future__ import annotations

from pathlib import Path

TINY = {
    "ann": "a b c",
    "bob": "a b d",
    "cat": "a c e",
    "dan": "a b f",
    "eve": "a b c d e f g",
    "fay": "a h",
}
"""Six users and eight items: a has 6 interactions, b 4, c 3, d, e and f 2, g and h 1; 21 in all."""


def write_atomic(folder: Path, name: str, lines: list[str]) -> Path:
    """Write ``<folder>/<name>/<name>.inter`` from its lines, in which a blank stands for a tab."""
    path = folder / name / f"{name}.inter"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(line.replace(" ", "\t") + "\n" for line in lines))
    return path


def tiny_lines() -> list[str]:
    """The hand-checkable data set as lines of an atomic file."""
    rows = [f"{user} {item}" for user, items in TINY.items() for item in items.split()]
    return ["user_id:token item_id:token", *rows]
