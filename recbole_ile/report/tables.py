"""Tables of results for the terminal."""

from __future__ import annotations

import math
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from recbole_ile.functional.breakdown import COLD, SHOWN, with_gap
from recbole_ile.metric import better_of, split_name
from recbole_ile.report.terminal import Terminal, words

SHARE = "_share"
MISSING = "-"
TOLD = (SHOWN, COLD)
BORDER, NAME = 3, 16
"""Characters around a cell, and those that a group's name takes at most before columns give way to it."""


def metric_table(metrics: dict[str, float]) -> Table:
    """Return a table of test metrics: a row for each metric, a column for each k."""
    cells: dict[str, dict[str, float]] = {}
    for name, value in metrics.items():
        metric, k = split_name(name)
        cells.setdefault(metric, {})[k] = value
    ks = list(dict.fromkeys(k for values in cells.values() for k in values))
    table = plain_table("metric", [f"@{k}" if k else "value" for k in ks])
    for metric, values in cells.items():
        table.add_row(words(metric), *(decimal(values.get(k)) for k in ks))
    return table


def group_table(rows: list[dict[str, Any]], gap: bool = True) -> Table:
    """Return a table with a row for each group and one of the gaps, and a column for each entry; shares in per cent.

    Entries that ``shown_items`` tells are left out.

    Args:
        rows: of the groups.
        gap: whether there is a row of the gaps.
    """
    shown = with_gap(rows) if gap else rows
    columns = [group_column(shown, name) for name in rows[0] if name not in ("group", *TOLD)]
    table = plain_table("group", [title for title, *_ in columns])
    for number, row in enumerate(shown, 1):
        last = number == len(rows) < len(shown)
        table.add_row(words(row["group"]), *(column[number] for column in columns), end_section=last)
    return table


def group_column(rows: list[dict[str, Any]], name: str) -> list[str]:
    """Return the title and the cells of an entry of groups, shares in per cent.

    Args:
        rows: of the groups.
        name: of the entry, ``training_share`` say.
    """
    if name.endswith(SHARE):
        return [f"% {name.removesuffix(SHARE)}", *(_share(row[name]) for row in rows)]
    return [name, *(decimal(row[name]) for row in rows)]


def _print_groups(rows: list[dict[str, Any]], console: Console) -> None:
    """Print the table of groups; columns that do not fit beside each other get a table of their own."""
    longest = max(len(str(row["group"])) for row in rows)
    room = console.width - 1 - BORDER - min(max(longest, len("group")), NAME)
    parts: list[list[str]] = [[]]
    free = room
    for name in rows[0]:
        if name in ("group", *TOLD):
            continue
        width = BORDER + max(map(len, group_column(rows, name)))
        if parts[-1] and width > free:
            parts.append([])
            free = room
        parts[-1].append(name)
        free -= width
    for names in parts:
        console.print(group_table([{name: row[name] for name in ("group", *names)} for row in rows]))


def shown_items(rows: list[dict[str, Any]]) -> str:
    """Say how many items the lists show, and how many of them without training interactions; nothing if not known.

    Args:
        rows: of the item groups.
    """
    if not rows or not all({SHOWN, COLD} <= row.keys() for row in rows):
        return ""
    shown, cold = (sum(row[name] for row in rows) for name in (SHOWN, COLD))
    return f"the lists show {shown} items, of which {cold} are cold, without training interactions"


def print_result(result: dict[str, Any], title: str, console: Console | None = None) -> None:
    """Print the test metrics, and the same by user group and by item group."""
    console = console or Terminal()
    console.print()
    console.print(words(title, "bold"))
    if not result["test_result"]:
        console.print("the split leaves nothing to test on")
        return
    console.print(metric_table(result["test_result"]))
    field = result.get("user_group_field")
    for rows, heading in (
        (result["test_by_user_group"], f"by user group, {user_groups(field)}"),
        (result["test_by_item_group"], "by item group: shares of training, recommendations and exposure"),
    ):
        if rows:
            console.print(words(heading, "bold"))
            _print_groups(rows, console)
    told = shown_items(result["test_by_item_group"])
    if told:
        console.print(words(told), soft_wrap=True)


def user_groups(field: str | None) -> str:
    """Say what the user groups are of."""
    return f"by {field}" if field else "from niche to mainstream taste"


def print_prices(prices: dict[str, Any], console: Console | None = None) -> None:
    """Print what exposure prices did.

    Args:
        prices: of ``pricing_report``.
        console: where to.
    """
    console = console or Terminal()
    console.print(words(f"exposure in the top {prices['k']} of the training users before and after prices", "bold"))
    _print_groups(prices["by_item_group"], console)
    steps = prices["welfare"]
    console.print(
        words(
            f"welfare {steps[0]:.6g} before, {steps[-1]:.6g} after; items never shown {prices['never_shown_before']} "
            f"before, {prices['never_shown_after']} after; {prices['shown_after']} shown after, of which "
            f"{prices['shown_after_cold']} are cold, without training interactions; newly shown "
            f"{prices['newly_shown']}, {prices['newly_shown_cold']} of them cold"
        ),
        soft_wrap=True,
    )
    for label, key in (("dearest", "dearest"), ("most subsidised", "most_subsidised")):
        named = ", ".join(f"{entry['item']} ({entry['price']:.2f})" for entry in prices[key])
        console.print(words(f"{label}: {named}"), soft_wrap=True)
    by_user_group = prices.get("test", {}).get("by_user_group", [])
    numbered = all(isinstance(row["group"], int) for row in by_user_group)
    order = "from niche (1) to mainstream" if numbered else "by user group"
    for rows, heading in (
        (by_user_group, f"accuracy before and after, {order}"),
        (prices.get("test", {}).get("by_profile_length", []), "accuracy before and after, tenths by length of profile"),
    ):
        if rows:
            console.print(Text(heading, style="bold"))
            _print_groups(rows, console)


def print_comparison(results: dict[str, dict[str, float]], console: Console | None = None) -> None:
    """Print the test metrics of several models side by side, the best of each metric in bold.

    Args:
        results: for each model its metrics.
        console: where to.
    """
    console = console or Terminal()
    table = plain_table("metric", list(results))
    table.add_column("better")
    for metric in next(iter(results.values())):
        values = [metrics[metric] for metrics in results.values()]
        better = better_of(split_name(metric)[0])
        best = max(map(better.gain, values))
        cells = (Text(decimal(value), style="bold" if better.gain(value) == best else "") for value in values)
        table.add_row(words(metric), *cells, better.value)
    console.print(Text("\nside by side, test part", style="bold"))
    console.print(table)


def print_front(
    found: list[tuple[str, Any]], tests: dict[int, dict[str, Any]], shown: list[str], title: str, console: Console
) -> None:
    """Print the front of a sweep, its baselines and its recommendation, on the validation and on the test part.

    Args:
        found: the label of each setting, and the setting with ``mean``, ``front``, ``baseline``, ``recommended``.
        tests: by the number of a setting the ``mean`` on the test part.
        shown: metrics.
        title: of the table.
        console: where to.
    """
    table = plain_table("setting", shown)
    for number, (name, each) in enumerate(found):
        if not (each.front or each.baseline or each.recommended):
            continue
        style = "bold" if each.recommended else ""
        mark = "→ " if each.recommended else ""
        table.add_row(words(mark + name, style), *(decimal(each.mean[metric]) for metric in shown))
        test = tests.get(number, {}).get("mean", {})
        if test:
            table.add_row(Text("  test part", style="dim"), *(Text(decimal(test[metric]), "dim") for metric in shown))
    console.print()
    console.print(words(f"{title}: the front, chosen on the validation part; → is recommended", "bold"))
    console.print(table)


def print_volumes(volumes: list[Any], console: Console) -> None:
    """Print how much of a front each method owns.

    Args:
        volumes: each with ``method``, ``settings``, ``on_front`` and ``volume``, the last of all methods together.
        console: where to.
    """
    table = plain_table("method", ["settings", "on the front", "hypervolume", "%"])
    whole = volumes[-1].volume
    for each in volumes:
        share = _share(each.volume / whole if whole else math.nan)
        table.add_row(words(each.method), str(each.settings), str(each.on_front), f"{each.volume:.3g}", share)
    console.print(Text("\nwhat each method dominates, with the baseline", style="bold"))
    console.print(table)


def decimal(value: float | None) -> str:
    """Return a value as tables show it: a count in full, four decimals of others, ``MISSING`` for none or NaN."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return MISSING
    return str(value) if isinstance(value, int) else f"{value:.4f}"


def plain_table(first: str, columns: list[str]) -> Table:
    """Return a table without rows, the columns behind the first for numbers."""
    table = Table()
    table.add_column(first)
    for column in columns:
        table.add_column(words(column), justify="right", no_wrap=True)
    return table


def _share(value: float) -> str:
    return MISSING if math.isnan(value) else f"{100 * value:.1f}"
