"""What the site has beyond the files of ``docs/``: the repository's own pages, and tables made from the package.

MkDocs calls the functions by their names when it builds the site.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File
from plotly.offline import get_plotlyjs

from recbole_ile.cli import COMMANDS
from recbole_ile.commands.parsers import load_command, parser_of
from recbole_ile.plugin.catalogue.mitigations import known_mitigations
from recbole_ile.plugin.catalogue.models import models_by_kind
from recbole_ile.plugin.config.explained import OURS, RECBOLE, Option, documented_options
from recbole_ile.report.run.support import support_markdown

ROOT = Path(__file__).parent
NOTEBOOKS = ROOT / "docs" / "notebooks"
PLOTLY = "notebooks/plotly.min.js"
FIGURE = "application/vnd.plotly.v1+json"
PAGES = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "SECURITY.md": "security.md",
    "CONTRIBUTING.md": "contributing.md",
}
"""Files of the repository that are pages of the site, too."""


def on_files(files: Any, config: Any) -> Any:
    """Add the pages of the repository, and to the navigation whatever page of ``docs/`` it does not name."""
    for name, page in PAGES.items():
        text = (ROOT / name).read_text(encoding="utf-8")
        files.append(File.generated(config, page, content=with_site_links(text)))
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        files.append(File.generated(config, f"notebooks/{path.stem}.md", content=notebook(path)))
    files.append(File.generated(config, PLOTLY, content=get_plotlyjs()))
    named = set(_pages(config["nav"]))
    others = [file.src_uri for file in files.documentation_pages() if file.src_uri not in named]
    if others:
        config["nav"].append({"More": sorted(others)})
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:  # noqa: ARG001  MkDocs' signature
    """Put the tables where a page has their names in a comment, and lead links to where a page is on the site."""
    for name, table in TABLES.items():
        if f"<!-- {name} -->" in markdown:
            markdown = markdown.replace(f"<!-- {name} -->", table())
    return with_site_links(markdown)


def with_site_links(text: str) -> str:
    """Return a text with links of the repository as links of the site."""
    for name, page in PAGES.items():
        text = re.sub(rf"\]\(((?:\.\./)*){re.escape(name)}", lambda found, page=page: f"]({_up(found[1])}{page}", text)
    text = re.sub(r"(\]\(|src=\")docs/", r"\1", text)
    return re.sub(r"(\]\(notebooks/[\w-]+)\.ipynb", r"\1.md", text)


def notebook(path: Path) -> str:
    """Return a notebook as Markdown, with what it shows; figures are drawn in the reader's browser."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    parts, figures = [], 0
    for cell in cells:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            parts.append(source)
            continue
        parts.append(f"```python\n{source}\n```")
        for output in cell["outputs"]:
            figures += FIGURE in output.get("data", {})
            parts.append(_shown(output, f"figure-{figures}"))
    title, *others = parts
    link = f"[This page as a notebook]({path.name}){{ download }}"
    drawn = ['<script src="plotly.min.js"></script>', '<script src="figures.js"></script>'] if figures else []
    return "\n\n".join([title, link, *others, *drawn]) + "\n"


def _shown(output: dict[str, Any], place: str) -> str:
    """Return an output of a cell: a figure, a table, or text."""
    data = output.get("data", {})
    if FIGURE in data:
        figure = data[FIGURE]
        title = html.escape(figure["layout"]["title"]["text"], quote=True)
        content = json.dumps({"data": figure["data"], "layout": figure["layout"]}).replace("<", "\\u003c")
        return (
            f'<div id="{place}" class="notebook-figure" role="img" aria-label="{title}"></div>\n'
            f'<script type="application/json" data-figure="{place}">{content}</script>'
        )
    if "text/html" in data:
        table = re.sub(r"<style.*?</style>", "", "".join(data["text/html"]), flags=re.DOTALL)
        return re.sub(r"<table[^>]*>", "<table>", table)
    text = "".join(output.get("text") or data.get("text/plain", ""))
    return f"```text\n{text.rstrip()}\n```"


def _up(steps: str) -> str:
    """Return the steps up to the folder of the pages, one fewer than to that of the repository."""
    return steps.removesuffix("../")


def _pages(nav: Iterable[Any]) -> Iterable[str]:
    for entry in nav:
        if isinstance(entry, str):
            yield entry
            continue
        for value in entry.values():
            yield from [value] if isinstance(value, str) else _pages(value)


def options() -> str:
    """Return tables of every option that belongs to no model, by who reads it."""
    by_owner: dict[str, list[Option]] = {}
    for option in documented_options().values():
        by_owner.setdefault(option.owner, []).append(option)
    titles = {OURS: "Of every run", **{suffix: suffix for suffix in known_mitigations()}, RECBOLE: "Of RecBole"}
    lines = []
    for owner, title in titles.items():
        lines += [f"## {title}", "", "| option | default | takes | meaning |", "|---|---|---|---|"]
        lines += [
            f"| `{each.name}` | `{_cell(each.shown_default)}` | {_text(each.takes)} | {_cell(each.meaning)} |"
            for each in by_owner[owner]
        ]
        lines.append("")
    return "\n".join(lines)


def commands() -> str:
    """Return the help of every command."""
    lines = []
    for name, path in COMMANDS.items():
        command = load_command(path)
        help_text = parser_of(name, COMMANDS).format_help().rstrip()
        lines += [f"## {name}", "", f"{command.HELP[0].upper()}{command.HELP[1:]}.", ""]
        lines += ["```text", help_text, "```", ""]
    return "\n".join(lines)


def models() -> str:
    """Return the table of models and mitigations that ``doctor --markdown`` prints."""
    return support_markdown(models_by_kind(), list(known_mitigations().values()))


TABLES = {"options": options, "commands": commands, "models": models}


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\t", "\\t")


def _text(text: str) -> str:
    """Return a text in which nothing is Markdown or HTML."""
    return re.sub(r"([<>*_\[\]{}|])", r"\\\1", text.replace("&", "&amp;").replace("<", "&lt;"))
