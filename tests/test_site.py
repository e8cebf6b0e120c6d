"""The site builds without a warning, loads nothing from elsewhere, and has what is generated from the package."""

from __future__ import annotations

import html
import re
import subprocess
import sys
from pathlib import Path

import pytest
from notebooks import NOTEBOOKS

from recbole_ile.cli import COMMANDS
from recbole_ile.commands.parsers import load_command
from recbole_ile.plugin.catalogue.mitigations import known_mitigations
from recbole_ile.plugin.catalogue.models import model_names
from recbole_ile.plugin.config.explained import documented_options

ROOT = Path(__file__).parent.parent
LOADED = re.compile(
    r"<(?:script|img|iframe|source)\b[^>]*\bsrc=\"?(?:https?:)?//"
    r"|<link\b[^>]*rel=\"?(?:stylesheet|preload|icon)[^>]*href=\"?(?:https?:)?//"
    r"|@import\s+url\(\W?https?:"
)


@pytest.mark.slow
def test_the_site_builds_and_is_whole(tmp_path: Path) -> None:
    pytest.importorskip("material", reason='pip install "recbole_ile[docs]", as make docs does')
    build = [sys.executable, "-m", "mkdocs", "build", "--strict", "--config-file", str(ROOT / "mkdocs.yml")]
    made = subprocess.run([*build, "--site-dir", str(tmp_path)], capture_output=True, text=True)
    assert made.returncode == 0, made.stderr[-3000:]
    pages = {
        path.relative_to(tmp_path).as_posix(): path.read_text(encoding="utf-8") for path in tmp_path.rglob("*.html")
    }
    assert {"index.html", "security.html", "changelog.html", "contributing.html", "methods.html"} <= set(pages)
    assert [name for name, text in pages.items() if LOADED.search(text)] == [], "what needs a network"
    options = html.unescape(pages["reference/options.html"])
    for option in documented_options().values():
        assert f"<code>{option.name}</code>" in options
    for model in model_names():
        assert re.search(rf"\b{model}\b", pages["reference/models.html"])
    for suffix in known_mitigations():
        assert f"<td>{suffix}</td>" in pages["reference/models.html"], "a row that says what it does"
    commands = html.unescape(pages["how-to/commands.html"])
    for name, path in COMMANDS.items():
        assert f"usage: recbole-ile {name}" in commands
        assert load_command(path).HELP in commands
    assert "run_recbole_ile" in pages["reference/python.html"]
    for path in NOTEBOOKS:
        page = pages[f"notebooks/{path.stem}.html"]
        assert page.count('class="notebook-figure"') == page.count("data-figure=") > 0
        assert "<table>" in page
        assert (tmp_path / "notebooks" / path.name).is_file(), "to be had as a notebook, too"
    assert (tmp_path / "notebooks" / "plotly.min.js").stat().st_size > 1_000_000
