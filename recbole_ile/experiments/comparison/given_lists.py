"""Lists of any program, side by side: what is wrong with them is said, what they hold is measured and tested."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import pandas as pd

from recbole_ile.errors import InputError, near_miss
from recbole_ile.experiments.comparison.given_tables import PAIR, read_data, read_list
from recbole_ile.experiments.comparison.summary import Comparison, Values, summarize
from recbole_ile.metric import Metric
from recbole_ile.plugin.catalogue.metric_keys import takes_k
from recbole_ile.plugin.catalogue.properties import defaults
from recbole_ile.plugin.config.rules import check_types
from recbole_ile.plugin.config.values import read_literal
from recbole_ile.plugin.data.given_data import check_group_column
from recbole_ile.plugin.data.popularity import SETTINGS as OF_GROUPS
from recbole_ile.plugin.evaluation.given_lists import ListMeasures, check_of_lists

SEED = 0
"""Lists have no seeds; each is one run."""


class ListEvaluation(NamedTuple):
    """What was found of lists.

    Attributes:
        results: by list ``test_result``, ``test_by_user_group`` and ``test_by_item_group``, as a run has them.
        users: a row for each list and user: ``user``, ``method``, ``user_group`` and the metrics that users have.
        comparison: the lists side by side, with intervals and tests, for the reports of ``compare``.
        notes: sentences on what the tables and lists hold that a reader must know.
    """

    results: dict[str, dict[str, Any]]
    users: pd.DataFrame
    comparison: Comparison
    notes: list[str]


class _Settings(dict[str, Any]):
    """Settings of an evaluation; what is not said reads as nothing, as in RecBole's configuration."""

    def __missing__(self, key: str) -> None:
        return None


def list_settings(given: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the settings of an evaluation of lists: the defaults, over which what is given wins.

    Args:
        given: options; texts are read as literals.

    Raises:
        InputError: for an unknown option, or a value that is not allowed.
    """
    overall = defaults("overall.yaml")
    known = {**{key: overall[key] for key in (*OF_GROUPS, "ee_discount")}, **defaults("evaluate/lists.yaml")}
    read = {key: read_literal(value) for key, value in (given or {}).items()}
    for key in read:
        if key not in known:
            raise InputError(f"unknown option {key}{near_miss(key, known)}; evaluate takes {', '.join(known)}")
    settings = {**known, **read}
    check_types(overall, {**overall, **settings})
    topk, metrics = settings["topk"], settings["metrics"]
    settings["topk"] = [topk] if isinstance(topk, int) else list(topk)
    settings["metrics"] = [metrics] if isinstance(metrics, str) else list(metrics)
    check_of_lists(settings["metrics"])
    return settings


def evaluate_lists(
    lists: Any,
    train: Any,
    test: Any,
    valid: Any = None,
    items: Any = None,
    users: Any = None,
    columns: Mapping[str, str] | None = None,
    config_dict: Mapping[str, Any] | None = None,
) -> ListEvaluation:
    """Measure recommendation lists that any program made, and compare them.

    Each table is a frame of pandas or polars, a table of Arrow, or the path of a csv, tsv, parquet or atomic file. The
    metrics are those of a run on the same split: popularity, groups and profiles are of ``train``.

    Args:
        lists: by name tables of ``user``, ``item`` and, where there is one, ``score`` or ``rank``; the others are
            measured against the first. A single table is one list called ``lists``. Ranks order a list, else scores,
            else the order of its rows.
        train: table of ``user`` and ``item``, a row for each training interaction.
        test: the same of the test interactions; the users in it are evaluated.
        valid: the same of the validation interactions, which are neither recommended nor relevant.
        items: table of ``item`` and columns that ``item_group_field`` may name: the catalogue, with all other items of
            the interactions. Where items have equal counts, groups go by its order.
        users: table of ``user`` and columns that ``user_group_field`` may name.
        columns: what ``user``, ``item``, ``score`` and ``rank`` are called in all tables, if not so or ``user_id`` and
            ``item_id``.
        config_dict: ``metrics``, ``topk``, and the settings of groups; see ``list_settings``.

    Raises:
        InputError: for a table that cannot be read, an unknown or repeated item in a list, and what lists cannot tell.
    """
    settings = list_settings(config_dict)
    named = dict(lists) if isinstance(lists, Mapping) else {"lists": lists}
    if not named:
        raise InputError("option lists names no lists; it takes at least one table")
    data, notes = read_data(train, test, valid, items, users, columns)
    for kind in PAIR:
        check_group_column(data, kind, settings[f"{kind}_group_field"])
    k = max(settings["topk"])
    if k > len(data.item_names):
        raise InputError(f"option topk={k} is not allowed; there are {len(data.item_names)} items")
    config = _Settings(settings, valid_metric=f"NDCG@{settings['topk'][0]}")
    measures = ListMeasures(config, data)
    found: dict[str, tuple[dict[str, Any], pd.DataFrame]] = {}
    for name, table in named.items():
        arranged, said = read_list(name, table, data, measures.users, k, columns)
        notes += [f"{name}: {sentence}" for sentence in said]
        found[name] = measures.measure(arranged)
    results = {
        name: {**result, "user_group_field": settings["user_group_field"]} for name, (result, _) in found.items()
    }
    tables = {name: table.assign(seed=SEED) for name, (_, table) in found.items()}
    comparison = _comparison(results, tables, settings, notes)
    return ListEvaluation(results, comparison.users, comparison, notes)


def _comparison(
    results: dict[str, dict[str, Any]], tables: dict[str, pd.DataFrame], settings: dict[str, Any], notes: list[str]
) -> Comparison:
    """Return the lists side by side at the first k, the first list being the base."""
    k = settings["topk"][0]
    metrics = [Metric.named(name, k if takes_k(name.lower()) else None) for name in settings["metrics"]]
    first = next(iter(results))
    measured = [
        Values(name, name, {}, name == first, {SEED: result["test_result"]}, tables[name], {})
        for name, result in results.items()
    ]
    values = [{"method": name, "seed": SEED, **result["test_result"]} for name, result in results.items()]
    return Comparison(
        "lists of other programs" if len(results) > 1 else first,
        metrics,
        summarize(measured, metrics, settings["seed"]),
        pd.DataFrame(values),
        pd.concat([table.assign(method=name) for name, table in tables.items()], ignore_index=True),
        {name: result["test_by_user_group"] for name, result in results.items()},
        {name: result["test_by_item_group"] for name, result in results.items()},
        {},
        notes,
        settings,
    )
