"""PD by hand in the loss and in the lists, one training for every weight of the lists, and refused without pairs."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from recbole.utils import init_seed

from recbole_ile import run_recbole_ile
from recbole_ile.cli import main
from recbole_ile.experiments.engine.points import make_trials
from recbole_ile.functional.logit_adjustment import log_shares
from recbole_ile.plugin.catalogue.model_names import ModelName
from recbole_ile.plugin.config.config import IleConfig
from recbole_ile.plugin.data.popularity import TrainingPopularity
from recbole_ile.plugin.runs.preparation import build_model, prepare_data

GAMMA = 0.7
TRAINED = {"topk": 2, "valid_metric": "NDCG@2", "epochs": 2, "show_progress": False}


def made(model: str, tiny: Path, **options: Any) -> tuple[Any, Any, torch.Tensor]:
    """A model, a batch of training interactions, and each item's relative popularity by id."""
    settings = {"data_path": str(tiny), "topk": 2, "valid_metric": "NDCG@2", "state": "ERROR", "pd_gamma": GAMMA}
    config = IleConfig(model, "tiny", config_dict={**settings, **options})
    init_seed(config["seed"], True)
    data = prepare_data(config)
    counts = torch.from_numpy(TrainingPopularity.of(config, data.train._dataset).counts).float()
    relative = counts.clamp_min(counts[counts > 0].min()) / counts.max()
    model = build_model(config, data)
    model.train()  # when SGL draws its graphs
    return model, next(iter(data.train)), torch.cat([relative.min().reshape(1), relative])


def scores(model: Any, batch: Any) -> list[torch.Tensor]:
    users, items = model.user_embedding(batch["user_id"]), model.item_embedding
    return [(users * items(batch[column])).sum(dim=1) for column in ("item_id", "neg_item_id")]


def pair_loss(observed: torch.Tensor, sampled: torch.Tensor) -> torch.Tensor:
    return -torch.log(1e-10 + torch.sigmoid(observed - sampled)).mean()


def assert_same(model: Any, found: torch.Tensor, expected: torch.Tensor) -> None:
    torch.testing.assert_close(found, expected)
    gradients = torch.autograd.grad(found, model.parameters(), retain_graph=True)
    for one, other in zip(gradients, torch.autograd.grad(expected, model.parameters()), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("fast", [True, False])
@pytest.mark.parametrize("negatives", [1, 3])
def test_the_loss_is_that_of_the_paper(tiny: Path, fast: bool, negatives: int) -> None:
    options = {"fast_loader": fast, "train_neg_sample_args.sample_num": negatives}
    model, batch, relative = made("BPR_PD", tiny, **options)
    columns = zip(scores(model, batch), (batch["item_id"], batch["neg_item_id"]), strict=True)
    changed = [(F.elu(score) + 1) * relative[items] ** GAMMA for score, items in columns]
    assert_same(model, model.calculate_loss(batch), pair_loss(*changed))


def test_the_shift_of_la_comes_first(tiny: Path) -> None:
    model, batch, relative = made("BPR_LA_PD", tiny, la_tau=0.5)
    counts = made("BPR_ILE", tiny)[0].popularity.counts
    shares = torch.from_numpy(log_shares(counts)).float()
    columns = zip(scores(model, batch), (batch["item_id"], batch["neg_item_id"]), strict=True)
    changed = [(F.elu(score + 0.5 * shares[items - 1]) + 1) * relative[items] ** GAMMA for score, items in columns]
    assert_same(model, model.calculate_loss(batch), pair_loss(*changed))


def test_a_model_that_subtracts_scores_itself_is_deconfounded_too(tiny: Path) -> None:
    model, batch, relative = made("SGL_LA_PD", tiny, reg_weight=0.0, ssl_weight=0.0, la_tau=0.5, type="ED")
    users, items = model.forward(model.train_graph)
    counts = made("BPR_ILE", tiny)[0].popularity.counts
    shifts = torch.cat([torch.zeros(1), 0.5 * torch.from_numpy(log_shares(counts)).float()])
    changed = [
        (F.elu((users[batch["user_id"]] * items[batch[column]]).sum(dim=1) + shifts[batch[column]]) + 1)
        * relative[batch[column]] ** GAMMA
        for column in ("item_id", "neg_item_id")
    ]
    torch.testing.assert_close(model.calculate_loss(batch).reshape(()), -F.logsigmoid(changed[0] - changed[1]).sum())


def test_losses_of_other_mitigations_are_those_of_deconfounded_scores(tiny: Path) -> None:
    model, batch, _ = made("BPR_PD_ILE_PCC_IPS_GDRO", tiny)
    plain, _, _ = made("BPR_PD", tiny)
    model.calculate_loss(batch)
    plain_loss = plain.calculate_loss(batch)
    seen = model.group_losses.epoch_means()
    assert all(loss is not None for loss in seen)
    assert plain_loss.item() != pytest.approx(pair_loss(*scores(plain, batch)).item())


def test_lists_are_by_the_scores_as_they_are_or_times_popularity(tiny: Path) -> None:
    model, batch, relative = made("BPR_PD", tiny)
    values = torch.randn(4, len(relative))
    values[:, 0] = -torch.inf
    rows = torch.arange(4)
    assert torch.equal(model.rerank(values.clone(), batch, rows, 2), values)
    assert not model.rescales
    model.pd_inject = 0.4
    found = model.rerank(values.clone(), batch, rows, 2)
    torch.testing.assert_close(found[:, 1:], ((F.elu(values) + 1) * relative**0.4)[:, 1:])
    assert (found[:, 0] == -torch.inf).all()
    assert model.rescales
    assert model.ranking_settings() == {"pd_inject": 0.4}


@pytest.mark.trains
def test_one_training_serves_every_weight_of_the_lists(tiny: Path) -> None:
    options = {**TRAINED, "data_path": str(tiny), "metrics": ["NDCG", "AveragePopularity"]}
    plain = run_recbole_ile("BPR_PD", "tiny", config_dict=options)
    injected = run_recbole_ile("BPR_PD", "tiny", config_dict={**options, "pd_inject": 5.0})
    again = run_recbole_ile(checkpoint=plain["checkpoint"], config_dict={"pd_inject": 5.0})
    assert plain["group_losses"] == injected["group_losses"]
    assert again["test_result"] == injected["test_result"]
    assert plain["test_result"]["averagepopularity@2"] < injected["test_result"]["averagepopularity@2"]
    calibrated = run_recbole_ile("BPR_PD_EP_CP", "tiny", checkpoint=plain["checkpoint"], config_dict={"pd_inject": 0.1})
    assert calibrated["test_result"]


def test_a_sweep_trains_once_for_all_weights_of_the_lists() -> None:
    points = [{"pd_gamma": gamma, "pd_inject": inject} for gamma in (0.1, 0.2) for inject in (0.0, 0.1, 0.2)]
    trials = make_trials(points, ModelName.parse("BPR_PD"))
    assert [trial.training for trial in trials] == [{"pd_gamma": 0.1}, {"pd_gamma": 0.2}]
    assert [trial.ranking for trial in trials] == [tuple({"pd_inject": each} for each in (0.0, 0.1, 0.2))] * 2


@pytest.mark.trains
def test_what_acts_in_training_may_not_change_with_a_checkpoint(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    saved = run_recbole_ile("BPR_PD", "tiny", config_dict={**TRAINED, "epochs": 1, "data_path": str(tiny)})
    assert main(["run", f"--checkpoint={saved['checkpoint']}", "--pd_gamma=0.2"]) == 2
    assert "pd_gamma=0.2 is not that of checkpoint" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["BPR_LA_PD_ILE", "SGL_PD_ILE"])
def test_a_model_survives_a_pickle(tiny: Path, name: str) -> None:
    model, batch, _ = made(name, tiny)
    losses = []
    for each in (model, pickle.loads(pickle.dumps(model))):
        init_seed(3, True)
        losses.append(each.calculate_loss(batch)[0])
    assert torch.equal(*losses)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--model=SASRec_PD"], ["SASRec is not trained on pairs of items"]),
        (["--model=LINE_PD"], ["LINE is not trained on pairs of items"]),
        (["--model=BPR_PD", "--pd_inject=-1"], ["pd_inject=-1", "at least 0"]),
        (["--model=BPR_ILE_PD"], ["write it as BPR_PD_ILE"]),
    ],
)
def test_what_does_not_fit_is_refused(
    capsys: pytest.CaptureFixture[str], arguments: list[str], words: list[str]
) -> None:
    assert main(["run", *arguments, "--dataset=ml-100k"]) == 2
    error = capsys.readouterr().err
    assert all(word in error for word in words), error
