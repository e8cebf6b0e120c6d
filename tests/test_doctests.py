"""Every public function of ``functional`` and ``kernels`` has an example in its docstring, and the example holds."""

from __future__ import annotations

import doctest
import importlib
import inspect
import io
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import recbole_ile

PACKAGE = Path(recbole_ile.__file__).parent
FILES = [
    *PACKAGE.glob("functional/*.py"),
    *PACKAGE.glob("kernels/*.py"),
    PACKAGE / "experiments/comparison/statistics.py",
]
PATHS = [path.relative_to(PACKAGE) for path in sorted(FILES) if path.stem != "__init__"]
NAMES = [path.stem for path in PATHS]
MODULES = [importlib.import_module(".".join(("recbole_ile", *path.with_suffix("").parts))) for path in PATHS]


def in_python(member: Any) -> Any:
    """Return the function behind one that is compiled."""
    return getattr(member, "py_func", member)


def own_public(module: ModuleType) -> list[tuple[str, Any]]:
    """Return the public functions and classes that a module itself defines."""
    members = [(name, in_python(member)) for name, member in vars(module).items() if not name.startswith("_")]
    kinds = [(name, member) for name, member in members if inspect.isfunction(member) or inspect.isclass(member)]
    return [(name, member) for name, member in kinds if member.__module__ == module.__name__]


def has_functions(member: Any) -> bool:
    """Tell whether it is a function, or a class, of which there can be an object, with a public one."""
    if inspect.isfunction(member) or getattr(member, "_is_protocol", False):
        return inspect.isfunction(member)
    return any(inspect.isfunction(each) and not name.startswith("_") for name, each in vars(member).items())


DOCUMENTED = [(module, name, member) for module in MODULES for name, member in own_public(module)]
IDS = [f"{module.__name__.rpartition('.')[2]}.{name}" for module, name, _ in DOCUMENTED]


def test_every_module_is_walked() -> None:
    assert {each.partition(".")[0] for each in IDS} == set(NAMES)
    assert {"item_sets.ItemSets", "distances.distance", "statistics.holm"} <= set(IDS)
    assert "pair_kernels.scores" in IDS or "pair_kernels" not in NAMES


@pytest.mark.parametrize(("module", "name", "member"), DOCUMENTED, ids=IDS)
def test_the_example_of_a_docstring_holds(module: ModuleType, name: str, member: Any) -> None:
    text = inspect.getdoc(member) or ""
    examples = doctest.DocTestParser().get_doctest(text, dict(vars(module)), name, module.__file__, None)
    assert examples.examples or not has_functions(member), f"{module.__name__}.{name} has no example, no >>> line"
    told = io.StringIO()
    failed, _ = doctest.DocTestRunner(verbose=False).run(examples, out=told.write)
    assert failed == 0, told.getvalue()
