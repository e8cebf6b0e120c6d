"""Calibration on a column of the items, and under other divergences, on models."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from recbole.utils import case_study

from recbole_ile import InputError, load_model, run_recbole_ile
from recbole_ile.functional.value_calibration import calibrated_values
from recbole_ile.plugin.data.feature_columns import distinct_values
from recbole_ile.plugin.runs.restoring import load_model_and_data

pytestmark = [pytest.mark.trains, pytest.mark.usefixtures("undrawn")]
SMALL: dict[str, Any] = {"topk": 3, "valid_metric": "NDCG@3", "embedding_size": 8, "show_progress": False}


@pytest.fixture
def options(rich: Path) -> dict[str, Any]:
    return {**SMALL, "data_path": str(rich), "state": "ERROR", "epochs": 2}


def test_each_value_is_there_once() -> None:
    codes = np.array([[2, 1, 2, 0], [0, 0, 0, 0], [3, 0, 0, 0]])
    assert distinct_values(codes).tolist() == [[2, 1], [0, -1], [3, -1]]


@pytest.mark.parametrize("kind", ["jsd", "kl", "hellinger"])
def test_lists_are_calibrated_on_tags(kind: str, options: dict[str, Any]) -> None:
    """Items have the tags a, a and b, or a, b and c, each by its own share; profiles are counted one by one."""
    given = {"cp_field": "tags", "cp_divergence": kind, "cp_weight": 0.8, "cp_candidates": 8}
    trained = run_recbole_ile("BPR_CP", "rich", config_dict={**options, **given})
    place = {"data_path": options["data_path"]}
    net, _, data = load_model_and_data(trained["checkpoint"], place)
    plain = load_model(trained["checkpoint"], {**place, "cp_weight": 0})
    users = data.test.entries.numpy()
    scores = case_study.full_sort_scores(users, plain, data.test)
    lists = case_study.full_sort_topk(users, net, data.test, 3)[1]
    tokens, train = data.dataset.field2id_token, data.train._dataset
    tags = {item: sorted("abc"[: 1 + int(tokens["item_id"][item][1:]) % 3]) for item in range(1, data.dataset.item_num)}
    profiles = np.zeros((data.dataset.user_num, 3))
    for user, item in zip(train.inter_feat["user_id"].tolist(), train.inter_feat["item_id"].tolist(), strict=True):
        for tag in tags[item]:
            profiles[user, "abc".index(tag)] += 1 / len(tags[item])
    values, items = scores.topk(8)
    codes = torch.tensor(
        [
            [["abc".index(tag) for tag in tags.get(i, "a")] + [-1] * (3 - len(tags.get(i, "a"))) for i in row]
            for row in items.tolist()
        ]
    )
    places = calibrated_values(values, codes, torch.from_numpy(profiles[users]), 3, 0.8, kind)
    assert torch.equal(lists, items.gather(1, places))


def test_a_trained_model_is_calibrated_on_a_column_afterwards(options: dict[str, Any]) -> None:
    plain = run_recbole_ile("EASE", "rich", config_dict=options)
    settings = {"cp_field": "tags", "data_path": options["data_path"]}
    afterwards = run_recbole_ile("EASE_CP", config_dict=settings, checkpoint=plain["checkpoint"])
    trained = run_recbole_ile("EASE_CP", "rich", config_dict={**options, "cp_field": "tags"})
    on_groups = run_recbole_ile("EASE_CP", "rich", config_dict=options)
    assert afterwards["test_result"] == trained["test_result"] != on_groups["test_result"]


@pytest.mark.parametrize(
    ("field", "told"),
    [("tgs", r"cp_field tgs is no column .* did you mean tags\?"), ("price", "cp_field price is a number")],
)
def test_a_column_that_cannot_be_is_told_before_the_training(field: str, told: str, options: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=told):
        run_recbole_ile("BPR_CP", "rich", config_dict={**options, "cp_field": field})
