"""What is in a data set, for the terminal."""

from __future__ import annotations

from rich.table import Table

from recbole_ile.experiments.data.description import Description
from recbole_ile.report.tables import group_table, plain_table, user_groups
from recbole_ile.report.terminal import Terminal, words


def print_description(found: Description, name: str, field: str | None, console: Terminal | None = None) -> None:
    """Print the tables of a data set.

    Args:
        found: what is in it.
        name: of the data set.
        field: what user groups are of, ``None`` for taste.
        console: where to.
    """
    console = console or Terminal()
    sizes = found.sizes
    console.print(words(f"{name}: {sizes['users']} users, {sizes['items']} items", "bold"))
    for line in _lines(found):
        console.print(words(line), soft_wrap=True)
    console.print(words("item groups of the training part; least and most interactions of an item", "bold"))
    console.print(group_table(found.item_groups, gap=False))
    console.print(words("training interactions of a user", "bold"))
    console.print(_sizes_table(found))
    console.print(words(f"by user group, {user_groups(field)}: mean profile, % of head items", "bold"))
    console.print(group_table(found.user_groups, gap=False))
    console.print(words("what a k-core of all interactions would leave (fetch --k_core)", "bold"))
    console.print(_cores_table(found))


def _lines(found: Description) -> list[str]:
    sizes = found.sizes
    parts = ", ".join(f"{sizes[part]} {part}" for part in ("train", "valid", "test"))
    cold, idle = int((found.counts == 0).sum()), int((found.profiles == 0).sum())
    return [
        f"{sizes['interactions']} interactions ({parts}), {100 * found.density:.3g} % of all pairs",
        f"{found.repeated} repeat an earlier pair of a user and an item",
        f"{cold} items and {idle} users have no training interactions",
        f"the files have times from {found.first} to {found.last}" if found.first else "the files have no times",
        *found.notes,
    ]


def _sizes_table(found: Description) -> Table:
    table = plain_table("", list(found.profile_sizes))
    table.add_row("profile", *(f"{value:.1f}".removesuffix(".0") for value in found.profile_sizes.values()))
    return table


def _cores_table(found: Description) -> Table:
    table = plain_table("k", ["users", "items", "interactions", "%"])
    for row in found.cores:
        share = f"{100 * row['interactions_share']:.1f}"
        table.add_row(str(row["k"]), *(str(row[name]) for name in ("users", "items", "interactions")), share)
    return table
