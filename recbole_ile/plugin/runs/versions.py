"""The versions of what a run stands on."""

from __future__ import annotations

import contextlib
import platform
from importlib.metadata import PackageNotFoundError, version

PACKAGES = ("recbole", "torch", "numpy", "pandas", "scipy")


def versions() -> dict[str, str]:
    """Return the versions of Python, this plugin and what it stands on."""
    found = {"python": platform.python_version()}
    for package in ("recbole_ile", *PACKAGES):
        with contextlib.suppress(PackageNotFoundError):
            found[package] = version(package)
    return found
