"""Arrows between the packages point downwards only."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "recbole_ile"
LAYERS = ["functional", "plugin", "fetching", "sweeping", "comparing", "report", "commands", "cli"]
"""From the lowest; a file may import from its own layer and those below. What is in no layer is below all."""


def imported_modules(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def layer_of(parts: tuple[str, ...]) -> int:
    return LAYERS.index(parts[0]) if parts and parts[0] in LAYERS else -1


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_downwards(path: Path) -> None:
    if path.name in ("__init__.py", "__main__.py") and path.parent == PACKAGE:
        return
    own = layer_of(path.relative_to(PACKAGE).with_suffix("").parts)
    for module in imported_modules(path):
        if module.startswith("recbole_ile."):
            assert layer_of(tuple(module.split(".")[1:])) <= own, f"{path} imports {module}"


def test_functional_knows_neither_recbole_nor_ray() -> None:
    for path in (PACKAGE / "functional").glob("*.py"):
        tops = {module.split(".")[0] for module in imported_modules(path)}
        assert not tops & {"recbole", "ray"}, path


def test_only_compat_patches_recbole() -> None:
    names = {"Config", "Dataset", "Collector", "Trainer", "torch", "np", "module", "quick_start"}
    for path in PACKAGE.rglob("*.py"):
        if path.name == "compat.py":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            for target in node.targets if isinstance(node, ast.Assign) else []:
                patched = isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name)
                assert not (patched and target.value.id in names), f"{path}:{node.lineno}"


def test_importing_the_package_does_not_import_ray() -> None:
    code = "import sys, recbole_ile, recbole_ile.commands.run; print(sorted({'ray', 'ray.tune'} & set(sys.modules)))"
    environment = {"PYTHONPATH": str(PACKAGE.parent), "PATH": "/usr/bin"}
    seen = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert seen.stdout.strip() == "[]"
