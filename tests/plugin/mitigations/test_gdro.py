"""GDRO by hand, in models of pairs, of single items and of whole profiles; behind IPS; and its shares over batches."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from recbole.utils import init_seed

from recbole_ile import run_recbole_ile
from recbole_ile.cli import main
from recbole_ile.functional.propensity import ips_weights
from recbole_ile.plugin.checkpoints.files import read_checkpoint
from recbole_ile.plugin.config.config import IleConfig
from recbole_ile.plugin.runs.preparation import build_model, prepare_data

STEP = 0.5


def made(model: str, tiny: Path, **options: Any) -> tuple[Any, Any]:
    """A model, and a batch of training interactions."""
    settings = {"data_path": str(tiny), "topk": 2, "valid_metric": "NDCG@2", "state": "ERROR", "gdro_step": STEP}
    config = IleConfig(model, "tiny", config_dict={**settings, **options})
    init_seed(config["seed"], True)
    data = prepare_data(config)
    return build_model(config, data), next(iter(data.train))


def by_hand(losses: torch.Tensor, groups: torch.Tensor) -> tuple[torch.Tensor, list[float]]:
    """The robust loss of observed interactions after one step from equal shares, and the shares."""
    shares = torch.full((3,), 1 / 3)
    means = [losses[groups == group].mean() if (groups == group).any() else None for group in range(3)]
    rates = [0.0 if mean is None else STEP * mean.item() for mean in means]
    grown = shares * torch.tensor(rates).exp()
    there = [group for group in range(3) if means[group] is not None]
    scale = sum(shares[group] for group in there) / sum(grown[group] for group in there)
    found = [grown[group] * scale if group in there else shares[group] for group in range(3)]
    return sum(found[group] * means[group] for group in there), [float(share) for share in found]


def pair_losses(model: Any, batch: Any) -> torch.Tensor:
    users, items = model.user_embedding(batch["user_id"]), model.item_embedding
    margin = (users * (items(batch["item_id"]) - items(batch["neg_item_id"]))).sum(dim=1)
    return -torch.log(1e-10 + torch.sigmoid(margin))


def groups_of(model: Any, items: torch.Tensor) -> torch.Tensor:
    return torch.from_numpy(model.popularity.groups_by_id)[items]


def assert_same(model: Any, batch: Any, expected: torch.Tensor) -> None:
    found = model.calculate_loss(batch)
    torch.testing.assert_close(found, expected)
    gradients = torch.autograd.grad(found, model.parameters(), retain_graph=True)
    for one, other in zip(gradients, torch.autograd.grad(expected, model.parameters()), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-7)


def test_the_mean_over_pairs_becomes_one_over_groups(tiny: Path) -> None:
    model, batch = made("BPR_GDRO", tiny)
    expected, shares = by_hand(pair_losses(model, batch), groups_of(model, batch["item_id"]))
    assert_same(model, batch, expected)
    assert model.gdro_shares.tolist() == pytest.approx(shares, rel=1e-5)


def test_negatives_count_what_they_did(tiny: Path) -> None:
    model, batch = made("NeuMF_GDRO", tiny, dropout_prob=0.0)
    label = batch["label"] > 0
    losses = torch.nn.functional.binary_cross_entropy_with_logits(
        model.forward(batch["user_id"], batch["item_id"]), batch["label"], reduction="none"
    )
    robust, _ = by_hand(losses[label], groups_of(model, batch["item_id"])[label])
    expected = (losses[~label].sum() + label.sum() * robust) / len(losses)
    torch.testing.assert_close(model.calculate_loss(batch), expected)


def test_a_profile_is_weighted_over_its_interactions(tiny: Path) -> None:
    model, batch = made("MultiDAE_GDRO", tiny, dropout_prob=0.0, train_batch_size=64)
    matrix = model.get_rating_matrix(batch["user_id"])
    rows, items = matrix.nonzero(as_tuple=True)
    losses = -torch.log_softmax(model.forward(matrix), dim=1)[rows, items]
    robust, _ = by_hand(losses, groups_of(model, items))
    torch.testing.assert_close(model.calculate_loss(batch), robust * len(items) / len(matrix))


@pytest.mark.parametrize("normalize", [False, True])
def test_behind_ips_the_losses_are_the_weighted_ones(tiny: Path, normalize: bool) -> None:
    model, batch = made("BPR_IPS_GDRO", tiny, ips_normalize=normalize)
    weights = torch.from_numpy(ips_weights(model.popularity.counts, 10.0)).float()[batch["item_id"] - 1]
    losses = pair_losses(model, batch) * weights / (weights.mean() if normalize else 1.0)
    assert_same(model, batch, by_hand(losses, groups_of(model, batch["item_id"]))[0])


def test_behind_ile_the_disparity_stays(tiny: Path) -> None:
    both, batch = made("BPR_ILE_GDRO", tiny)
    own, term = both.calculate_loss(batch)
    torch.testing.assert_close(own, made("BPR_GDRO", tiny)[0].calculate_loss(batch))
    torch.testing.assert_close(term, made("BPR_ILE", tiny)[0].calculate_loss(batch)[1])


def test_shares_follow_training_alone_and_a_copy_has_its_own(tiny: Path) -> None:
    model, batch = made("BPR_GDRO", tiny)
    model.calculate_loss(batch)
    model.batch_losses = None
    duplicate, before = copy.deepcopy(model), model.gdro_shares.clone()
    duplicate.eval()
    duplicate.calculate_loss(batch)
    assert torch.equal(duplicate.gdro_shares, before)
    duplicate.train()
    duplicate.calculate_loss(batch)
    assert not torch.equal(duplicate.gdro_shares, before)
    assert torch.equal(model.gdro_shares, before)


def test_a_group_without_training_interactions_has_no_share(tiny: Path) -> None:
    model, _ = made("BPR_GDRO", tiny, item_group_by="items", item_group_split=[0.01, 0.98, 0.01])
    sizes = np.bincount(model.popularity.item_groups, weights=model.popularity.counts, minlength=3)
    assert ((model.gdro_shares > 0).numpy() == (sizes > 0)).all()
    assert model.gdro_shares.sum() == pytest.approx(1.0)


@pytest.mark.trains
@pytest.mark.parametrize("fast", [True, False])
def test_the_shares_lie_in_the_checkpoint(tiny: Path, fast: bool) -> None:
    options = {"data_path": str(tiny), "topk": 2, "valid_metric": "NDCG@2", "epochs": 1, "show_progress": False}
    result = run_recbole_ile("BPR_GDRO", "tiny", config_dict={**options, "gdro_step": STEP, "fast_loader": fast})
    stored = read_checkpoint(result["checkpoint"])
    (attributes,) = find(stored, "gdro_shares")
    assert attributes.sum() == pytest.approx(1.0)
    assert len(set(attributes.tolist())) > 1
    assert all("gdro" not in name for name in stored["state_dict"])


def find(content: Any, name: str) -> list[Any]:
    """What nested dictionaries hold under a name."""
    if not isinstance(content, dict):
        return []
    return [
        *([content[name]] if name in content else []),
        *(hit for each in content.values() for hit in find(each, name)),
    ]


def test_what_does_not_fit_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--model=EASE_GDRO", "--dataset=ml-100k"]) == 2
    assert "error: EASE_GDRO: EASE is solved in closed form" in capsys.readouterr().err
    assert main(["--model=BPR_GDRO", "--dataset=ml-100k", "--gdro_step=-1"]) == 2
    assert "option gdro_step=-1 is not allowed; it takes a number of at least 0" in capsys.readouterr().err
    assert main(["--model=BPR_GDRO_IPS", "--dataset=ml-100k"]) == 2
    assert "write it as BPR_IPS_GDRO" in capsys.readouterr().err
