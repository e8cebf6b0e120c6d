"""UPD, AD and EE inside RecBole: registered, collected, and equal to the functions, in every evaluation mode."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from recbole.evaluator import register

from recbole_ile import run_recbole_ile
from recbole_ile.functional.measures import aggregate_diversity, equality_of_exposure, user_popularity_deviation
from recbole_ile.plugin.evaluation.collector import LISTS, POPULARITY, USERS, ListCollector
from recbole_ile.plugin.evaluation.metrics import METRICS
from recbole_ile.plugin.hooks.evaluation import registered_metrics


def test_registration_is_idempotent_and_in_place() -> None:
    known, smaller = register.metrics_dict, list(register.smaller_metrics)
    for _ in range(3):
        registered_metrics()
    assert register.metrics_dict is known
    assert register.smaller_metrics == smaller
    assert {metric.__name__.lower() for metric in METRICS} <= set(known)
    assert smaller.count("upd") == 1
    assert not {"ad", "ee"} & set(smaller)


@pytest.mark.trains
@pytest.mark.parametrize("mode", ["full", "uni3"])
def test_metrics_equal_the_functions_of_the_collected_lists(
    tiny: Path, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    collected: list[dict[str, Any]] = []
    get_data_struct = ListCollector.get_data_struct

    def spy(self: ListCollector) -> Any:
        struct = get_data_struct(self)
        collected.append({name: struct.get(name) for name in (LISTS, USERS, POPULARITY)})
        return struct

    monkeypatch.setattr(ListCollector, "get_data_struct", spy)
    options = {
        "data_path": str(tiny),
        "epochs": 1,
        "topk": [1, 2],
        "valid_metric": "UPD@2",
        "eval_args.mode": mode,
        "eval_args.split": {"LS": "test_only"},
        "metric_decimal_place": 9,
        "show_progress": False,
        "eval_batch_size": 9,
    }
    result = run_recbole_ile("BPR_ILE", "tiny", config_dict=options)["test_result"]
    lists, users, popularity = (collected[-1][name] for name in (LISTS, USERS, POPULARITY))
    assert sorted(users.tolist()) == list(range(6))
    assert lists.shape == (6, 2)
    for k in (1, 2):
        expected = user_popularity_deviation(
            popularity.profiles[users], lists[:, :k], popularity.item_groups, popularity.user_groups[users]
        )
        assert result[f"upd@{k}"] == pytest.approx(expected, abs=1e-9)
        assert result[f"ad@{k}"] == pytest.approx(aggregate_diversity(lists[:, :k], 8), abs=1e-9)
        assert result[f"ee@{k}"] == pytest.approx(equality_of_exposure(lists[:, :k], 8), abs=1e-9)


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
