"""Exposure prices and adjustment after training on models, from training to recommendation."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from recbole_ile import InputError, load_model, run_recbole_ile
from recbole_ile.cli import main
from recbole_ile.functional.logit_adjustment import adjusted_after_training, log_shares
from recbole_ile.functional.prices import ScoreMatrix, exposure_prices, scaled_scores
from recbole_ile.functional.value_prices import find_value_prices
from recbole_ile.plugin.checkpoints.files import read_checkpoint
from recbole_ile.plugin.data.feature_columns import distinct_values, feature_column
from recbole_ile.plugin.runs.restoring import load_model_and_data

pytestmark = pytest.mark.trains
SMALL: dict[str, Any] = {
    "topk": 3,
    "valid_metric": "NDCG@3",
    "rank_metric": "NDCG@3",
    "epochs": 2,
    "embedding_size": 8,
    "show_progress": False,
    "state": "ERROR",
}


@pytest.fixture
def options(rich: Path) -> dict[str, Any]:
    return {**SMALL, "data_path": str(rich)}


def trained(model: str, options: dict[str, Any], **further: Any) -> dict[str, Any]:
    return run_recbole_ile(model, "rich", config_dict={**options, **further})


def prices_of(result: dict[str, Any]) -> torch.Tensor:
    return read_checkpoint(result["checkpoint"])["state_dict"]["ep_prices"]


@pytest.mark.parametrize("model", ["EASE", "BPR", "SASRec", "FM", "ItemKNN"])
def test_prices_are_those_of_the_training_users(model: str, options: dict[str, Any]) -> None:
    negatives = {"distribution": "uniform", "sample_num": 1}
    lists = {"metrics": ["NDCG", "UPD"], "eval_args.mode": "full", "train_neg_sample_args": negatives}
    further = {"SASRec": {"train_neg_sample_args": None}, "FM": lists}.get(model, {})
    result = trained(f"{model}_EP", options, **further)
    net, config, data = load_model_and_data(result["checkpoint"], {"data_path": options["data_path"]})
    if model not in ("EASE", "BPR"):
        assert prices_of(result).abs().sum() > 0
        return
    table = data.train._dataset.inter_feat
    users = torch.unique(table["user_id"])
    with torch.no_grad():
        scores = net.full_sort_predict(data.train._dataset.join(type(table)({"user_id": users}))).view(len(users), -1)
    row = torch.searchsorted(users, table["user_id"])
    scores = scores.clone()
    scores[row, table["item_id"]] = -torch.inf
    counts = np.bincount(table["item_id"], minlength=data.dataset.item_num)[1:]
    expected = exposure_prices(scores[:, 1:], config["ep_weight"], 3, cold=counts == 0)
    torch.testing.assert_close(prices_of(result)[1:], expected.float())


def test_a_weight_of_zero_is_the_base_model_to_the_bit(options: dict[str, Any]) -> None:
    base, free = trained("BPR", options), trained("BPR_LAP_EP", options, ep_weight=0, lap_tau=0)
    assert free["test_result"] == base["test_result"]
    mine, its = (read_checkpoint(each["checkpoint"])["state_dict"] for each in (base, free))
    assert all(torch.equal(value, its[name]) for name, value in mine.items())


def test_behind_prices_of_zero_calibration_is_that_without_prices(options: dict[str, Any]) -> None:
    alone = trained("BPR_CP", options)
    assert trained("BPR_LAP_EP_CP", options, ep_weight=0, lap_tau=0)["test_result"] == alone["test_result"]
    scaled = trained("BPR_CP", options, cp_normalize="minmax")
    assert scaled["test_result"] != alone["test_result"], "on these data the scale makes a difference"


def test_a_trained_model_is_priced_without_training(options: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
    base = trained("BPR", options)
    ranked = {"data_path": options["data_path"]}
    whole = trained("BPR_EP", options)
    later = run_recbole_ile("BPR_EP", checkpoint=base["checkpoint"], config_dict=ranked)
    assert later["test_result"] == whole["test_result"]
    assert later["best_valid_result"] == whole["best_valid_result"]
    other = run_recbole_ile(checkpoint=whole["checkpoint"], config_dict={**ranked, "ep_weight": 1.5})
    assert other["test_result"] == trained("BPR_EP", options, ep_weight=1.5)["test_result"]
    caplog.clear()
    with caplog.at_level(logging.INFO):
        same = run_recbole_ile(checkpoint=whole["checkpoint"], config_dict={**ranked, "state": "INFO"})
    assert same["test_result"] == whole["test_result"]
    assert not any("exposure prices of" in line for line in caplog.messages), "those of the checkpoint serve"
    assert (
        run_recbole_ile("BPR", checkpoint=whole["checkpoint"], config_dict=ranked)["test_result"] == base["test_result"]
    )
    torch.testing.assert_close(load_model(whole["checkpoint"], ranked).ep_prices, prices_of(whole))


def test_validation_and_test_interactions_never_enter_the_prices(options: dict[str, Any], rich: Path) -> None:
    parts = {"benchmark_filename": ["train", "valid", "test"]}
    path = rich / "rich" / "rich.inter"
    lines = path.read_text().splitlines()
    header, rows = lines[0], lines[1:]
    n_train = int(0.7 * len(rows))

    def write(held_out: list[str]) -> None:
        for name, some in (("train", rows[:n_train]), ("valid", held_out[::2]), ("test", held_out[1::2])):
            (rich / "rich" / f"rich.{name}.inter").write_text("\n".join([header, *some]) + "\n")

    write(rows[n_train:])
    first = prices_of(trained("EASE_EP", options, **parts, dataset_cache=False))
    write(rows[n_train:][::-1][: len(rows[n_train:]) // 2 * 2])
    assert torch.equal(prices_of(trained("EASE_EP", options, **parts, dataset_cache=False)), first)


def test_other_training_rows_are_told_and_reprice_finds_prices_anew(
    options: dict[str, Any], rich: Path, caplog: pytest.LogCaptureFixture
) -> None:
    whole = trained("EASE_EP", options)
    path = rich / "rich" / "rich.inter"
    lines = path.read_text().splitlines()
    path.write_text("\n".join(lines[:-3]) + "\n")
    words = [f"--checkpoint={whole['checkpoint']}", "--all", "--k=3", f"--data_path={rich}", "--state=WARNING"]
    with caplog.at_level(logging.WARNING):
        assert main(["recommend", *words, "--out=kept.csv"]) == 0
    assert any("learned from other training interactions" in line for line in caplog.messages)
    assert main(["recommend", *words, "--reprice", "--out=anew.csv"]) == 0
    assert len(pd.read_csv("kept.csv")) == len(pd.read_csv("anew.csv"))


def test_auto_takes_the_most_that_the_tolerance_allows(options: dict[str, Any]) -> None:
    result = trained("EASE_EP_CP", options, ep_weight="auto", cp_weight="auto", rank_tolerance=0.1)
    told = json.loads((Path(result["output_dir"]) / "result.json").read_text())["ranking"]
    base = trained("EASE", options)["best_valid_result"]["ndcg@3"]
    for option, share in (("ep_weight", 0.05), ("cp_weight", 0.1)):
        tried = [(each["weight"], each["value"]) for each in told["curve"] if each["option"] == option]
        allowed = [weight for weight, value in tried if value >= base * (1 - share)]
        assert told["chosen"][option] == max(allowed, default=0.0)
    assert len([each for each in told["curve"] if each["option"] == "ep_weight"]) == 13
    assert (Path(result["output_dir"]) / "ranking.png").read_bytes().startswith(b"\x89PNG")
    table = pd.read_csv(Path(result["output_dir"]) / "ranking.csv")
    assert len(table) == len(told["curve"])
    assert table["ndcg@3"].tolist() == pytest.approx(table["value"].tolist())
    last = told["curve"][-1]
    assert last["metrics"].keys() == result["best_valid_result"].keys()
    again = run_recbole_ile(checkpoint=result["checkpoint"], config_dict={"data_path": options["data_path"]})
    assert again["test_result"] == result["test_result"]
    assert again["ranking"]["chosen"] == told["chosen"]
    fixed = {"data_path": options["data_path"], **told["chosen"]}
    assert run_recbole_ile(checkpoint=result["checkpoint"], config_dict=fixed)["test_result"] == result["test_result"]


@pytest.mark.parametrize("stored", ["EASE", "EASE_EP", "BPR_PUFR_EP"])
def test_auto_chooses_for_a_trained_model_too(options: dict[str, Any], stored: str) -> None:
    further = {"pufr_members": 2} if "PUFR" in stored else {}
    checkpoint = trained(stored, options, **further)["checkpoint"]
    name = stored if stored.endswith("EP") else f"{stored}_EP"
    asked = {"data_path": options["data_path"], "ep_weight": "auto", "metrics": ["NDCG", "UPD", "AD", "EE"]}
    again = run_recbole_ile(name, checkpoint=checkpoint, config_dict=asked)
    whole = trained(name, {**options, **asked}, **further)
    assert again["ranking"]["chosen"] == whole["ranking"]["chosen"]
    assert again["test_result"] == whole["test_result"]
    words = [f"--checkpoint={checkpoint}", "--all", "--k=3", f"--data_path={options['data_path']}", "--ep_weight=auto"]
    assert main(["recommend", *words, f"--model={name}", "--out=lists.csv"]) == 0


def test_an_ensemble_is_priced_by_its_own_lists(options: dict[str, Any]) -> None:
    result = trained("BPR_PUFR_EP", options, pufr_members=2)
    assert prices_of(result).abs().sum() > 0
    again = run_recbole_ile(checkpoint=result["checkpoint"], config_dict={"data_path": options["data_path"]})
    assert again["test_result"] == result["test_result"]


def test_what_the_prices_did_is_told(options: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    words = [f"--{key}={value}" for key, value in options.items()]
    assert main(["run", "--model=EASE_EP", "--dataset=rich", "--ep_weight=1", *words]) == 0
    printed = capsys.readouterr().out
    assert "exposure in the top 3 of the training users before and after prices" in printed
    (path,) = Path("saved").glob("*/result.json")
    told = json.loads(path.read_text())["prices"]
    assert told["welfare"][-1] >= told["welfare"][0]
    assert sum(row["after_share"] for row in told["by_item_group"]) == pytest.approx(1)
    assert told["never_shown_before"] - told["newly_shown"] <= told["never_shown_after"]
    assert told["dearest"][0]["price"] >= told["most_subsidised"][0]["price"]
    base = trained("EASE", options)
    by_group = {row["group"]: row["ndcg_before@3"] for row in told["test"]["by_user_group"]}
    for number, row in enumerate(base["test_by_user_group"], 1):
        assert by_group.get(number, 0.0) == pytest.approx(row["ndcg@3"])
    assert sum(row["users"] for row in told["test"]["by_profile_length"]) == sum(
        row["users"] for row in base["test_by_user_group"]
    )


def test_a_wrong_rank_metric_is_refused(options: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    words = [f"--{key}={value}" for key, value in {**options, "rank_metric": "NDCG@7", "ep_weight": "auto"}.items()]
    assert main(["run", "--model=EASE_EP", "--dataset=rich", *words]) == 2
    assert "option rank_metric='NDCG@7' is not evaluated" in capsys.readouterr().err


def test_adjustment_after_training_against_ten_lines() -> None:
    generator = torch.Generator().manual_seed(1)
    scores = torch.randn(7, 11, generator=generator)
    scores[torch.rand(7, 11, generator=generator) < 0.2] = -torch.inf
    scores[3] = -torch.inf
    shares = log_shares(np.arange(11))
    found = adjusted_after_training(scores, torch.from_numpy(shares), 0.7)
    for row, result in zip(scores.numpy(), found.numpy(), strict=True):
        listed = np.isfinite(row)
        expected = np.full(11, -np.inf)
        if listed.any():
            z = (row[listed] - row[listed].mean()) / (row[listed].std() or 1.0)
            expected[listed] = z - 0.7 * (shares - shares.mean())[listed]
        np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-6)


def test_adjustment_after_training_that_halves_accuracy_is_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING):
        run_recbole_ile("EASE_LAP", "ml-100k", config_dict={"show_progress": False, "state": "WARNING", "lap_tau": 3})
    assert any("of what it is without" in line for line in caplog.messages)


def test_values_of_a_column_pay_instead_of_items(options: dict[str, Any]) -> None:
    result = trained("EASE_EP", options, ep_field="tags")
    net, config, data = load_model_and_data(result["checkpoint"], {"data_path": options["data_path"]})
    users = data.train._dataset.inter_feat["user_id"].unique()
    values = distinct_values(feature_column(data.train._dataset, "ep_field", "tags"))
    counts = np.bincount(data.train._dataset.inter_feat["item_id"], minlength=data.dataset.item_num)[1:]
    table = data.train._dataset.inter_feat
    with torch.no_grad():
        scores = net.full_sort_predict(type(table)({"user_id": users})).view(len(users), -1).clone()
    scores[torch.searchsorted(users, table["user_id"]), table["item_id"]] = -torch.inf
    demand = ScoreMatrix(scaled_scores(scores[:, 1:]), 3)
    number = len(data.dataset.field2id_token["tags"])
    expected = find_value_prices(demand, config["ep_weight"], values, counts > 0, number).prices
    torch.testing.assert_close(prices_of(result)[1:], torch.from_numpy(expected).float())
    afterwards = run_recbole_ile(
        "EASE_EP",
        config_dict={"ep_field": "tags", "data_path": options["data_path"]},
        checkpoint=trained("EASE", options)["checkpoint"],
    )
    assert afterwards["test_result"] == result["test_result"]


def test_a_column_that_cannot_pay_is_told_before_the_training(options: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"ep_field tgs is no column .* did you mean tags\?"):
        trained("BPR_EP", options, ep_field="tgs")
    with pytest.raises(InputError, match="ep_field price is a number; exposure prices need a token"):
        trained("BPR_EP", options, ep_field="price")
