"""The notebooks run, and what is stored in them is what they show, of nobody's machine."""

from __future__ import annotations

import ast
import os
import re
from pathlib import Path

import pytest
from notebooks import FIGURE, NOTEBOOKS, SECONDS, TABLE, code_of, executed, outputs_of, read

NAMES = [path.stem for path in NOTEBOOKS]


def test_there_are_three() -> None:
    assert set(NAMES) == {"quick-start", "your-own-data", "comparison-for-a-paper"}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=NAMES)
def test_a_notebook_is_whole(path: Path) -> None:
    notebook = read(path)
    assert notebook["nbformat"] == 4
    assert len({cell["id"] for cell in notebook["cells"]}) == len(notebook["cells"])
    assert "".join(notebook["cells"][0]["source"]).startswith("# "), "its title"
    for source in code_of(notebook):
        ast.parse(source)
    kinds = {kind for output in outputs_of(notebook) for kind in output.get("data", {})}
    assert {TABLE, FIGURE} <= kinds, "tables and figures are stored, for the site"
    assert not any(output["output_type"] == "error" for output in outputs_of(notebook))
    for figure in (output["data"][FIGURE] for output in outputs_of(notebook) if FIGURE in output.get("data", {})):
        layout = figure["layout"]
        assert all(layout[part]["title"]["text"] for part in ("xaxis", "yaxis"))
        assert layout["title"]["text"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=NAMES)
def test_a_notebook_is_of_nobodys_machine(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.findall(r"/(?:tmp|home|root|work|Users)/", text)
    assert len(text) < 200_000


@pytest.mark.slow
def test_the_notebooks_run(tmp_path: Path) -> None:
    pytest.importorskip("nbclient", reason='pip install "recbole_ile[test]"')
    pytest.importorskip("ipykernel", reason='pip install "recbole_ile[test]"')
    started = seconds_of_children()
    for path in NOTEBOOKS:
        folder = tmp_path / path.stem
        folder.mkdir()
        again, stored = executed(path, folder), read(path)
        assert [each.get("data", {}).keys() for each in outputs_of(again)] == [
            each.get("data", {}).keys() for each in outputs_of(stored)
        ], "what is stored is of the same kinds; python tests/notebooks.py stores it anew"
    assert seconds_of_children() - started < SECONDS, "of processors, however busy the machine is"


def seconds_of_children() -> float:
    """Return the time of processors that ended children took; nothing where the system does not tell."""
    taken = os.times()
    return taken.children_user + taken.children_system
