"""PCC by hand, switched off, beside other mitigations, and refused where there are no pairs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from recbole.utils import init_seed

from recbole_ile import run_recbole_ile
from recbole_ile.cli import main
from recbole_ile.functional.propensity import ips_weights
from recbole_ile.plugin.catalogue.support import WITH_PAIRS
from recbole_ile.plugin.config.config import IleConfig
from recbole_ile.plugin.runs.preparation import build_model, prepare_data

WEIGHT = 0.3


def made(model: str, tiny: Path, **options: Any) -> tuple[Any, Any]:
    """A model, and a batch of training interactions."""
    settings = {"data_path": str(tiny), "topk": 2, "valid_metric": "NDCG@2", "state": "ERROR", "pcc_weight": WEIGHT}
    config = IleConfig(model, "tiny", config_dict={**settings, **options})
    init_seed(config["seed"], True)
    data = prepare_data(config)
    model = build_model(config, data)
    model.train()  # when SGL draws its graphs
    return model, next(iter(data.train))


def margins(model: Any, batch: Any) -> torch.Tensor:
    users, items = model.user_embedding(batch["user_id"]), model.item_embedding
    return (users * (items(batch["item_id"]) - items(batch["neg_item_id"]))).sum(dim=1)


def correlation(model: Any, batch: Any, chances: torch.Tensor) -> torch.Tensor:
    """Pearson's correlation in ten lines, squared."""
    counts = torch.from_numpy(model.popularity.counts)[batch["item_id"] - 1].double()
    one, other = chances.double() - chances.double().mean(), counts.log() - counts.log().mean()
    return (one * other).sum().square() / (one.square().sum() * other.square().sum())


def test_the_loss_is_that_of_the_paper(tiny: Path) -> None:
    model, batch = made("BPR_PCC", tiny)
    own = margins(model, batch)
    squared = correlation(model, batch, torch.sigmoid(own)).float()
    assert squared > 0
    expected = (1 - WEIGHT) * -torch.log(1e-10 + torch.sigmoid(own)).mean() + WEIGHT * squared
    found = model.calculate_loss(batch)
    torch.testing.assert_close(found, expected)
    gradients = torch.autograd.grad(found, model.parameters())
    for one, other in zip(gradients, torch.autograd.grad(expected, model.parameters()), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("base", ["ConvNCF", "LightGCN", "SGL", "NGCF"])
def test_the_chance_of_a_pair_is_seen_whatever_its_loss_is_called(tiny: Path, base: str) -> None:
    small = {"cnn_channels": [1, 4, 4], "cnn_kernels": [2, 2], "cnn_strides": [2, 2], "embedding_size": 4}
    model, batch = made(f"{base}_PCC", tiny, **(small if base == "ConvNCF" else {}))
    losses = []
    for weight in (WEIGHT, 0.0):
        model.pcc_weight = weight
        init_seed(1, True)
        losses.append(model.calculate_loss(batch))
    chances = torch.exp(-model.batch_losses.values.detach())
    assert ((chances > 0) & (chances < 1)).all()
    expected = (1 - WEIGHT) * losses[1] + WEIGHT * correlation(model, batch, chances).float()
    torch.testing.assert_close(losses[0], expected, rtol=1e-4, atol=1e-6)


def test_ips_and_gdro_behind_it_weigh_what_is_left_of_the_loss(tiny: Path) -> None:
    model, batch = made("BPR_ILE_PCC_IPS", tiny)
    weights = torch.from_numpy(ips_weights(model.popularity.counts, 10.0)).float()[batch["item_id"] - 1]
    own = margins(model, batch)
    losses = -torch.log(1e-10 + torch.sigmoid(own))
    squared = correlation(model, batch, torch.sigmoid(own)).float()
    found, term = model.calculate_loss(batch)
    torch.testing.assert_close(found, (1 - WEIGHT) * (losses * weights).mean() + WEIGHT * squared)
    torch.testing.assert_close(term, (1 - WEIGHT) * made("BPR_ILE", tiny)[0].calculate_loss(batch)[1])
    robust, batch = made("BPR_PCC_GDRO", tiny)
    expected = (1 - WEIGHT) * made("BPR_GDRO", tiny)[0].calculate_loss(batch) + WEIGHT * squared
    torch.testing.assert_close(robust.calculate_loss(batch), expected)


def test_a_batch_of_one_item_has_no_penalty(tiny: Path) -> None:
    model, batch = made("BPR_PCC", tiny)
    batch.interaction["item_id"][:] = batch["item_id"][0]
    loss = model.calculate_loss(batch)
    loss.backward()
    torch.testing.assert_close(loss, (1 - WEIGHT) * -torch.log(torch.sigmoid(margins(model, batch))).mean())
    assert all(torch.isfinite(parameter.grad).all() for parameter in model.parameters())


@pytest.mark.trains
@pytest.mark.parametrize("base", ["BPR", "LightGCN"])
@pytest.mark.parametrize("fast", [True, False])
def test_with_a_weight_of_0_it_is_the_base_model(tiny: Path, base: str, fast: bool) -> None:
    options = {"data_path": str(tiny), "topk": 2, "valid_metric": "NDCG@2", "epochs": 3, "show_progress": False}
    options["fast_loader"] = fast
    plain = run_recbole_ile(base, "tiny", config_dict=options)
    without = run_recbole_ile(f"{base}_PCC", "tiny", config_dict={**options, "pcc_weight": 0})
    assert plain["test_result"] == without["test_result"]
    assert plain["group_losses"] == without["group_losses"]


def test_steps_bring_the_correlation_down(tiny: Path) -> None:
    found = {}
    for weight in (0.0, 0.9):
        model, batch = made("BPR_PCC", tiny, pcc_weight=weight)
        optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
        for _ in range(30):
            optimizer.zero_grad()
            model.calculate_loss(batch).backward()
            optimizer.step()
        with torch.no_grad():
            found[weight] = correlation(model, batch, torch.sigmoid(margins(model, batch)))
    assert found[0.9] < 0.1 * found[0.0]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--model=NeuMF_PCC"], ["NeuMF is not trained on pairs of items", "try BPR"]),
        (["--model=EASE_PCC"], ["EASE is solved in closed form"]),
        (["--model=BPR_PCC", "--pcc_weight=1.5"], ["pcc_weight=1.5", "at most 1"]),
        (["--model=BPR_PCC", "--pcc_wight=0.5"], ["pcc_wight", "pcc_weight"]),
        (["--model=BPR_PCC_ILE"], ["write it as BPR_ILE_PCC"]),
    ],
)
def test_what_does_not_fit_is_refused(
    capsys: pytest.CaptureFixture[str], arguments: list[str], words: list[str]
) -> None:
    assert main(["run", *arguments, "--dataset=ml-100k"]) == 2
    error = capsys.readouterr().err
    assert all(word in error for word in words), error


def test_only_models_of_recbole_have_pairs() -> None:
    from model_data import KINDS

    assert set(KINDS) >= WITH_PAIRS
