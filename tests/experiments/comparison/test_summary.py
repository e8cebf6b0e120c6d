"""The table of a comparison, from values that can be checked by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from recbole_ile.experiments.comparison.summary import Values, summarize
from recbole_ile.metric import Better, Metric

METRICS = [Metric.parse(name) for name in ("ndcg@10", "upd@10", "ad@10")]
USERS = 60


def values(label: str, ndcg: float, upd: float, base: bool = False, seeds: int = 2, noise: float = 0.01) -> Values:
    tables, metrics = [], {}
    for seed in range(seeds):
        generator = np.random.default_rng([seed, len(label)])
        table = pd.DataFrame(
            {
                "seed": seed,
                "user": [str(user) for user in range(USERS)],
                "user_group": np.arange(USERS) % 5,
                "ndcg@10": ndcg + noise * generator.normal(size=USERS),
                "upd@10": upd + noise * generator.normal(size=USERS),
            }
        )
        tables.append(table)
        metrics[seed] = {"ndcg@10": ndcg + 0.01 * seed, "upd@10": upd, "ad@10": 0.5}
    return Values(label, label, {}, base, metrics, pd.concat(tables, ignore_index=True), {"ndcg@10": 0.3})


def test_means_spreads_and_the_best_go_by_the_metrics_direction() -> None:
    base, other = summarize([values("BPR", 0.30, 0.20, base=True), values("ILE", 0.25, 0.10)], METRICS, 0)
    assert base.cells["ndcg@10"].mean == pytest.approx(0.305)
    assert base.cells["ndcg@10"].spread == pytest.approx(0.01 / np.sqrt(2))
    assert (base.cells["ndcg@10"].best, base.cells["upd@10"].best) == (True, False)
    assert (other.cells["ndcg@10"].best, other.cells["upd@10"].best) == (False, True)
    assert all(row.cells["ad@10"].best for row in (base, other)), "a tie has two best"
    assert base.cells["ndcg@10"].published == 0.3
    assert base.cells["ad@10"].published is None


def test_marks_tell_only_what_the_tests_allow() -> None:
    rows = summarize(
        [
            values("BPR", 0.30, 0.20, base=True),
            values("FAIR", 0.25, 0.10),
            values("MIDDLE", 0.28, 0.15),
            values("TWIN OF BPR", 0.30, 0.20),
        ],
        METRICS,
        0,
    )
    marks = {row.label: (row.cells["ndcg@10"].marks, row.cells["upd@10"].marks) for row in rows}
    assert marks["BPR"] == ("", "")
    assert marks["FAIR"] == ("°", "*†")
    assert marks["MIDDLE"] == ("°", "*")
    assert marks["TWIN OF BPR"] == ("", ""), "chance does not earn a mark"
    assert all(row.cells["ad@10"].marks == "" for row in rows)
    assert rows[0].cells["ndcg@10"].p_base is None
    assert rows[0].cells["ad@10"].interval is None


def test_all_tests_are_corrected_together() -> None:
    alone = summarize([values("BPR", 0.300, 0.2, base=True), values("OTHER", 0.296, 0.2)], METRICS, 0)
    many = [values(f"ILE{number}", 0.296, 0.2) for number in range(10, 30)]
    among = summarize([values("BPR", 0.300, 0.2, base=True), values("OTHER", 0.296, 0.2), *many], METRICS, 0)
    assert among[1].cells["ndcg@10"].p_base > alone[1].cells["ndcg@10"].p_base


def test_users_are_paired_over_the_seeds_that_both_have() -> None:
    base, other = values("BPR", 0.3, 0.2, base=True, noise=0.3), values("ILE", 0.3, 0.2, seeds=1)
    shifted = base.users[base.users["seed"] == 0].assign(**{"ndcg@10": lambda table: table["ndcg@10"] + 0.001})
    row = summarize([base, other._replace(users=shifted)], METRICS, 0)[1]
    assert row.cells["ndcg@10"].p_base == 0, "every user gains the same"
    assert np.isnan(row.cells["ndcg@10"].spread)


def test_the_interval_is_around_the_mean_and_weighs_user_groups_alike_for_upd() -> None:
    (row,) = summarize([values("BPR", 0.3, 0.2, base=True)], METRICS, 0)
    low, high = row.cells["ndcg@10"].interval or (0, 0)
    assert low < 0.3 < high
    assert high - low < 0.01
    uneven = values("BPR", 0.3, 0.2, base=True)
    uneven.users["user_group"] = np.where(np.arange(2 * USERS) % USERS < 6, 1, 0)
    uneven.users["upd@10"] = np.where(uneven.users["user_group"] == 1, 0.6, 0.2)
    (row,) = summarize([uneven], METRICS, 0)
    assert row.cells["upd@10"].interval == pytest.approx((0.4, 0.4))


def test_no_methods_make_no_rows() -> None:
    assert summarize([], METRICS, 0) == []


def test_what_is_best_at_zero_is_judged_by_its_distance_from_there() -> None:
    lift = Metric("poplift", 10, Better.ZERO)
    methods = []
    for label, value in (("BPR", 0.4), ("ILE", -0.1), ("CP", -0.4), ("PUFR", -0.6)):
        each = values(label, 0.3, value, base=label == "BPR")
        users = each.users.rename(columns={"upd@10": "poplift@10"})
        methods.append(each._replace(metrics={0: {"poplift@10": value}}, users=users))
    cells = {row.label: row.cells["poplift@10"] for row in summarize(methods, [lift], 0)}
    assert {label: cell.best for label, cell in cells.items()} == {
        "BPR": False, "ILE": True, "CP": False, "PUFR": False,
    }  # fmt: skip
    assert {label: cell.marks for label, cell in cells.items()} == {"BPR": "", "ILE": "*†", "CP": "", "PUFR": "°"}
