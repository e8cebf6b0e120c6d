"""What this package plants in RecBole, so that RecBole's own code does what its users expect of this package.

Shims, which only make RecBole work, are in ``plugin.compat``. Nothing but ``recbole_ile`` itself imports this package:
what it plants comes from everywhere below.
"""

from __future__ import annotations

from recbole_ile.plugin.hooks import data, evaluation, output, reading

HOOKS = (data.HOOKS, evaluation.HOOKS, output.HOOKS, reading.HOOKS)


def apply() -> None:
    """Plant each hook once in this process, however often this is called."""
    for hooks in HOOKS:
        hooks.apply()
