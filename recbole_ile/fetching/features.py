"""The films and people that MovieLens archives describe, as the columns that RecBole's own data sets give them."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Container
from pathlib import Path
from typing import NamedTuple

from recbole_ile.fetching.archive import read_beside
from recbole_ile.fetching.malformed import Malformed

_UNTITLED_YEAR = re.compile(r"\s*\((\d{4})[^()]*\)\s*$")
_GENRES_100K = (
    *("unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime", "Documentary", "Drama"),
    *("Fantasy", "Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller", "War", "Western"),
)
"""The flags of ``u.item`` in their order, from its ``u.genre``."""


class Features(NamedTuple):
    """What is known about users or items.

    Attributes:
        kind: ``user`` or ``item``.
        header: the columns, as ``name:type``; the first holds the identifier.
        rows: for each identifier, all fields.
        file: that they come from.
        malformed: its lines that could not be read.
    """

    kind: str
    header: tuple[str, ...]
    rows: dict[str, tuple[str, ...]]
    file: str
    malformed: Malformed

    def __str__(self) -> str:
        names = [column.partition(":")[0] for column in self.header[1:]]
        return f"{len(self.rows)} {self.kind}s with {', '.join(names)}"

    def of(self, identifiers: Container[str]) -> Features:
        """Return those of some users or items."""
        return self._replace(rows={name: row for name, row in self.rows.items() if name in identifiers})


class _Table(NamedTuple):
    kind: str
    separator: str
    fields: int
    read: Callable[[list[str]], tuple[str, ...]]
    header: tuple[str, ...]
    named: bool = False


def read_features(path: Path, member: str | None = None) -> list[Features]:
    """Return the features of items and users that a zip archive holds next to its interactions.

    Args:
        path: the archive; another file has none.
        member: file of the interactions.

    Raises:
        DamagedFile: for a truncated or unsafe archive.
    """
    return [_parse(_TABLES[name], name, content) for name, content in read_beside(path, _TABLES, member).items()]


def _parse(table: _Table, name: str, content: bytes) -> Features:
    rows, malformed = {}, Malformed()
    for number, line in enumerate(_decoded(content).replace("\r\n", "\n").split("\n"), start=1):
        if not line or (table.named and number == 1):
            continue
        fields = _split(line, table.separator)
        if len(fields) == table.fields and fields[0].strip():
            row = tuple(clean(field) for field in table.read(fields))
            rows[row[0]] = row
        else:
            malformed.add([number], f"not the {table.fields} fields of {name}")
    return Features(table.kind, table.header, rows, name, malformed)


def _split(line: str, separator: str) -> list[str]:
    if separator != ",":
        return line.split(separator)
    try:
        return next(csv.reader([line]))
    except csv.Error:  # a field of more than 128 KiB
        return []


def _decoded(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:  # the older archives
        return content.decode("latin-1")


def clean(field: str) -> str:
    """Take away what RecBole's reader would take for the end of a field or for quotes around it."""
    return " ".join(field.replace('"', "'").split())


def _titled(title: str) -> tuple[str, str]:
    year = _UNTITLED_YEAR.search(title)
    return (title[: year.start()], year[1]) if year else (title, "")


def _film(fields: list[str]) -> tuple[str, ...]:
    genres = "" if fields[2].startswith("(no genres") else fields[2].replace("|", " ")
    return fields[0], *_titled(fields[1]), genres


def _film_100k(fields: list[str]) -> tuple[str, ...]:
    genres = [genre for genre, flag in zip(_GENRES_100K, fields[5:], strict=True) if flag == "1"]
    return fields[0], *_titled(fields[1]), " ".join(genres)


def _person(fields: list[str]) -> tuple[str, ...]:
    name, gender, age, occupation, place = fields
    return name, age, gender, occupation, place


_FILM = ("item_id:token", "movie_title:token_seq", "release_year:token", "genre:token_seq")
_FILM_100K = (*_FILM[:-1], "class:token_seq")
_PERSON = ("user_id:token", "age:token", "gender:token", "occupation:token", "zip_code:token")
_TABLES = {
    "movies.dat": _Table("item", "::", 3, _film, _FILM),
    "movies.csv": _Table("item", ",", 3, _film, _FILM, named=True),
    "u.item": _Table("item", "|", 5 + len(_GENRES_100K), _film_100k, _FILM_100K),
    "users.dat": _Table("user", "::", 5, _person, _PERSON),
    "u.user": _Table("user", "|", 5, tuple, _PERSON),
}
