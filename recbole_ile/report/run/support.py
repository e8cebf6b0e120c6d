"""The table of RecBole's models and the mitigations that work on them."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from recbole_ile.plugin.catalogue.mitigations import Mitigation

WORKS = "works"


def support_table(kinds: dict[str, list[str]], mitigations: list[Mitigation], notes: dict[str, str]) -> Table:
    """Return a row for each model: its kind, what works on it or why not, and what there is to know.

    Args:
        kinds: names of models by kind.
        mitigations: a column each.
        notes: remarks by model.
    """
    table = Table("model", "kind", *(each.suffix for each in mitigations), "note")
    for kind, models in kinds.items():
        for model in models:
            reasons = [mitigation.refuses(model) for mitigation in mitigations]
            shown = [WORKS if reason is None else "-" for reason in reasons]
            distinct = [reason for reason in dict.fromkeys(reasons) if reason]
            why = [f"not applicable where -: it {' and '.join(distinct)}"] if distinct else []
            note = "; ".join([*why, *filter(None, [notes.get(model)])])
            table.add_row(*(Text(cell) for cell in (model, kind, *shown, note)))
    return table


def support_markdown(kinds: dict[str, list[str]], mitigations: list[Mitigation]) -> str:
    """Return a table in Markdown with a row for each kind: where all mitigations work, and where not and why.

    Where fewer than half of the mitigations do not work on a model, they are named with the reason.
    """
    lines = [f"| models | {', '.join(each.suffix for each in mitigations)} work on | not applicable |", "|---|---|---|"]
    for kind, models in kinds.items():
        reasons: dict[str, list[str]] = {}
        for model in models:
            reasons.setdefault(_why_not(model, mitigations) or WORKS, []).append(model)
        works = ", ".join(reasons.pop(WORKS, [])) or "none"
        others = "; ".join(f"{', '.join(names)}: {reason}" for reason, names in reasons.items())
        lines.append(f"| {kind} | {works} | {others} |")
    return "\n".join(lines)


def _why_not(model: str, mitigations: list[Mitigation]) -> str:
    found: dict[str, list[str]] = {}
    for each in mitigations:
        reason = each.refuses(model)
        if reason:
            found.setdefault(reason, []).append(each.suffix)
    if 2 * sum(map(len, found.values())) >= len(mitigations):
        return next(iter(found))
    return " and ".join(f"{reason} ({', '.join(suffixes)} alone)" for reason, suffixes in found.items())
