"""Recommendation lists are those of the test evaluation, for any users, in any blocks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from atomic import write_atomic
from rich_data import IN_ORDER, LABELS, LOADED

from recbole_ile import InputError, run_recbole_ile
from recbole_ile.plugin.checkpoints.files import read_checkpoint
from recbole_ile.plugin.config.config import IleConfig
from recbole_ile.plugin.data.loaders.last_sequences import continuing
from recbole_ile.plugin.evaluation.collector import LISTS, USERS
from recbole_ile.plugin.runs.preparation import prepare_data
from recbole_ile.plugin.runs.recommendation import Recommender, recommender
from recbole_ile.plugin.runs.reevaluation import reevaluation_config
from recbole_ile.plugin.runs.restoring import restore

pytestmark = pytest.mark.usefixtures("undrawn")
FAST: dict[str, Any] = {"epochs": 1, "show_progress": False, "state": "ERROR", "load_col": LOADED}
RANKED: dict[str, Any] = {"topk": [3, 5], "valid_metric": "NDCG@5", "metrics": ["NDCG", "UPD"]}
SEQUENTIAL = {"train_neg_sample_args": None, "MAX_ITEM_LIST_LENGTH": 4, **IN_ORDER}
FULL = {"threshold": {"rating": 3}, "eval_args.mode": "full"}

EVALUATED: list[tuple[str, dict[str, Any]]] = [
    ("BPR", {}),
    ("BPR", {"fast_loader": False}),
    ("BPR", {"repeatable": True}),
    ("BPR_ILE", {}),
    ("BPR_CP", {"cp_weight": 0.95}),
    ("BPR_CP", {"cp_weight": 0.95, "cp_candidates": 5, "cp_normalize": "minmax"}),
    ("BPR_PUFR", {"pufr_members": 2}),
    ("BPR_ILE_PUFR_CP", {"pufr_members": 2, "pufr_uncertainty": "pair"}),
    ("NeuMF", {}),
    ("FM", FULL),
    ("FM_CP", FULL),
    ("CKE_CP", {}),
    ("Pop", {}),  # almost all scores are equal
    ("SASRec", SEQUENTIAL),
    ("GRU4Rec_CP", SEQUENTIAL),
]


def trained(model: str, data: Path, dataset: str = "rich", **options: Any) -> str:
    settings = {**FAST, **RANKED, "data_path": str(data), **options}
    return run_recbole_ile(model, dataset, config_dict=settings)["checkpoint"]


def again(checkpoint: str, **options: Any) -> tuple[IleConfig, dict[str, Any]]:
    stored = read_checkpoint(checkpoint)
    return reevaluation_config(checkpoint, stored["config"], None, None, None, options), stored


def evaluated(checkpoint: str) -> tuple[np.ndarray, np.ndarray]:
    """The users of the test evaluation and their lists, both without padding."""
    run = restore(*again(checkpoint), checkpoint, needs_split=False)
    data, trainer = run.data, run.trainer
    trainer.eval_collector.details = True
    trainer.eval_collector.data_collect(data.train)
    trainer.evaluate(data.test, load_best_model=False)
    details = trainer.eval_collector.last_details
    return details[USERS], details[LISTS]


def lists_of(checkpoint: str, k: int = 5, users: list[str] | None = None, **options: Any) -> tuple[Any, ...]:
    """All users of a recommender and their lists and scores, and the recommender."""
    found, _ = recommender(*again(checkpoint, **options), checkpoint, k, users)
    users_items_scores = [torch.cat(column) for column in zip(*found, strict=True)]
    assert torch.equal(users_items_scores[0], found.users)
    return (*users_items_scores, found)


def columns(part: Any) -> tuple[list[int], list[int]]:
    return part["user_id"].tolist(), part["item_id"].tolist()


@pytest.mark.trains
@pytest.mark.parametrize(("model", "options"), EVALUATED)
def test_lists_are_those_of_the_evaluation(rich: Path, model: str, options: dict[str, Any]) -> None:
    checkpoint = trained(model, rich, **options)
    users, lists = evaluated(checkpoint)
    ids, items, scores, _ = lists_of(checkpoint)
    assert ids.tolist() == list(range(1, 13)), "all users, with and without test interactions"
    assert len(users) >= 8
    assert items[torch.from_numpy(users)].shape == lists.shape
    assert torch.equal(items[torch.from_numpy(users)] - 1, torch.from_numpy(lists))
    assert torch.equal(items > 0, scores > -torch.inf)


@pytest.mark.trains
@pytest.mark.parametrize("options", [LABELS, {"threshold": {"rating": 3}, "eval_args.mode": "uni3"}])
def test_a_model_that_was_evaluated_otherwise_has_lists_too(rich: Path, options: dict[str, Any]) -> None:
    ranking = {} if "metrics" in options else RANKED
    settings = {**FAST, **ranking, **options, "data_path": str(rich)}
    checkpoint = run_recbole_ile("FM", "rich", config_dict=settings)["checkpoint"]
    ids, items, scores, _ = lists_of(checkpoint)
    assert len(ids) == 12
    assert (scores.diff(dim=1) <= 0).all()
    assert all(len(set(row)) == 5 for row in items.tolist())


@pytest.mark.trains
@pytest.mark.parametrize("model", ["BPR", "BPR_PUFR_CP"])
def test_lists_of_any_length_begin_with_the_same_items(rich: Path, model: str) -> None:
    checkpoint = trained(model, rich, pufr_members=2)
    longest = lists_of(checkpoint, 15)[1]
    for k in (1, 4, 9):
        assert torch.equal(lists_of(checkpoint, k)[1], longest[:, :k])


@pytest.mark.trains
def test_nothing_of_training_or_validation_is_recommended_and_what_is_left_is(rich: Path) -> None:
    for model in ("BPR", "BPR_CP", "BPR_PUFR"):
        checkpoint = trained(model, rich, pufr_members=2)
        _, items, scores, found = lists_of(checkpoint, 15)
        data = restore(*again(checkpoint), checkpoint, needs_split=False).data
        parts = [data.train._dataset.inter_feat, data.valid._dataset.inter_feat]
        known = {pair for part in parts for pair in zip(*columns(part), strict=True)}
        assert found.leaves_history_out
        for user, row in enumerate(items.tolist(), start=1):
            filled = [item for item in row if item]
            assert set(filled) == {item for item in range(1, 16) if (user, item) not in known}
            assert row == filled + [0] * (15 - len(filled))
        assert torch.equal(torch.isinf(scores), items == 0)


@pytest.mark.trains
def test_blocks_do_not_change_the_lists(rich: Path) -> None:
    for model, options in (("BPR_CP", {}), ("NeuMF_PUFR", {"pufr_members": 2}), ("SASRec", SEQUENTIAL)):
        checkpoint = trained(model, rich, **options)
        whole, small = lists_of(checkpoint), lists_of(checkpoint, eval_memory=1)
        assert (whole[3].block, small[3].block) == (12, 1)
        assert torch.equal(whole[1], small[1])
        torch.testing.assert_close(whole[2], small[2])


@pytest.mark.trains
def test_users_come_in_the_order_that_is_asked_for(rich: Path) -> None:
    for model, options in (("BPR", {}), ("SASRec", SEQUENTIAL)):
        checkpoint = trained(model, rich, **options)
        whole = lists_of(checkpoint)[1]
        ids, items, *_ = lists_of(checkpoint, users=["u7", "u2", "u7", "u11"])
        assert len(ids) == 3
        assert torch.equal(items, whole[ids - 1])
        names = prepare_data(again(checkpoint)[0]).dataset.field2id_token["user_id"]
        assert names[ids.numpy()].tolist() == ["u7", "u2", "u11"]


@pytest.mark.trains
def test_scores_of_calibrated_lists_are_the_models_own(rich: Path) -> None:
    base, calibrated = (trained(model, rich, cp_weight=0.95) for model in ("BPR", "BPR_CP"))
    own, chosen = lists_of(base, 15), lists_of(calibrated, 5)
    assert not torch.equal(own[1][:, :5], chosen[1])
    of_base = torch.full((12, 16), torch.nan).scatter_(1, own[1], own[2])
    torch.testing.assert_close(chosen[2], of_base.gather(1, chosen[1]), rtol=0, atol=0)


@pytest.mark.trains
def test_scores_of_uncertain_items_are_adjusted(rich: Path) -> None:
    checkpoint = trained("BPR_PUFR", rich, pufr_members=3)
    plain, adjusted = lists_of(checkpoint, pufr_weight=0.0), lists_of(checkpoint, pufr_weight=100.0)
    assert not torch.equal(plain[1], adjusted[1])
    assert (adjusted[2].diff(dim=1) <= 0).all()
    both = trained("BPR_PUFR_CP", rich, pufr_members=3)
    assert lists_of(both, pufr_weight=100.0)[2].max() == pytest.approx(float(adjusted[2].max()))


EARLY_AND_LATE = {
    "ann": "a b c d e f",
    "bob": "c d",
    "cat": "a",
    "dan": "f e d c b a",
}
"""Everything of the first three comes before everything of the last."""


@pytest.fixture
def dated(tmp_path: Path) -> IleConfig:
    rows = [f"{user} {item}" for user, items in EARLY_AND_LATE.items() for item in items.split()]
    lines = ["user_id:token item_id:token timestamp:float", *(f"{row} {time}" for time, row in enumerate(rows))]
    write_atomic(tmp_path / "data", "dated", lines)
    options = {**FAST, "load_col": None, "topk": 2, "valid_metric": "NDCG@2", "data_path": str(tmp_path / "data")}
    options |= {"train_neg_sample_args": None, "MAX_ITEM_LIST_LENGTH": 3}
    options["eval_args"] = {"split": {"RS": [0.7, 0.1, 0.2]}, "group_by": None, "order": "TO", "mode": "full"}
    return IleConfig("SASRec", "dated", config_dict=options)


def test_sequences_continue_from_what_is_known_before_the_test_part(dated: IleConfig) -> None:
    data = prepare_data(dated)
    parts = [loader._dataset for loader in (data.train, data.valid, data.test)]
    assert [len(part) for part in parts] == [8, 1, 2]
    users = torch.tensor([4, 3, 2, 1])
    rows, found = continuing(parts, users)
    assert found.tolist() == [True, False, True, True]
    tokens = data.dataset.field2id_token
    sequences = {
        str(tokens["user_id"][user]): "".join(tokens["item_id"][items[:length].numpy()])
        for user, items, length in zip(
            *(rows.inter_feat[field] for field in ("user_id", "item_id_list", "item_length")), strict=True
        )
    }
    assert list(sequences.items()) == [("dan", "edc"), ("bob", "cd"), ("ann", "def")]
    times = rows.inter_feat["timestamp_list"]
    assert (times[1, :2].diff() > 0).all()
    assert rows.inter_feat["item_id_list"][1, 2] == 0


@pytest.mark.trains
def test_a_user_without_a_sequence_gets_no_list(dated: IleConfig) -> None:
    data = prepare_data(dated)
    saved = run_recbole_ile("SASRec", "dated", config_dict=dated.external_config_dict)["checkpoint"]
    ids, items, _, found = lists_of(saved, 6)
    assert data.dataset.field2id_token["user_id"][ids.numpy()].tolist() == ["ann", "bob", "dan"]
    assert found.without_sequence.tolist() == [3]
    assert not found.leaves_history_out
    assert (items > 0).all(), "sequential models are evaluated with everything"
    nobody = lists_of(saved, 2, users=["cat"])
    assert [len(column) for column in nobody[:3]] == [0, 0, 0]


@pytest.mark.trains
@pytest.mark.parametrize("k", [0, 16])
def test_impossible_lengths_are_refused(rich: Path, k: int) -> None:
    with pytest.raises(InputError, match=rf"option k={k} is not allowed; rich has 15 items"):
        lists_of(trained("BPR", rich), k)


@pytest.mark.trains
def test_unknown_users_are_named_with_the_near_miss(rich: Path) -> None:
    with pytest.raises(InputError, match=r"option users: u33, x, y and 1 more .*, did you mean u3\?"):
        lists_of(trained("BPR", rich), users=["u33", "u1", "x", "y", "z"])


@pytest.mark.trains
def test_lists_are_the_same_to_the_bit(rich: Path) -> None:
    checkpoint = trained("BPR_CP", rich)
    first, second = lists_of(checkpoint), lists_of(checkpoint)
    assert torch.equal(first[1], second[1])
    assert torch.equal(first[2], second[2])
    assert isinstance(first[3], Recommender)
