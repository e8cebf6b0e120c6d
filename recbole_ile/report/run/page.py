"""The page of a run: its metrics, groups, losses, prices and items in one file that needs no network."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

from recbole_ile.metric import Bound, Metric, split_name
from recbole_ile.report.comparison.tables import arrow_of
from recbole_ile.report.figures import UNITS, axis_title
from recbole_ile.report.pages.elements import escape, row, table
from recbole_ile.report.pages.frame import Made, framed
from recbole_ile.report.pages.groups import group_table
from recbole_ile.report.pages.scripts import plotting
from recbole_ile.report.tables import decimal, shown_items, user_groups

SHARES = {
    "training_share": "training interactions",
    "recommendation_share": "recommendations",
    "exposure_share": "exposure, the first places counting more",
}
"""What the bars of an item group are."""


def run_page(result: dict[str, Any], numbers: dict[str, Any], made: Made) -> str:
    """Return the page.

    Args:
        result: as ``run_recbole_ile`` returns it.
        numbers: as ``page_numbers`` returns it.
        made: how it was made.
    """
    plots: list[dict[str, Any]] = []
    parts = [
        _metrics(result),
        _users(result, numbers, plots),
        _item_groups(result, plots),
        _losses(result, plots),
        _prices(result.get("prices"), numbers["titles"], plots),
        _items(numbers),
    ]
    return framed(
        f"{result['model']} on {result['dataset']}",
        "\n".join(part for part in parts if part),
        made,
        lead="\n".join(f"<p>{escape(line)}</p>" for line in _lead(result, numbers)),
        scripts=plotting({"plots": plots}, Path(__file__).with_name("page.js").read_text(encoding="utf-8")),
    )


def _lead(result: dict[str, Any], numbers: dict[str, Any]) -> list[str]:
    lines = []
    if result["best_valid_score"] is not None:
        best = decimal(float(result["best_valid_score"]))
        lines.append(f"Validation part: {numbers['valid_metric']} {best}.")
    if "ranking" in result:
        chosen = ", ".join(f"{option}={weight:.4g}" for option, weight in result["ranking"]["chosen"].items())
        lines.append(f"Chosen on the validation part: {chosen}.")
    if "target" in result:
        target = result["target"]
        verdict = "met" if target["met"] else "missed"
        metric = Bound.parse(target["wanted"]).metric
        lines.append(f"Target {target['wanted']}: {verdict}; {metric} {target['valid']:.4f} on the validation part.")
    return lines


def _metrics(result: dict[str, Any]) -> str:
    cells: dict[str, dict[str, float]] = {}
    for name, value in result["test_result"].items():
        metric, k = split_name(name)
        cells.setdefault(metric, {})[k] = value
    if not cells:
        return "<p>The split leaves nothing to test on.</p>"
    ks = list(dict.fromkeys(k for values in cells.values() for k in values))
    lines = [row([_called(name), *(escape(decimal(values.get(k))) for k in ks)]) for name, values in cells.items()]
    return "<h2>Metrics</h2>\n" + table("Test part", ["metric", *(f"@{k}" if k else "value" for k in ks)], lines)


def _called(name: str) -> str:
    unit = f"<small>{escape(UNITS[name])}</small>" if name in UNITS else ""
    return escape(f"{name} {arrow_of(Metric.named(name))}") + unit


def _users(result: dict[str, Any], numbers: dict[str, Any], plots: list[dict[str, Any]]) -> str:
    rows = result["test_by_user_group"]
    if not rows:
        return ""
    taste = user_groups(result["user_group_field"])
    parts = ["<h2>Users</h2>", group_table(f"Test part by user group, {taste}", rows)]
    deviation = numbers.get("deviation")
    if deviation and "mean" in deviation:
        edges = deviation["edges"]
        middles = [(low + high) / 2 for low, high in pairwise(edges)]
        series = [{"name": each["group"], "x": middles, "y": each["users"]} for each in deviation["groups"]]
        upd = Metric.named("upd", numbers["k"])
        caption = (
            "How far each user's list is from the user's profile, by user group: mean "
            f"{deviation['mean']:.4f}, median {deviation['median']:.4f}. UPD is the mean over groups."
        )
        about = {"kind": "stack", "x": f"{axis_title(upd)} of a user", "y": "users", "format": "d"}
        parts.append(_plot(plots, "deviation", caption, series, about))
    return "\n".join(parts)


def _item_groups(result: dict[str, Any], plots: list[dict[str, Any]]) -> str:
    rows = result["test_by_item_group"]
    if not rows:
        return ""
    names = [row["group"] for row in rows]
    series = [{"name": title, "x": names, "y": [row[key] for row in rows]} for key, title in SHARES.items()]
    about = {"kind": "bars", "x": "item group", "y": "share", "format": ".1%", "categories": True}
    told = shown_items(rows)
    return "\n".join(
        [
            "<h2>Items by group</h2>",
            group_table("Test part by item group", rows),
            f"<p>{escape(told[0].upper() + told[1:])}.</p>" if told else "",
            _plot(plots, "exposure", "What each item group gives to training and gets from the lists.", series, about),
        ]
    )


def _losses(result: dict[str, Any], plots: list[dict[str, Any]]) -> str:
    epochs = [each for each in result["group_losses"] if each["losses"] is not None]
    if not epochs:
        return ""
    series = [
        {"name": name, "x": [each["epoch"] + 1 for each in epochs], "y": [each["losses"][place] for each in epochs]}
        for place, name in enumerate(result["group_names"])
    ]
    about = {
        **{"kind": "lines", "x": "epoch", "y": "mean training loss per interaction", "format": ".4f", "whole": True}
    }
    return "<h2>Group losses</h2>\n" + _plot(plots, "losses", "Mean loss of each item group.", series, about)


def _prices(prices: dict[str, Any] | None, titles: dict[str, str], plots: list[dict[str, Any]]) -> str:
    if prices is None:
        return ""
    k, steps = prices["k"], prices["welfare"]
    told = (
        f"Items never shown: {prices['never_shown_before']} before, {prices['never_shown_after']} after. Newly shown: "
        f"{prices['newly_shown']}, {prices['newly_shown_cold']} of them without training interactions. Welfare "
        f"{steps[0]:.6g} before, {steps[-1]:.6g} after."
    )
    series = [{"name": "welfare", "x": list(range(len(steps))), "y": steps}]
    about = {"kind": "lines", "x": "step", "y": "welfare, in units of score", "format": ".6g", "whole": True}
    priced = [
        table(
            title,
            ["item", "price"],
            [row([_item(each["item"], titles), f"{each['price']:.3f}"]) for each in prices[key]],
        )
        for key, title in (("dearest", "Dearest items"), ("most_subsidised", "Most subsidised items"))
    ]
    test = prices.get("test", {})
    accuracy = [
        group_table(caption, test[key])
        for key, caption in (
            ("by_user_group", "Accuracy of the test part before and after, by user group"),
            ("by_profile_length", "Accuracy of the test part before and after, tenths of users by length of profile"),
        )
        if test.get(key)
    ]
    return "\n".join(
        [
            "<h2>What the prices did</h2>",
            f"<p>{escape(told)}</p>",
            group_table(f"Exposure in the top {k} of the training users", prices["by_item_group"]),
            _plot(plots, "welfare", "Welfare of the lists while prices were found.", series, about),
            f'<div class="side">{"".join(priced)}</div>',
            f'<div class="side">{"".join(accuracy)}</div>',
        ]
    )


def _items(numbers: dict[str, Any]) -> str:
    if not numbers.get("most_exposed"):
        return ""
    head = ["item", "group", "in training", f"lists of {numbers['lists']}"]
    tables = [
        table(caption, head, [_item_row(each, numbers["titles"]) for each in numbers[key]], "numbers two")
        for key, caption in (
            ("most_exposed", f"Most exposed in the top {numbers['k']}, beside their training interactions"),
            ("least_exposed", "Least exposed of those with training interactions"),
        )
    ]
    return f'<h2>Items at both ends</h2>\n<div class="side">{"".join(tables)}</div>'


def _item_row(each: dict[str, Any], titles: dict[str, str]) -> str:
    cells = [_item(each["item"], titles), *(escape(each[name]) for name in ("group", "training", "lists"))]
    return row(cells, names=2)


def _item(item: str, titles: dict[str, str]) -> str:
    """Return what an item is called, and its id behind."""
    return f'{escape(titles[item])}<small class="id">{escape(item)}</small>' if item in titles else escape(item)


def _plot(
    plots: list[dict[str, Any]], name: str, caption: str, series: list[dict[str, Any]], about: dict[str, Any]
) -> str:
    """Add a plot to those that the page's script draws, and return the place for it."""
    plots.append({"id": f"plot-{name}", "series": series, **about})
    shown = escape(caption)
    return (
        f"<figure>\n<figcaption>{shown}</figcaption>\n"
        f'<div id="plot-{name}" class="plot" role="img" aria-label="{shown}"></div>\n</figure>'
    )
