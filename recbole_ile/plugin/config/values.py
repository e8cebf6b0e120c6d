"""Values of options as they are written: literals, YAML files, numbers of bytes."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

from recbole_ile.errors import InputError, near_miss
from recbole_ile.yaml_files import read_yaml

UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}
_WORDS = re.compile(r"\[(\s*[A-Za-z_][\w@.]*\s*(?:,\s*[A-Za-z_][\w@.]*\s*)*)\]")
"""A list of words without quotes; intervals such as ``[0,inf]`` are none."""


def memory_bytes(value: Any) -> int:
    """Read an amount of memory: a number of bytes, or a text such as ``256MB``.

    Raises:
        ValueError: for anything else, and for less than a byte.
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*", str(value), flags=re.IGNORECASE)
    if (
        isinstance(value, bool)
        or not match
        or match[2].upper() not in UNITS
        or float(match[1]) * UNITS[match[2].upper()] < 1
    ):
        raise ValueError("it takes a number of bytes, or a text such as 256MB or 1GiB")
    return int(float(match[1]) * UNITS[match[2].upper()])


def read_literal(value: Any) -> Any:
    """Read a string as the Python literal that it spells, without evaluating anything.

    ``"0.1"`` becomes a number, ``"[5, 10]"`` a list, ``"True"`` and ``"true"`` a boolean, ``"None"``
    nothing, and ``"[NDCG,UPD]"``, words that begin with letters, a list of strings; whatever else is no literal stays a
    string, as does anything that is not a string.
    """
    if not isinstance(value, str):
        return value
    if value.lower() in ("true", "false"):
        return value.lower() == "true"
    try:
        return ast.literal_eval(value.strip())
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        words = _WORDS.fullmatch(value.strip())
        return [word.strip() for word in words[1].split(",")] if words else value


def read_config_file(path: str | Path, resolvers: dict[str, Any] | None = None) -> dict[str, Any]:
    """Read a configuration file.

    Args:
        path: a YAML file.
        resolvers: what a plain word may mean, as YAML's implicit resolvers; by default, what YAML says.

    Raises:
        InputError: if it does not exist, is empty, is no YAML or holds no ``key: value`` pairs.
    """
    path = Path(path)
    if not path.is_file():
        siblings = [sibling.name for sibling in path.parent.glob("*.y*ml")] if path.parent.is_dir() else []
        raise InputError(f"configuration file {path} does not exist{near_miss(path.name, siblings)}")
    content = read_yaml(path, "configuration file", resolvers)
    if content is None:
        raise InputError(f"configuration file {path} is empty; it needs `key: value` lines")
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise InputError(f"configuration file {path} holds no `key: value` pairs")
    return content
