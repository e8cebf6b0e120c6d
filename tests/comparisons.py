"""Small comparisons made by hand, for the tests of their report."""

from __future__ import annotations

from typing import Any

import pandas as pd

from recbole_ile.experiments.comparison.summary import Cell, Comparison, Row
from recbole_ile.metric import Metric

NDCG, UPD, AD = METRICS = [Metric.parse(name) for name in ("ndcg@10", "upd@10", "ad@10")]
STRANGE = r"a_b%c&d#e$f{g}h~i^j\k<l>m|n[o]--*p$ <script>"
NAN = float("nan")


def cell(mean: float, spread: float = NAN, **more: Any) -> Cell:
    interval = (mean - 0.01, mean + 0.01)
    return Cell(**{**Cell(mean, spread, interval, None, None, "", False, None)._asdict(), **more})


def comparison(
    others: tuple[str, ...] = ("BPR_ILE:ent, ile_lambda=0.04", "BPR_CP"),
    item_names: tuple[str, ...] = ("head", "mid", "tail"),
    user_names: tuple[str, ...] = ("niche", "2", "3", "4", "mainstream"),
    title: str = "BPR on tiny",
    spread: float = 0.002,
) -> Comparison:
    """Return a comparison in which the base has the best ndcg, the first other the best upd and ad."""
    rows = [Row("BPR", "BPR", {}, [1, 2], True, {
        "ndcg@10": cell(0.25, spread, best=True, marks="†", p_other=0.01, published=0.269),
        "upd@10": cell(0.12, spread, published=0.121),
        "ad@10": cell(0.4, spread, interval=None, published=0.423),
    })]  # fmt: skip
    for place, label in enumerate(others):
        rows.append(Row(label, label.partition(":")[0], {"ile_lambda": 0.04, "note": label}, [1, 2], False, {
            "ndcg@10": cell(0.22 - 0.01 * place, spread, p_base=0.004, p_other=0.2, marks="°"),
            "upd@10": cell(0.07 + 0.01 * place, spread, p_base=1e-5, best=place == 0, marks="" if place else "*†"),
            "ad@10": cell(0.5 - 0.01 * place, spread, interval=None, best=place == 0),
        }))  # fmt: skip
    labels = [row.label for row in rows]
    seeds = pd.DataFrame([{"method": label, "seed": seed, "ndcg@10": 0.2} for label in labels for seed in (1, 2)])
    users = pd.DataFrame(
        [("u1", label, 1, 0.5, 0.1, 0) for label in labels],
        columns=["user", "method", "seed", "ndcg@10", "upd@10", "user_group"],
    )
    by_user = {label: [
        {"group": name, "users": 3, "ndcg@10": 0.1 + 0.05 * group, "recall@10": 0.1, "upd@10": 0.2 - 0.01 * place}
        for group, name in enumerate(user_names)
    ] for place, label in enumerate(labels)}  # fmt: skip
    by_item = {label: [
        {"group": name, "items": 3, "training_share": 1 / len(item_names), "recommendation_share": 0.3,
         "exposure_share": 0.1 + 0.05 * place + 0.01 * group, "recall": 0.1}
        for group, name in enumerate(item_names)
    ] for place, label in enumerate(labels)}  # fmt: skip
    epochs = [
        {"epoch": each, "losses": [0.7 - 0.1 * each + 0.02 * g for g in range(len(item_names))]} for each in (0, 1)
    ]
    losses = {label: (list(item_names), epochs) for label in labels if "CP" not in label}
    notes = ["BPR_CP ranks what BPR scores."]
    return Comparison(
        title, METRICS, rows, seeds, users, by_user, by_item, losses, notes, {"dataset": "tiny", "epochs": 2}
    )


def empty() -> Comparison:
    return Comparison("nothing", METRICS, [], pd.DataFrame(), pd.DataFrame({"user": []}), {}, {}, {}, [], {})


def without_values() -> Comparison:
    found = comparison(spread=NAN)
    cells = {str(metric): cell(NAN, interval=None) for metric in METRICS}
    shares = {"items": 0, "training_share": NAN, "recommendation_share": NAN, "exposure_share": NAN, "recall": NAN}
    return found._replace(
        rows=[row._replace(cells=cells) for row in found.rows],
        item_groups={row.label: [{"group": "head", **shares}] for row in found.rows},
        user_groups={row.label: [{"group": "niche", "users": 0, "ndcg@10": NAN, "upd@10": NAN}] for row in found.rows},
        group_losses={"BPR": (["head", "tail"], [{"epoch": 0, "losses": None}])},
    )


TEN = comparison(
    others=(*(f"BPR_ILE:ent, ile_lambda=0.0{place}" for place in range(1, 9)), "BPR_ILE_CP, a=0.5, cp_weight=0.9"),
    item_names=("The quick brown group of 40 characters x", "W" * 40, "Children's$ & family $ films", "_x", "A b"),
    user_names=tuple(f"the quick group of 40 characters number {place}" for place in range(5)),
    title="A comparison with a long title that says on which of the many data sets it was made and why, at length",
)
