"""A result of a run made by hand, for the tests of its page."""

from __future__ import annotations

from typing import Any

from recbole_ile.report.pages.frame import Made

GROUP = "<img src=x onerror=document.title='ran'>"
"""A provider's name as a stranger's data may have it."""
MADE = Made("recbole-ile run --model=BPR_EP", "tiny; 3 users", {"recbole_ile": "0.2.0"})


def result(**more: Any) -> dict[str, Any]:
    by_user = [{"group": name, "users": 3, "ndcg@10": 0.1, "upd@10": 0.2} for name in ("niche", "mainstream")]
    by_item = [
        {"group": name, "items": 2, "shown": 2, "cold": 0, "training_share": 0.5, "recommendation_share": 0.25,
         "exposure_share": 0.125, "recall@10": 0.1}
        for name in ("head", GROUP)
    ]  # fmt: skip
    epochs = [{"epoch": each, "losses": [0.7 - 0.1 * each, 0.7]} for each in range(3)]
    return {
        **{"model": "BPR_EP", "dataset": "tiny", "best_valid_score": 0.25, "user_group_field": None},
        **{"test_result": {"ndcg@5": 0.1, "ndcg@10": 0.2, "upd@10": 0.1}, "group_names": ["head", GROUP]},
        **{"test_by_user_group": by_user, "test_by_item_group": by_item, "group_losses": epochs},
        **more,
    }


def prices() -> dict[str, Any]:
    shares = [{"group": "head", "items": 2, "before_share": 0.9, "after_share": 0.6}]
    accuracy = [{"group": group, "users": 2, "ndcg_before@10": 0.2, "ndcg_after@10": 0.1} for group in (1, 2)]
    numbers = ("never_shown_before", "never_shown_after", "shown_after", "shown_after_cold", "newly_shown")
    return {
        **{"k": 10, "welfare": [1.0, 2.0, 2.5], "by_item_group": shares, **dict.fromkeys(numbers, 4)},
        **{"newly_shown_cold": 1, "dearest": [{"item": "1", "price": 1.25}]},
        **{"most_subsidised": [{"item": "7", "price": -0.5}], "test": {"by_user_group": accuracy}},
    }


def numbers() -> dict[str, Any]:
    groups = [{"group": name, "users": [2, 1]} for name in ("niche", "mainstream")]
    items = [{"item": "1", "group": "head", "training": 9, "lists": 6}, {"item": "7", "group": GROUP, "training": 1,
             "lists": 0}]  # fmt: skip
    return {
        **{"valid_metric": "NDCG@10", "sizes": {"users": 6}, "titles": {"1": "Toy <b>Story</b>"}, "k": 10, "lists": 6},
        **{"deviation": {"edges": [0.0, 0.1, 0.2], "groups": groups, "mean": 0.08, "median": 0.05}},
        **{"most_exposed": items, "least_exposed": items[::-1]},
    }
