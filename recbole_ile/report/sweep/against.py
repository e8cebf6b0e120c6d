"""The groups of a sweep's recommended setting beside those of its baseline."""

from __future__ import annotations

from typing import Any

from recbole_ile.experiments.sweep.selection import Candidate

_TABLES = {"by_item_group": "item groups", "by_user_group": "user groups"}
_OF_THE_DATA = ("group", "items", "users", "training_share")
"""Columns that no setting changes."""


def groups_against(found: list[Candidate], tests: dict[int, dict[str, Any]], accuracy: str) -> list[dict[str, Any]]:
    """Return tables of groups, ``title`` and ``rows``: what lists do for them, of both settings side by side.

    They are of the test part if both settings were tested, otherwise of the validation part; there are none if
    there is no baseline, or if it is what is recommended.

    Args:
        found: the settings.
        tests: by the number of a setting what was found on the test part.
        accuracy: the metric of which the best baseline is taken.
    """
    bases = [number for number, each in enumerate(found) if each.baseline]
    best = next((number for number, each in enumerate(found) if each.recommended), None)
    if best is None or not bases or found[best].baseline:
        return []
    base = max(bases, key=lambda number: found[number].mean[accuracy])
    tested = best in tests and base in tests
    of_base, of_best = (tests[number] if tested else found[number].replicates[0].evaluation for number in (base, best))
    part = "test" if tested else "validation"
    return [
        {
            "title": f"{title}, recommended against baseline, {part} part",
            "rows": [_side_by_side(*rows) for rows in zip(of_base[name], of_best[name], strict=True)],
        }
        for name, title in _TABLES.items()
        if of_base[name] and len(of_base[name]) == len(of_best[name])
    ]


def _side_by_side(base: dict[str, Any], best: dict[str, Any]) -> dict[str, Any]:
    row = {key: base[key] for key in _OF_THE_DATA if key in base}
    for key in (key for key in base if key not in row and key in best):
        row |= {f"{key}, baseline": base[key], f"{key}, recommended": best[key]}
    return row
