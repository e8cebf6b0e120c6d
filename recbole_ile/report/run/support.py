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
            why = [f"not applicable where -: it {reason}" for reason in reasons if reason][:1]
            note = "; ".join([*why, *filter(None, [notes.get(model)])])
            table.add_row(*(Text(cell) for cell in (model, kind, *shown, note)))
    return table


def support_markdown(kinds: dict[str, list[str]], mitigations: list[Mitigation]) -> str:
    """Return a table in Markdown with a row for each kind: where all mitigations work, and where not and why.

    A mitigation that alone does not work on a model is named with the reason.
    """
    lines = [f"| models | {', '.join(each.suffix for each in mitigations)} work on | not applicable |", "|---|---|---|"]
    for kind, models in kinds.items():
        reasons: dict[str, list[str]] = {}
        for model in models:
            found = {each.suffix: reason for each in mitigations if (reason := each.refuses(model))}
            reason = next(iter(found.values()), WORKS) + (f" ({next(iter(found))} alone)" if len(found) == 1 else "")
            reasons.setdefault(reason, []).append(model)
        works = ", ".join(reasons.pop(WORKS, [])) or "none"
        others = "; ".join(f"{', '.join(names)}: {reason}" for reason, names in reasons.items())
        lines.append(f"| {kind} | {works} | {others} |")
    return "\n".join(lines)
