"""The page of a sweep: an interactive front in one file that needs no network."""

from __future__ import annotations

import html
import json
from pathlib import Path
from string import Template
from typing import Any

from plotly.offline import get_plotlyjs


def page(content: dict[str, Any]) -> str:
    """Return the page.

    Args:
        content: ``title``, ``summary`` (sentences), ``objectives`` (metrics), ``accuracy`` and ``fairness`` (each
            ``metric`` and ``higher``), and ``points``: ``label``, ``line``, ``series`` and ``rank`` (what is
            joined, and in which order), ``mean``, ``spread``, ``test``, ``front``, ``baseline``, ``recommended``,
            ``command``, ``seeds``, ``by_user_group`` and ``by_item_group``, of which ``part`` tells on which part
            of the data they were counted.
    """
    template = Template(Path(__file__).with_name("sweep_page.html").read_text(encoding="utf-8"))
    # A closing tag inside a text must not end the script that holds it.
    data = json.dumps(content).replace("</", "<\\/")
    return template.substitute(title=html.escape(content["title"]), plotly=get_plotlyjs(), data=data)
