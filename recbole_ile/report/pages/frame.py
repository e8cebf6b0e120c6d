"""The frame of every page that a command writes: one look, and at the end how it was made."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from string import Template
from typing import Any, NamedTuple

from recbole_ile.report.pages.elements import escape

HERE = Path(__file__).parent


class Made(NamedTuple):
    """How a page was made.

    Attributes:
        command: what to type to make it again; nothing if Python was called.
        data: which data it is of, in words.
        versions: of what it stands on, by name.
    """

    command: str
    data: str
    versions: Mapping[str, str]


def framed(title: str, main: str, made: Made | None = None, lead: str = "", scripts: str = "") -> str:
    """Return a whole page, which needs nothing but itself.

    Args:
        title: any text.
        main: HTML of what the page shows.
        made: how it was made, if that is known.
        lead: HTML below the title.
        scripts: HTML at the page's end.
    """
    frame = Template((HERE / "frame.html").read_text(encoding="utf-8"))
    return frame.substitute(
        title=escape(title),
        style=(HERE / "style.css").read_text(encoding="utf-8"),
        lead=lead,
        main=main,
        made=_told(made) if made else "<p>From Python.</p>",
        scripts=scripts,
    )


def typed(words: list[str], folder: Path | None = None) -> str:
    """Return words of a command line as one types them in a shell.

    Args:
        words: of the command line.
        folder: that the page lies in, which may be moved: of its path the name alone is told.
    """
    return shlex.join(["recbole-ile", *(_without_place(word, folder) for word in words)])


def _without_place(word: str, folder: Path | None) -> str:
    option, equals, value = word.partition("=") if word.startswith("--") else ("", "", word)
    is_folder = folder is not None and bool(value) and Path(value).resolve() == folder.resolve()
    return f"{option}{equals}{folder.name}" if folder is not None and is_folder else word


def data_in_words(dataset: str, settings: Mapping[str, Any]) -> str:
    """Say which data set was used, where it lies and how it was split.

    Args:
        dataset: its name.
        settings: options, of which ``data_path`` and ``eval_args`` are told.
    """
    where = f" in {settings['data_path']}" if settings.get("data_path") else ", as it comes with RecBole"
    given = settings.get("eval_args") or {}
    how = "".join(f"; {name} {value}" for name, value in given.items()) if isinstance(given, Mapping) else f"; {given}"
    return f"{dataset}{where}{how}"


def _told(made: Made) -> str:
    command = f"<pre><code>{escape(made.command)}</code></pre>" if made.command else "from Python"
    rows = [
        ("Command", command),
        ("Data", escape(made.data)),
        ("Versions", escape(", ".join(f"{name} {version}" for name, version in made.versions.items()))),
    ]
    return "<dl>" + "\n".join(f"<dt>{name}</dt><dd>{text}</dd>" for name, text in rows) + "</dl>"
