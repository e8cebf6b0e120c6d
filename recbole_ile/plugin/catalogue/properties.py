"""Where the YAML files with every default lie, in a wheel and in a source tree."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from recbole_ile.errors import InputError, near_miss


def properties_dir() -> Path:
    """Return the folder ``properties``: inside the installed package, or beside it in a source tree."""
    package = Path(__file__).resolve().parent.parent.parent
    packaged = package / "properties"
    return packaged if packaged.is_dir() else package.parent / "properties"


def defaults(relative: str) -> dict[str, Any]:
    """Return the content of one of our own YAML files, ``overall.yaml`` say."""
    with open(properties_dir() / relative, encoding="utf-8") as file:
        return yaml.safe_load(file) or {}


def preset_file(name: str, dataset: str | None = None) -> str:
    """Return the path of ``preset/<name>.yaml``, or of ``preset/<name>-<dataset>.yaml``.

    Raises:
        InputError: if there is no such preset; names those that exist.
    """
    presets = {path.stem: path for path in sorted((properties_dir() / "preset").glob("*.yaml"))}
    found = presets.get(name) or presets.get(f"{name}-{dataset}")
    if found is None:
        raise InputError(f"unknown preset {name}{near_miss(name, presets)}; there are {', '.join(presets)}")
    return str(found)
