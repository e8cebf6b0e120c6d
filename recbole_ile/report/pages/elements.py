"""Tables and figures of pages, as HTML that a keyboard and a screen reader can use."""

from __future__ import annotations

import base64
import html
from collections.abc import Sequence

from recbole_ile.texts import printable


def escape(text: object) -> str:
    """Return a text as HTML shows it, control characters as escapes."""
    return html.escape(printable(text))


def row(cells: Sequence[str], kind: str = "", names: int = 1) -> str:
    """Return a row of a table.

    Args:
        cells: HTML.
        kind: its class, if it has one.
        names: how many cells at its beginning say what it is of.
    """
    heads = "".join(f'<th scope="row">{cell}</th>' for cell in cells[:names])
    attribute = f' class="{kind}"' if kind else ""
    return f"<tr{attribute}>{heads}{''.join(f'<td>{cell}</td>' for cell in cells[names:])}</tr>"


def table(caption: str, head: Sequence[str], rows: Sequence[str], kind: str = "numbers") -> str:
    """Return a table, which scrolls by itself where it is wider than the page.

    Args:
        caption: a text that says what it shows.
        head: texts, the titles of the columns.
        rows: as ``row`` makes them.
        kind: ``numbers``, which stand on the right, or ``words``.
    """
    titles = "".join(f'<th scope="col">{escape(title)}</th>' for title in head)
    body = "\n".join(rows)
    return (
        f'<div class="wide" role="region" tabindex="0" aria-label="{escape(caption)}">\n'
        f'<table class="{kind}">\n<caption>{escape(caption)}</caption>\n'
        f"<thead><tr>{titles}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>\n</div>"
    )


def text_table(caption: str, head: Sequence[str], rows: Sequence[Sequence[object]], kind: str = "numbers") -> str:
    """Return a table of texts, see ``table``."""
    return table(caption, head, [row([escape(cell) for cell in cells]) for cells in rows], kind)


def image(caption: str, png: bytes) -> str:
    """Return a figure of a PNG file, which scrolls where it would be too small to read.

    Args:
        caption: a text that says what it shows.
        png: the file.
    """
    shown, data = escape(caption), base64.b64encode(png).decode("ascii")
    width = int.from_bytes(png[16:20], "big") * 2 // 3  # from the PNG's header: words of one size in all figures
    return (
        f"<figure>\n<figcaption>{shown}</figcaption>\n"
        f'<div class="wide" role="region" tabindex="0" aria-label="{shown}">'
        f'<img alt="{shown}" width="{width}" src="data:image/png;base64,{data}"></div>\n</figure>'
    )


def folded(summary: str, content: str) -> str:
    """Return what is shown when its summary is clicked, or has the focus and Enter is pressed."""
    return f"<details>\n<summary>{escape(summary)}</summary>\n{content}\n</details>"
