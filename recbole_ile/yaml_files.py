"""Read YAML of any origin as data: no objects, no text that stands for more than the memory holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from recbole_ile.errors import InputError

LARGEST_FILE = 16 * 2**20
"""Bytes that a YAML file may have."""
MOST_VALUES = 1_000_000
"""Values that a YAML file may hold, those of an alias counted wherever it stands."""


def read_yaml(path: str | Path, what: str, resolvers: dict[str, Any] | None = None) -> Any:
    """Return the content of a YAML file.

    Args:
        path: the file.
        what: it is called in an error, ``configuration file`` say.
        resolvers: as for ``parse_yaml``.

    Raises:
        InputError: if it cannot be read, is no YAML, names objects, or is too large.
    """
    try:
        return parse_yaml(path, resolvers)
    except (ValueError, OSError) as error:
        raise InputError(f"{what} {path} {error}") from error


def parse_yaml(path: str | Path, resolvers: dict[str, Any] | None = None) -> Any:
    """Return the content of a YAML file.

    Args:
        path: the file.
        resolvers: what a plain word may mean, as YAML's implicit resolvers; by default, what YAML says.

    Raises:
        ValueError: if it is no YAML, names objects, or is too large; says what it does as the predicate of a sentence.
        OSError: if it cannot be read.
    """
    path = Path(path)
    loader = type("DataLoader", (yaml.SafeLoader,), {"yaml_implicit_resolvers": resolvers} if resolvers else {})
    size = path.stat().st_size
    if size > LARGEST_FILE:
        raise ValueError(f"is too large: it has {size} bytes, {LARGEST_FILE} at most")
    try:
        content = yaml.load(path.read_bytes().decode("utf-8"), Loader=loader)
        n_values = count_values(content)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ValueError(f"is not valid YAML: {' '.join(str(error).split())}") from error
    if n_values > MOST_VALUES:
        raise ValueError(f"holds {n_values:.3g} values through its aliases; {MOST_VALUES} at most")
    return content


def count_values(content: Any, known: dict[int, int] | None = None) -> int:
    """Return how many values a content has if each alias is counted as what it stands for.

    Raises:
        ValueError: if something holds itself.

    >>> shared = [1, 2]
    >>> count_values({"a": shared, "b": [shared, shared]})
    11
    """
    known = {} if known is None else known
    if not isinstance(content, dict | list | tuple | set):
        return 1
    if id(content) in known:
        if known[id(content)] == 0:
            raise ValueError("an alias holds itself")
        return known[id(content)]
    known[id(content)] = 0
    entries = [*content.keys(), *content.values()] if isinstance(content, dict) else content
    known[id(content)] = 1 + sum(count_values(entry, known) for entry in entries)
    return known[id(content)]
