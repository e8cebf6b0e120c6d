"""Fight popularity bias in RecBole: Item Loss Equalization, and the metrics that show whether it helped.

Importing this package makes RecBole 1.2 work on today's libraries and registers our metrics with it.
"""

from __future__ import annotations

from typing import Any

from recbole_ile.plugin import compat as _compat

_compat.SHIMS.apply()

from recbole_ile.errors import InputError  # noqa: E402
from recbole_ile.plugin import hooks as _hooks  # noqa: E402
from recbole_ile.plugin.catalogue.models import get_model  # noqa: E402

_hooks.apply()

__version__ = "0.2.0"
__all__ = ["InputError", "evaluate_lists", "get_model", "load_model", "run_recbole_ile"]


def __getattr__(name: str) -> Any:
    """Import what needs the trainers and the data pipeline when it is asked for."""
    if name == "run_recbole_ile":
        from recbole_ile.commands.run import run_recbole_ile

        return run_recbole_ile
    if name == "evaluate_lists":
        from recbole_ile.experiments.comparison.given_lists import evaluate_lists

        return evaluate_lists
    if name == "load_model":
        from recbole_ile.plugin.runs.guest import leaving_no_trace
        from recbole_ile.plugin.runs.restoring import load_model

        return globals().setdefault(name, leaving_no_trace()(load_model))
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
