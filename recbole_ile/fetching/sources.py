"""The data sets that are known by name, and which names a data set may have."""

from __future__ import annotations

import re
from typing import NamedTuple

from recbole_ile.errors import InputError, near_miss
from recbole_ile.plugin.catalogue.properties import defaults

PACKAGED = "ml-100k"
"""RecBole trains on its own copy of this one, wherever ``data_path`` points."""

_NAME = re.compile(r"\w(?:[\w.-]{0,98}\w)?")


class Source(NamedTuple):
    """Where a data set comes from.

    Attributes:
        name: of the data set.
        url: of the publisher's file.
        checksum: ``algorithm:hex``, or ``None``.
        publisher: who publishes it.
        page: where a person can download it.
        terms: under which it may be used, and what to cite.
        unchecked: why there is no checksum.
        member: file inside the archive.
    """

    name: str
    url: str
    checksum: str | None
    publisher: str
    page: str
    terms: str
    unchecked: str = ""
    member: str | None = None


def known_sources() -> dict[str, Source]:
    """Return every data set that can be downloaded, by name."""
    return {name: Source(name, **entry) for name, entry in defaults("fetch/sources.yaml").items()}


def find_source(name: str) -> Source:
    """Return the data set of this name.

    Raises:
        InputError: names the near miss, those that are known, and how to convert a file of one's own.
    """
    sources = known_sources()
    if name not in sources:
        raise InputError(
            f"unknown data set {name}{near_miss(name, sources)}; there are {', '.join(sources)}; "
            f"a file of your own is converted with recbole-ile fetch {name} --from=<file>"
        )
    return sources[name]


def check_name(name: str) -> None:
    """Refuse a name that could not be a folder below ``data_path``, or that RecBole would not look up there.

    Raises:
        InputError: says what a name may hold.
    """
    if not _NAME.fullmatch(name) or ".." in name:
        raise InputError(
            f"data set name {name!r} is not allowed; it takes letters, digits, '_', '-' and single dots inside, "
            "100 characters at most"
        )
