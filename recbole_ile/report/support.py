"""The table of RecBole's models and the mitigations that work on them."""

from __future__ import annotations

from collections.abc import Callable

from rich.table import Table
from rich.text import Text

WORKS = "works"
WhyNot = Callable[[str, str], str | None]


def support_table(kinds: dict[str, list[str]], mitigations: list[str], why_not: WhyNot, notes: dict[str, str]) -> Table:
    """Return a row for each model: its kind, what works on it or why not, and what there is to know.

    Args:
        kinds: names of models by kind.
        mitigations: names of mitigations, a column each.
        why_not: returns the reason why a mitigation does not work on a model, or ``None``.
        notes: remarks by model.
    """
    table = Table("model", "kind", *mitigations, "note")
    for kind, models in kinds.items():
        for model in models:
            reasons = [why_not(mitigation, model) for mitigation in mitigations]
            shown = [WORKS if reason is None else "-" for reason in reasons]
            why = next((f"not applicable where -: it {reason}" for reason in reasons if reason), "")
            table.add_row(*(Text(cell) for cell in (model, kind, *shown, why or notes.get(model, ""))))
    return table


def support_markdown(kinds: dict[str, list[str]], mitigations: list[str], why_not: WhyNot) -> str:
    """Return a table in Markdown with a row for each kind: where all mitigations work, and where not and why.

    A mitigation that alone does not work on a model is named with the reason.
    """
    lines = [f"| models | {', '.join(mitigations)} work on | not applicable |", "|---|---|---|"]
    for kind, models in kinds.items():
        reasons: dict[str, list[str]] = {}
        for model in models:
            found = {each: reason for each in mitigations if (reason := why_not(each, model))}
            reason = next(iter(found.values()), WORKS) + (f" ({next(iter(found))} alone)" if len(found) == 1 else "")
            reasons.setdefault(reason, []).append(model)
        works = ", ".join(reasons.pop(WORKS, [])) or "none"
        others = "; ".join(f"{', '.join(names)}: {reason}" for reason, names in reasons.items())
        lines.append(f"| {kind} | {works} | {others} |")
    return "\n".join(lines)
