"""The page of a sweep: an interactive front in one file that needs no network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from recbole_ile.report.pages.elements import escape
from recbole_ile.report.pages.frame import Made, framed
from recbole_ile.report.pages.scripts import plotting


def page(content: dict[str, Any], made: Made | None = None) -> str:
    """Return the page.

    Args:
        content: ``title``, ``summary`` (sentences), ``objectives`` (metrics), ``accuracy`` and ``fairness`` (each
            ``metric`` and ``title``, what its axis is called), ``weight`` (the number that was swept, if any), and
            ``points``: ``label``, ``line``, ``series`` and ``rank`` (what is joined, and in which order), ``weight``,
            ``mean``, ``spread``, ``test``, ``front``, ``baseline``, ``recommended``, ``command``, ``seeds``,
            ``by_user_group`` and ``by_item_group``, of which ``part`` tells on which part of the data they were
            counted, and ``gaps``, by the names of these two what stands below their rows; ``families``, the base
            models of a sweep across models, of which each point has one as ``family``, and ``against``, tables of a
            ``title`` and ``rows``.
        made: how it was made, if that is known.
    """
    here = Path(__file__)
    return framed(
        content["title"],
        here.with_name("page.html").read_text(encoding="utf-8"),
        made,
        lead="\n".join(f"<p>{escape(line)}</p>" for line in content["summary"]),
        scripts=plotting(content, here.with_name("page.js").read_text(encoding="utf-8")),
    )
