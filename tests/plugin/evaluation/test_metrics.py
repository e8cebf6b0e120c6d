"""Our metrics inside RecBole: registered, collected, and equal to the functions, in every evaluation mode."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from recbole.evaluator import register

from recbole_ile import run_recbole_ile
from recbole_ile.functional.group_parity import (
    equal_opportunity_deviation,
    min_group_share,
    statistical_parity_deviation,
)
from recbole_ile.functional.long_tail import average_tail_share, tail_coverage
from recbole_ile.functional.measures import aggregate_diversity, equality_of_exposure, user_popularity_deviation
from recbole_ile.functional.miscalibration import miscalibration
from recbole_ile.functional.popularity_lift import popularity_lift
from recbole_ile.plugin.evaluation.collector import (
    CANDIDATES,
    LISTS,
    POPULARITY,
    POSITIVE_ITEMS,
    POSITIVE_ROWS,
    USERS,
    ListCollector,
)
from recbole_ile.plugin.evaluation.metrics import METRICS
from recbole_ile.plugin.hooks.evaluation import registered_metrics

EVERYTHING = (LISTS, USERS, POPULARITY, POSITIVE_ROWS, POSITIVE_ITEMS, CANDIDATES)


def test_registration_is_idempotent_and_in_place() -> None:
    known, smaller = register.metrics_dict, list(register.smaller_metrics)
    for _ in range(3):
        registered_metrics()
    assert register.metrics_dict is known
    assert register.smaller_metrics == smaller
    assert {metric.__name__.lower() for metric in METRICS} <= set(known)
    assert smaller.count("upd") == 1
    assert not {"ad", "ee", "poplift"} & set(smaller)


@pytest.mark.trains
@pytest.mark.parametrize("mode", ["full", "uni3"])
def test_metrics_equal_the_functions_of_the_collected_lists(
    tiny: Path, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    collected: list[dict[str, Any]] = []
    get_data_struct = ListCollector.get_data_struct

    def spy(self: ListCollector) -> Any:
        struct = get_data_struct(self)
        collected.append({name: struct.get(name) for name in EVERYTHING if name in struct})
        return struct

    monkeypatch.setattr(ListCollector, "get_data_struct", spy)
    options = {
        "data_path": str(tiny),
        "epochs": 1,
        "topk": [1, 2],
        "valid_metric": "UPD@2",
        "eval_args.mode": mode,
        "eval_args.split": {"LS": "test_only"},
        "metrics": ["Recall", *(metric.__name__ for metric in METRICS)],
        "ee_discount": "dcg",
        "metric_decimal_place": 9,
        "show_progress": False,
        "eval_batch_size": 9,
    }
    result = run_recbole_ile("BPR_ILE", "tiny", config_dict=options)["test_result"]
    lists, users, popularity = (collected[-1][name] for name in (LISTS, USERS, POPULARITY))
    rows, items, candidates = (collected[-1][name] for name in (POSITIVE_ROWS, POSITIVE_ITEMS, CANDIDATES))
    groups, profiles, own = popularity.item_groups, popularity.profiles[users], popularity.user_groups[users]
    sizes = np.bincount(groups, minlength=3)
    if mode == "full":
        assert candidates.tolist() == (sizes - profiles).tolist(), "each user was trained with an item once"
    else:
        drawn = candidates.sum(axis=1)
        assert ((drawn >= 2) & (drawn <= 4)).all(), "the test item and three draws, which may repeat an item"
    assert sorted(users.tolist()) == list(range(6))
    assert lists.shape == (6, 2)
    for k in (1, 2):
        expected = user_popularity_deviation(
            popularity.profiles[users], lists[:, :k], popularity.item_groups, popularity.user_groups[users]
        )
        assert result[f"upd@{k}"] == pytest.approx(expected, abs=1e-9)
        assert result[f"ad@{k}"] == pytest.approx(aggregate_diversity(lists[:, :k], 8), abs=1e-9)
        assert result[f"ee@{k}"] == pytest.approx(equality_of_exposure(lists[:, :k], 8, "dcg"), abs=1e-9)
        listed = lists[:, :k]
        found = np.array([item in row for item, row in zip(items, listed[rows], strict=True)])
        assert result[f"recall@{k}"] == pytest.approx(found.mean()), "the relevant items are those of RecBole's recall"
        expected_of = {
            "aplt": average_tail_share(listed, groups, 3),
            "tailcoverage": tail_coverage(listed, groups, 3),
            "popreo": equal_opportunity_deviation(listed, rows, items, groups, 3),
            "poprsp": statistical_parity_deviation(listed, candidates, groups),
            "poplift": popularity_lift(popularity.profile_means[users], listed, popularity.counts, own),
            "miscalibration": miscalibration(profiles, listed, groups),
            "mingroupshare": min_group_share(listed, groups, 3, "dcg"),
        }
        for name, value in expected_of.items():
            assert result[f"{name}@{k}"] == pytest.approx(value, abs=1e-9, nan_ok=True), name


@pytest.mark.trains
def test_what_may_be_recommended_is_counted_before_a_re_ranker_acts(tiny: Path) -> None:
    options = {
        "data_path": str(tiny),
        "epochs": 1,
        "topk": 2,
        "valid_metric": "NDCG@2",
        "eval_args.split": {"LS": "test_only"},
        "metrics": ["NDCG", "PopRSP"],
        "show_progress": False,
    }
    seen: list[Any] = []
    get_data_struct = ListCollector.get_data_struct

    def spy(self: ListCollector) -> Any:
        struct = get_data_struct(self)
        seen.append(struct.get(CANDIDATES))
        return struct

    def hidden(_: Any, scores: Any, *__: Any) -> Any:
        scores[:, 2:] = -np.inf
        return scores

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ListCollector, "get_data_struct", spy)
        run_recbole_ile("BPR_CP", "tiny", config_dict=options)
        patch.setattr("recbole_ile.plugin.mitigations.cp.CalibratedPopularity.rerank", hidden)
        run_recbole_ile("BPR_CP", "tiny", config_dict=options)
    before, after = seen[0], seen[-1]
    assert before.sum() == 6 * 8 - 15
    assert after.tolist() == before.tolist()


@pytest.mark.trains
def test_history_and_padding_are_never_in_a_list(tiny: Path) -> None:
    seen: list[Any] = []
    collect = ListCollector.eval_batch_collect

    def spy(self: ListCollector, scores: Any, interaction: Any, rows: Any, items: Any) -> None:
        collect(self, scores, interaction, rows, items)
        batch = (self._batches[LISTS][-1], self._batches[USERS][-1])
        seen.append((self._training.inter_matrix().toarray(), batch))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ListCollector, "eval_batch_collect", spy)
        run_recbole_ile(
            "BPR", "tiny", config_dict={"data_path": str(tiny), "epochs": 1, "topk": 8, "valid_metric": "NDCG@8"}
        )
    for trained, (lists, users) in seen:
        for row, user in zip(lists.numpy(), users.numpy(), strict=True):
            filled = row[row >= 0]
            assert not trained[user + 1, filled + 1].any()
            assert len(filled) == len(set(filled.tolist()))


@pytest.mark.trains
def test_stock_recbole_gives_the_metrics_after_an_import() -> None:
    from recbole.quick_start import run_recbole

    options = {"epochs": 1, "valid_metric": "UPD@10", "show_progress": False, "user_inter_num_interval": "[100,inf)"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["stock"])
        result = run_recbole("BPR", "ml-100k", config_dict={**options, "metrics": ["NDCG", "UPD", "AD", "EE"]})
    ours = run_recbole_ile("BPR", "ml-100k", config_dict={**options, "fast_loader": False})
    assert result["valid_score_bigger"] is False
    for name, value in result["test_result"].items():
        assert ours["test_result"][name] == value
        assert np.isfinite(value)
