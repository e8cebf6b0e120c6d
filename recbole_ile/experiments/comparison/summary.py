"""From the test values of each method, seed and user to a table with intervals and tests."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from recbole_ile.experiments.comparison.statistics import bootstrap_interval, holm, paired_p_value
from recbole_ile.metric import Metric

LEVEL = 0.05
"""Below this a corrected p-value earns a mark."""
BETTER, WORSE, BEST = "*", "°", "†"
"""Marks of a cell: better than the base, worse than the base, better than every other method."""
OVER_GROUPS = ("upd",)
"""The metrics whose mean over users is one over user groups of their means."""


class Cell(NamedTuple):
    """A method's value of a metric.

    Attributes:
        mean: over seeds.
        spread: standard deviation over seeds, NaN for one seed.
        interval: 95 % bootstrap interval over users of the mean over seeds; ``None`` for a metric of all lists.
        p_base: corrected p-value of the paired test against the base; ``None`` where there is no test.
        p_other: corrected p-value of the paired test against the best of all other methods.
        marks: any of ``BETTER``, ``WORSE`` and ``BEST`` that the tests allow.
        best: whether no method has a better mean.
        published: what was published of this method on this data set.
    """

    mean: float
    spread: float
    interval: tuple[float, float] | None
    p_base: float | None
    p_other: float | None
    marks: str
    best: bool
    published: float | None


class Row(NamedTuple):
    """A method: what it is called, what it is, and its cell of each metric by name."""

    label: str
    model: str
    settings: dict[str, Any]
    seeds: list[int]
    base: bool
    cells: dict[str, Cell]


class Values(NamedTuple):
    """What was measured of one method.

    Attributes:
        label: what it is called.
        model: ``BPR_ILE`` say.
        settings: what it is configured with beyond what all methods share.
        base: whether it is what the others are measured against.
        metrics: by seed the metrics on the test part.
        users: the columns ``seed``, ``user``, ``user_group`` and one for each metric that every user has a value of.
        published: metrics by name.
    """

    label: str
    model: str
    settings: dict[str, Any]
    base: bool
    metrics: dict[int, dict[str, float]]
    users: pd.DataFrame
    published: dict[str, float]


def summarize(methods: list[Values], metrics: list[Metric], seed: int) -> list[Row]:
    """Return a row for each method.

    A user's difference is the mean over the seeds that both methods have of the user's differences. All tests of
    all metrics are corrected together.

    Args:
        methods: what was measured.
        metrics: the columns.
        seed: of the bootstrap.
    """
    means = {each.label: _over_seeds(each, metrics) for each in methods}
    base = next((each for each in methods if each.base), None)
    p_base, p_other = _tests(methods, metrics, means, base)
    rows = []
    for each in methods:
        cells = {}
        for metric in metrics:
            name = str(metric)
            gains = [metric.gain(means[other.label][0][name]) for other in methods]
            mean, spread = (part[name] for part in means[each.label])
            corrected = p_base.get((each.label, name)), p_other.get((each.label, name))
            best = metric.gain(mean) == max((gain for gain in gains if not np.isnan(gain)), default=np.nan)
            against = means[base.label][0][name] if base else np.nan
            marks = _marks(corrected, metric.gain(mean), metric.gain(against), best)
            interval = _interval(each.users, metric, seed) if name in each.users else None
            cells[name] = Cell(mean, spread, interval, *corrected, marks, best, each.published.get(name))
        rows.append(Row(each.label, each.model, each.settings, sorted(each.metrics), each.base, cells))
    return rows


def _over_seeds(each: Values, metrics: list[Metric]) -> tuple[dict[str, float], dict[str, float]]:
    table = pd.DataFrame(each.metrics.values(), columns=list(map(str, metrics)), dtype=float)
    return table.mean().to_dict(), table.std().to_dict()


def _tests(
    methods: list[Values],
    metrics: list[Metric],
    means: dict[str, tuple[dict[str, float], dict[str, float]]],
    base: Values | None,
) -> tuple[dict[tuple[str, str], float], dict[tuple[str, str], float]]:
    """Return corrected p-values by method and metric: against the base, and against the best of the others."""
    found: list[tuple[int, tuple[str, str], float]] = []
    for metric in metrics:
        name = str(metric)
        tested = [each for each in methods if name in each.users]
        for each in tested:
            others = [other for other in tested if other is not each]
            key = (each.label, name)
            if base in others:
                found.append((0, key, paired_p_value(_differences(each, base, name))))
            if others:
                gains = [metric.gain(means[other.label][0][name]) for other in others]
                best = others[gains.index(max(gains))]
                found.append((1, key, paired_p_value(_differences(each, best, name))))
    corrected = holm([value for *_, value in found]).tolist()
    results: tuple[dict[tuple[str, str], float], ...] = ({}, {})
    for (kind, key, _), value in zip(found, corrected, strict=True):
        results[kind][key] = value
    return results[0], results[1]


def _differences(each: Values, other: Values, name: str) -> np.ndarray:
    """Return ``[U]`` differences of the users that both have, averaged over their seeds."""
    keys = ["seed", "user"]
    both = each.users[[*keys, name]].merge(other.users[[*keys, name]], on=keys, suffixes=("", "_other"))
    return (both[name] - both[f"{name}_other"]).groupby(both["user"]).mean().to_numpy()


def _interval(users: pd.DataFrame, metric: Metric, seed: int) -> tuple[float, float]:
    """Return the interval of the mean over seeds; a user's group is that of the user's first seed."""
    grouped = users.groupby("user", sort=True)
    values, groups = grouped[str(metric)].mean().to_numpy(), grouped["user_group"].first().to_numpy()
    return bootstrap_interval(values, groups if metric.name in OVER_GROUPS else np.zeros_like(groups), seed)


def _marks(corrected: tuple[float | None, float | None], gain: float, base: float, best: bool) -> str:
    against_base, against_other = (value is not None and value < LEVEL for value in corrected)
    against = "" if gain == base else BETTER if gain > base else WORSE
    return against * against_base + BEST * (against_other and best)


class Comparison(NamedTuple):
    """All that a report says.

    Attributes:
        title: ``BPR on ml-100k`` say.
        metrics: the columns.
        rows: the methods, the base first.
        seeds: the metrics of each method and seed: columns ``method``, ``seed`` and the metrics.
        users: the columns ``user``, ``method``, ``seed``, the metrics of users, and ``user_group``, 0 = niche.
        user_groups: by method the rows ``group``, ``users``, ``ndcg@k``, ``recall@k``, ``upd@k``, means over seeds.
        item_groups: by method the rows ``group``, ``items``, ``training_share``, ``recommendation_share``,
            ``exposure_share``, ``recall``, means over seeds.
        group_losses: by method the names of the item groups and, of its first seed, ``{"epoch": int, "losses":
            [G] floats or None}`` for each epoch; only methods with a training of their own.
        notes: sentences about what a reader must know, failed methods among them.
        settings: what all methods share.
    """

    title: str
    metrics: list[Metric]
    rows: list[Row]
    seeds: pd.DataFrame
    users: pd.DataFrame
    user_groups: dict[str, list[dict[str, Any]]]
    item_groups: dict[str, list[dict[str, Any]]]
    group_losses: dict[str, tuple[list[str], list[dict[str, Any]]]]
    notes: list[str]
    settings: dict[str, Any]


FOOT = (
    f"Mean ± standard deviation over seeds; best mean in bold. {BETTER} better and {WORSE} worse than the base, "
    f"{BEST} better than every other method: paired t-test over users, p < {LEVEL} after Holm's correction over all "
    "tests of the table. Intervals: 95 % percentile bootstrap over users, 2000 draws."
)
"""What the table's foot says about its tests."""
