"""Arrows between the packages point downwards only. What may patch other packages is in ``test_patches.py``."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "recbole_ile"
HOOKS = PACKAGE / "plugin" / "hooks"
LAYERS = ["functional", "kernels", "plugin", "fetching", "experiments", "report", "commands", "cli"]
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


RAY = {"plugin/compat.py"}
FLOORS = [
    {"catalogue", "output", "processes"},
    {"config"},
    {"data"},
    {"losses", "evaluation", "checkpoints"},
    {"mitigations", "models", "training"},
    {"runs"},
    {"hooks"},
]
"""The rooms of ``plugin``, from the lowest; rooms of one floor do not know each other. Files in no room are below."""


def floor_of(parts: tuple[str, ...]) -> int:
    return next((number for number, rooms in enumerate(FLOORS) if parts[:1] and parts[0] in rooms), -1)


@pytest.mark.parametrize(
    "path", sorted((PACKAGE / "plugin").rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE))
)
def test_imports_between_the_rooms_of_plugin_point_downwards(path: Path) -> None:
    own = path.relative_to(PACKAGE / "plugin").with_suffix("").parts
    for module in imported_modules(path):
        parts = tuple(module.split(".")[2:])
        if module.startswith("recbole_ile.plugin.") and parts[0] != own[0]:
            assert floor_of(parts) < max(floor_of(own), 0), f"{path} imports {module}"


def test_every_room_of_plugin_has_a_floor() -> None:
    rooms = {path.name for path in (PACKAGE / "plugin").iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert rooms == set().union(*FLOORS)


def test_ray_is_known_to_the_engine_and_its_searcher_alone() -> None:
    for path in PACKAGE.rglob("*.py"):
        tops = {module.split(".")[0] for module in imported_modules(path)}
        assert "ray" not in tops or path.relative_to(PACKAGE).as_posix() in RAY or "engine" in path.parts, path


def test_functional_knows_neither_recbole_nor_ray() -> None:
    for path in (PACKAGE / "functional").glob("*.py"):
        tops = {module.split(".")[0] for module in imported_modules(path)}
        assert not tops & {"recbole", "ray"}, path


def test_nothing_but_the_package_itself_imports_the_hooks() -> None:
    for path in PACKAGE.rglob("*.py"):
        if path != PACKAGE / "__init__.py" and path.parent != HOOKS:
            assert not any(f"{module}.".startswith("recbole_ile.plugin.hooks.") for module in imported_modules(path))


@pytest.mark.trains
def test_importing_the_package_does_not_import_ray() -> None:
    code = "import sys, recbole_ile, recbole_ile.commands.run; print(sorted({'ray', 'ray.tune'} & set(sys.modules)))"
    assert said_by(code) == "[]"


@pytest.mark.trains
def test_a_run_of_bpr_imports_no_compiler_and_an_optimizer_works_with_one(tiny: Path) -> None:
    options = {"data_path": str(tiny), "epochs": 1, "topk": 2, "valid_metric": "NDCG@2", "state": "ERROR"}
    code = (
        "import sys, torch, recbole_ile\n"
        f"recbole_ile.run_recbole_ile('BPR_ILE', 'tiny', config_dict={options}, saved=False)\n"
        "print('torch._dynamo' in sys.modules)\n"
        "import torch._dynamo\n"
        "adam = torch.optim.Adam([torch.nn.Parameter(torch.ones(1))])\n"
        "adam.add_param_group({'params': [torch.nn.Parameter(torch.ones(2))]})\n"
        "adam.load_state_dict(adam.state_dict())\n"
        "print(len(adam.param_groups))"
    )
    assert said_by(code).split()[-2:] == ["False", "2"]


def said_by(code: str) -> str:
    """Return what Python prints that knows this package and nothing of this process."""
    environment = {"PYTHONPATH": str(PACKAGE.parent), "PATH": "/usr/bin"}
    seen = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    return seen.stdout.strip()
