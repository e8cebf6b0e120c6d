"""What ``docs/architecture.md`` names exists, and its drawing is that of the floors which the imports keep."""

from __future__ import annotations

import ast
import functools
import re
from pathlib import Path

import pytest
import yaml
from test_layers import FLOORS, LAYERS

from recbole_ile.plugin.catalogue.mitigations import ENTRY_POINTS
from recbole_ile.plugin.checkpoints.behaviour_states import KEY, OLDER

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "recbole_ile"
TEXT = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
DRAWING = TEXT.split("```")[1]
SPANS = sorted(set(re.findall(r"`([^`\n]+)`", TEXT.replace(f"```{DRAWING}```", ""))))
OF_A_RUN = {"result.json", "ile_target.csv", "group_losses.csv", ".item", ".user"}
"""Files that runs and data sets have, not the repository."""
OF_LIBRARIES = {"other_parameter", "torch.save"}
COMMANDS = {"fetch", "recommend", "export", "run --checkpoint", "sweep", "--model=BPR_ILE_CP", "--resume"}
MODELS = {"BPR_ILE", "BPR_ILE_CP"}
YAML_KEYS = {"search:"}
STATED = OF_A_RUN | OF_LIBRARIES | COMMANDS | MODELS | YAML_KEYS
PATHS = [span for span in SPANS if span not in STATED and ("/" in span or span.endswith((".py", ".md", ".yaml")))]
NAMES = [span for span in SPANS if span not in STATED and span not in PATHS]


@functools.cache
def definitions() -> frozenset[str]:
    """Return the names of the package's modules' classes, functions, variables, attributes, and of all options."""
    found: set[str] = {KEY, *OLDER, ENTRY_POINTS}
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef | ast.FunctionDef):
                found.add(node.name)
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                found.add(node.id)
            elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
                found.add(node.attr)
    for path in (ROOT / "properties").rglob("*.yaml"):
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        found |= set(content) if isinstance(content, dict) else set()
    return frozenset(found)


@functools.cache
def members() -> dict[str, frozenset[str]]:
    """Return what each class of the package defines itself, by the name of the class."""
    found: dict[str, frozenset[str]] = {}
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                functions = {each.name for each in node.body if isinstance(each, ast.FunctionDef)}
                stored = {
                    each.id
                    for statement in node.body
                    if isinstance(statement, ast.Assign | ast.AnnAssign)
                    for each in ast.walk(statement)
                    if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)
                }
                found[node.name] = found.get(node.name, frozenset()) | functions | stored
    return found


def test_there_is_something_to_compare() -> None:
    assert len(PATHS) > 40
    assert len(NAMES) > 40
    assert set(SPANS) >= STATED, "an exception that is no longer needed"


@pytest.mark.parametrize("path", PATHS)
def test_a_path_exists(path: str) -> None:
    assert (ROOT / path).exists() or (PACKAGE / path).exists()


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_defined(name: str) -> None:
    owner, _, member = name.removesuffix("()").partition(".")
    if owner in members() and member:
        assert member in members()[owner]
    else:
        assert name.removesuffix("()") in definitions()


def test_the_drawing_is_that_of_the_floors() -> None:
    house = re.findall(r"^(?:  |┌ )(\w+):", DRAWING, flags=re.MULTILINE)
    rooms = re.findall(r"^│ ([\w, ]+):", DRAWING, flags=re.MULTILINE)
    assert house == LAYERS[::-1]
    assert [set(floor.split(", ")) for floor in rooms] == FLOORS[::-1]
