"""The scripts of a page with plots: Plotly, what they show, and how it is drawn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from plotly.offline import get_plotlyjs

from recbole_ile.report.json_text import script_json

SHARED = Path(__file__).with_name("plots.js")


def plotting(content: dict[str, Any], script: str) -> str:
    """Return the scripts that draw the plots of a page, without a network.

    Args:
        content: what they show, as ``content`` in the script.
        script: JavaScript, below that of ``plots.js``.
    """
    shared = SHARED.read_text(encoding="utf-8")
    return (
        f"<script>{get_plotlyjs()}</script>\n"
        f'<script id="content" type="application/json">{script_json(content)}</script>\n'
        f"<script>\n{shared}\n{script}</script>"
    )
