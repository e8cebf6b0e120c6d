"""The page of a sweep: an interactive front in one file that needs no network."""

from __future__ import annotations

import html
from pathlib import Path
from string import Template
from typing import Any

from plotly.offline import get_plotlyjs

from recbole_ile.report.json_text import script_json
from recbole_ile.texts import printable


def page(content: dict[str, Any]) -> str:
    """Return the page.

    Args:
        content: ``title``, ``summary`` (sentences), ``objectives`` (metrics), ``accuracy`` and ``fairness`` (each
            ``metric`` and ``better``), ``weight`` (the number that was swept, if any), and ``points``: ``label``,
            ``line``, ``series`` and ``rank`` (what is joined, and in which order), ``weight``, ``mean``, ``spread``,
            ``test``, ``front``, ``baseline``, ``recommended``, ``command``, ``seeds``, ``by_user_group`` and
            ``by_item_group``, of which ``part`` tells on which part of the data they were counted, and ``gaps``, by the
            names of these two what stands below their rows; ``families``, the base models of a sweep across models,
            of which each point has one as ``family``, and ``against``, tables of a ``title`` and ``rows``.
    """
    template = Template(Path(__file__).with_name("page.html").read_text(encoding="utf-8"))
    title = html.escape(printable(content["title"]))
    return template.substitute(title=title, plotly=get_plotlyjs(), data=script_json(content))
