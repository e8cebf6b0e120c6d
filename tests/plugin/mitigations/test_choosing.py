"""XQ, FAIR and PC on models: with nothing they do nothing, with something the lists are those of the formulas."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from recbole.utils import case_study

from recbole_ile import load_model, run_recbole_ile
from recbole_ile.cli import main
from recbole_ile.functional.compensation import popularity_compensated
from recbole_ile.functional.diversification import explicit_diversification
from recbole_ile.functional.fair_prefixes import fair_lists, minimum_protected, protected_groups, protected_shares
from recbole_ile.plugin.data.popularity import TrainingPopularity
from recbole_ile.plugin.runs.restoring import load_model_and_data

pytestmark = [pytest.mark.trains, pytest.mark.usefixtures("undrawn")]
SMALL: dict[str, Any] = {
    "topk": 3,
    "valid_metric": "NDCG@3",
    "epochs": 2,
    "embedding_size": 8,
    "show_progress": False,
    "state": "ERROR",
}
NEUTRAL = {"XQ": {"xq_weight": 0}, "FAIR": {"fair_share": 0}, "PC": {"pc_alpha": 0}}
STRONG = {"XQ": {"xq_weight": 0.9}, "FAIR": {"fair_share": 0.9, "fair_alpha": 0.5}, "PC": {"pc_alpha": 3.0}}
TOGETHER = {key: value for each in STRONG.values() for key, value in each.items()}


@pytest.fixture
def options(rich: Path) -> dict[str, Any]:
    return {**SMALL, "data_path": str(rich)}


class Ranked:
    """What a trained model and the data say of the test users: scores after masking, lists, groups and profiles."""

    def __init__(self, model: str, options: dict[str, Any]) -> None:
        self.checkpoint = run_recbole_ile(model, "rich", config_dict=options)["checkpoint"]
        self.net, config, data = load_model_and_data(self.checkpoint, {"data_path": options["data_path"]})
        keys = self.net.ranking_settings()
        every = {key: value for each in NEUTRAL.values() for key, value in each.items()} | {"cp_weight": 0}
        neutral = {key: value for key, value in every.items() if key in keys}
        plain = load_model(self.checkpoint, {"data_path": options["data_path"], **neutral})
        self.users, self.tokens = data.test.entries.numpy(), data.dataset.field2id_token
        self.scores = case_study.full_sort_scores(self.users, plain, data.test)
        self.lists = case_study.full_sort_topk(self.users, self.net, data.test, 3)[1]
        popularity = TrainingPopularity.of(config, data.train._dataset)
        self.groups = torch.from_numpy(popularity.groups_by_id)
        self.profiles = torch.from_numpy(popularity.profiles)[self.users - 1]
        self.counts = torch.from_numpy(np.concatenate([[0], popularity.counts]))


@pytest.mark.parametrize("base", ["BPR", "EASE"])
def test_with_nothing_they_are_the_base_model_to_the_bit(base: str, options: dict[str, Any]) -> None:
    plain = run_recbole_ile(base, "rich", config_dict=options)
    for suffix, neutral in NEUTRAL.items():
        free = run_recbole_ile(f"{base}_{suffix}", "rich", config_dict={**options, **neutral})
        assert free["test_result"] == plain["test_result"]
        assert free["best_valid_result"] == plain["best_valid_result"]


@pytest.mark.parametrize("mode", ["binary", "smooth"])
def test_lists_are_diversified(mode: str, options: dict[str, Any]) -> None:
    found = Ranked("BPR_XQ", {**options, "xq_weight": 0.8, "xq_mode": mode, "xq_candidates": 6})
    values, items = found.scores.topk(6)
    places = explicit_diversification(values, found.groups[items], found.profiles, 3, 0.8, mode)
    assert torch.equal(found.lists, items.gather(1, places))
    assert not torch.equal(found.lists, items[:, :3])


@pytest.mark.parametrize("share", [0.7, "profile"])
@pytest.mark.parametrize("protected", ["tail", "not_head"])
def test_beginnings_are_fair(share: Any, protected: str, options: dict[str, Any]) -> None:
    settings = {"fair_share": share, "fair_protected": protected, "fair_alpha": 0.4}
    found = Ranked("BPR_FAIR", {**options, **settings})
    chosen = protected_groups(3, protected)
    shares = protected_shares(found.profiles, chosen)
    shares = torch.full_like(shares, share) if share != "profile" else shares
    assert torch.equal(found.lists, fair_lists(found.scores, chosen[found.groups], minimum_protected(shares, 3, 0.4)))


def test_rare_items_are_compensated(options: dict[str, Any]) -> None:
    found = Ranked("BPR_PC", {**options, "pc_alpha": 2.0, "pc_beta": 0.3})
    assert torch.equal(found.lists, popularity_compensated(found.scores, found.counts, 2.0, 0.3).topk(3).indices)


@pytest.mark.parametrize("base", ["EASE", "ItemKNN", "SASRec"])
def test_they_compose_with_each_other_and_need_no_training(base: str, options: dict[str, Any]) -> None:
    further = {"train_neg_sample_args": None} if base == "SASRec" else {}
    name = f"{base}_LAP_EP_PC_XQ_FAIR_CP"
    together = run_recbole_ile(name, "rich", config_dict={**options, **TOGETHER, **further})
    plain = run_recbole_ile(base, "rich", config_dict={**options, **further})
    again = run_recbole_ile(checkpoint=together["checkpoint"])
    assert again["test_result"] == together["test_result"]
    assert together["test_result"] != plain["test_result"]


def test_a_trained_model_is_ranked_as_one_that_was_trained_under_the_name(options: dict[str, Any]) -> None:
    plain = run_recbole_ile("EASE", "rich", config_dict=options)["checkpoint"]
    for suffix, strong in STRONG.items():
        settings = {**strong, "data_path": options["data_path"]}
        afterwards = run_recbole_ile(f"EASE_{suffix}", config_dict=settings, checkpoint=plain)
        trained = run_recbole_ile(f"EASE_{suffix}", "rich", config_dict={**options, **strong})
        assert afterwards["test_result"] == trained["test_result"]


@pytest.mark.parametrize("suffixes", ["XQ", "FAIR", "PC", "PC_XQ_FAIR_CP"])
def test_recommended_are_the_lists_of_the_evaluation_with_the_scores_before(
    suffixes: str, options: dict[str, Any]
) -> None:
    given = {key: value for suffix in STRONG if suffix in suffixes for key, value in STRONG[suffix].items()}
    found = Ranked(f"BPR_{suffixes}", {**options, **given})
    words = [f"--data_path={options['data_path']}", "--all", "--k=3", "--out=x.csv"]
    assert main(["recommend", f"--checkpoint={found.checkpoint}", *words]) == 0
    table = pd.read_csv("x.csv", dtype={"user_id": str, "item_id": str})
    before = popularity_compensated(found.scores, found.counts, 3.0, 0.1) if "PC" in suffixes else found.scores
    for user, items, own in zip(found.users, found.lists, before, strict=True):
        listed = table[table["user_id"] == found.tokens["user_id"][user]]
        assert listed["item_id"].tolist() == found.tokens["item_id"][items].tolist()
        np.testing.assert_allclose(listed["score"], own[items], rtol=1e-5)


def test_calibration_behind_compensation_is_of_scores_between_zero_and_one(options: dict[str, Any]) -> None:
    behind = run_recbole_ile("BPR_PC_CP", "rich", config_dict=options)["test_result"]
    scaled = run_recbole_ile("BPR_PC_CP", "rich", config_dict={**options, "cp_normalize": "minmax"})["test_result"]
    assert behind == scaled
    free = run_recbole_ile("BPR_PC_CP", "rich", config_dict={**options, "pc_alpha": 0})["test_result"]
    assert free == run_recbole_ile("BPR_CP", "rich", config_dict=options)["test_result"]
