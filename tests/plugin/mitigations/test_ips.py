"""IPS by hand, in models of pairs, of single items, of sequences and of whole profiles; and beside ILE."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from recbole.utils import init_seed

from recbole_ile import run_recbole_ile
from recbole_ile.cli import main
from recbole_ile.functional.equalization import ile_penalty
from recbole_ile.functional.propensity import ips_weights
from recbole_ile.plugin.catalogue.mitigations import Stage, known_mitigations
from recbole_ile.plugin.config.config import IleConfig
from recbole_ile.plugin.runs.preparation import build_model, prepare_data

Made = tuple[Any, Any, torch.Tensor]


def made(model: str, tiny: Path, **options: Any) -> Made:
    """A model, a batch of all its training interactions, and each item's weight by id."""
    settings = {"data_path": str(tiny), "topk": 2, "valid_metric": "NDCG@2", "state": "ERROR", **options}
    config = IleConfig(model, "tiny", config_dict=settings)
    init_seed(config["seed"], True)
    data = prepare_data(config)
    net = build_model(config, data)
    weights = torch.from_numpy(ips_weights(net.popularity.counts, config["ips_max"] or 1.0)).float()
    return net, next(iter(data.train)), torch.cat([torch.ones(1), weights])


def test_pairs_are_weighted_by_the_positive_item(tiny: Path) -> None:
    model, batch, weights = made("BPR_IPS", tiny, **{"train_neg_sample_args.sample_num": 3})
    users, items = model.user_embedding(batch["user_id"]), model.item_embedding
    margin = (users * (items(batch["item_id"]) - items(batch["neg_item_id"]))).sum(dim=1)
    losses = -torch.log(1e-10 + torch.sigmoid(margin))
    assert len(losses) % 3 == 0
    expected = (losses * weights[batch["item_id"]]).mean()
    torch.testing.assert_close(model.calculate_loss(batch), expected)
    found = torch.autograd.grad(model.calculate_loss(batch), model.parameters())
    for one, other in zip(found, torch.autograd.grad(expected, model.parameters()), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-7)


def test_of_single_items_only_those_with_label_1_are_weighted(tiny: Path) -> None:
    model, batch, weights = made("NeuMF_IPS", tiny, dropout_prob=0.0)
    label = batch["label"]
    assert 0 < label.sum() < len(label)
    losses = torch.nn.functional.binary_cross_entropy_with_logits(
        model.forward(batch["user_id"], batch["item_id"]), label, reduction="none"
    )
    factors = torch.where(label > 0, weights[batch["item_id"]], 1.0)
    torch.testing.assert_close(model.calculate_loss(batch), (losses * factors).mean())


def test_of_single_items_only_those_with_label_1_are_equalized(tiny: Path) -> None:
    model, batch, _ = made("NeuMF_ILE", tiny, dropout_prob=0.0, ile_lambda=0.7, ile_distance="std")
    observed = batch["label"] > 0
    losses = torch.nn.functional.binary_cross_entropy_with_logits(
        model.forward(batch["user_id"], batch["item_id"]), batch["label"], reduction="none"
    )
    groups = torch.from_numpy(model.popularity.groups_by_id)[batch["item_id"]]
    _, term = model.calculate_loss(batch)
    torch.testing.assert_close(term, 0.7 * ile_penalty(losses[observed], groups[observed], 3, "std"))


def test_a_profile_is_weighted_item_by_item(tiny: Path) -> None:
    model, batch, weights = made("MultiDAE_IPS", tiny, dropout_prob=0.0, train_batch_size=64)
    model.eval()
    matrix = model.get_rating_matrix(batch["user_id"])
    likelihoods = torch.log_softmax(model.forward(matrix), dim=1) * matrix
    torch.testing.assert_close(model.calculate_loss(batch), -(likelihoods * weights).sum(dim=1).mean())


def test_a_profile_is_equalized_over_its_interactions(tiny: Path) -> None:
    model, batch, _ = made("MultiDAE_ILE", tiny, dropout_prob=0.0, train_batch_size=64, ile_lambda=2.0)
    model.eval()
    matrix = model.get_rating_matrix(batch["user_id"])
    rows, items = matrix.nonzero(as_tuple=True)
    losses = -torch.log_softmax(model.forward(matrix), dim=1)[rows, items]
    groups = torch.from_numpy(model.popularity.groups_by_id)[items]
    _, term = model.calculate_loss(batch)
    torch.testing.assert_close(term, 2.0 * ile_penalty(losses, groups, 3, "mad"))


def test_ile_beside_ips_equalizes_the_losses_before_they_are_weighted(tiny: Path) -> None:
    both, batch, _ = made("BPR_ILE_IPS", tiny)
    own, term = both.calculate_loss(batch)
    ips, _, _ = made("BPR_IPS", tiny)
    ile, _, _ = made("BPR_ILE", tiny)
    torch.testing.assert_close(own, ips.calculate_loss(batch))
    torch.testing.assert_close(term, ile.calculate_loss(batch)[1])


def test_a_power_of_the_count_divides_the_loss(tiny: Path) -> None:
    options = {"ips_power": 0.5, "ips_clip": 0.8}
    model, batch, _ = made("BPR_IPS", tiny, **options)
    own, by_id = ips_weights(model.popularity.counts, power=0.5, clip=0.8), batch["item_id"]
    weights = torch.from_numpy(own).float()[by_id - 1]
    users, items = model.user_embedding(batch["user_id"]), model.item_embedding
    margin = (users * (items(by_id) - items(batch["neg_item_id"]))).sum(dim=1)
    losses = -torch.log(1e-10 + torch.sigmoid(margin))
    assert 1.0 < weights.max() == pytest.approx(1 / 0.8)
    torch.testing.assert_close(model.calculate_loss(batch), (losses * weights).mean())
    model, batch, _ = made("BPR_IPS", tiny, **options, ips_normalize=True)
    torch.testing.assert_close(model.calculate_loss(batch), (losses * weights).sum() / weights.sum())


def test_negatives_are_neither_weighted_nor_normalized(tiny: Path) -> None:
    model, batch, weights = made("NeuMF_IPS", tiny, dropout_prob=0.0, ips_normalize=True)
    label = batch["label"] > 0
    losses = torch.nn.functional.binary_cross_entropy_with_logits(
        model.forward(batch["user_id"], batch["item_id"]), batch["label"], reduction="none"
    )
    own = weights[batch["item_id"]][label]
    observed = (losses[label] * own).sum() / own.sum() * label.sum()
    torch.testing.assert_close(model.calculate_loss(batch), (observed + losses[~label].sum()) / len(losses))


def test_a_normalized_profile_counts_each_interaction(tiny: Path) -> None:
    model, batch, weights = made("MultiDAE_IPS", tiny, dropout_prob=0.0, train_batch_size=64, ips_normalize=True)
    model.eval()
    matrix = model.get_rating_matrix(batch["user_id"])
    likelihoods = torch.log_softmax(model.forward(matrix), dim=1) * matrix
    expected = -(likelihoods * weights).sum() / (matrix * weights).sum() * matrix.sum() / len(matrix)
    torch.testing.assert_close(model.calculate_loss(batch), expected)


@pytest.mark.trains
def test_with_a_maximum_of_1_it_is_the_base_model(tiny: Path) -> None:
    options = {"data_path": str(tiny), "topk": 2, "valid_metric": "NDCG@2", "epochs": 3, "show_progress": False}
    base = run_recbole_ile("BPR", "tiny", config_dict=options)
    weighted = run_recbole_ile("BPR_IPS", "tiny", config_dict={**options, "ips_max": 1, "ips_normalize": True})
    assert base["test_result"] == weighted["test_result"]
    assert base["group_losses"] == weighted["group_losses"]


@pytest.mark.parametrize("name", ["BPR_ILE_IPS", "NeuMF_ILE", "MultiVAE_IPS", "SimpleX_ILE"])
def test_a_composed_model_survives_pickling_and_copying(tiny: Path, name: str) -> None:
    model, batch, _ = made(name, tiny)
    for duplicate in (lambda: pickle.loads(pickle.dumps(model)), lambda: copy.deepcopy(model)):
        other, losses = duplicate(), []
        for each in (model, other):
            init_seed(3, True)
            losses.append(each.calculate_loss(batch))
            each.batch_losses = None
        parts = zip(*(loss if isinstance(loss, tuple) else (loss,) for loss in losses), strict=True)
        assert all(torch.equal(one, two) for one, two in parts)


@pytest.mark.trains
def test_a_checkpoint_of_a_composed_model_loads_in_a_fresh_process(tiny: Path) -> None:
    options = {"data_path": str(tiny), "topk": 2, "valid_metric": "NDCG@2", "epochs": 1, "show_progress": False}
    saved = run_recbole_ile("MultiVAE_ILE_IPS", "tiny", config_dict=options)["checkpoint"]
    code = f"import recbole_ile; print(type(recbole_ile.load_model({saved!r})).__name__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split()[-1] == "MultiVAE_ILE_IPS"


def test_a_model_without_losses_is_refused_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--model=EASE_ILE", "--dataset=ml-100k"]) == 2
    assert capsys.readouterr().err.count("error: EASE_ILE: EASE is solved in closed form") == 1
    assert main(["--model=BPR_IPS", "--dataset=ml-100k", "--ips_max=0.5"]) == 2
    assert "option ips_max=0.5 is not allowed; it takes a number of at least 1" in capsys.readouterr().err


def test_doctor_shows_what_works(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--models"]) == 0
    shown = {line.split("│")[1].strip(): line for line in capsys.readouterr().out.splitlines() if "│" in line}
    assert shown["BPR"].count("works") == len(known_mitigations())
    rankers = [each for each in known_mitigations().values() if each.stage is Stage.RANKING and not each.ensemble]
    assert shown["EASE"].count("works") == len(rankers)
    assert main(["doctor"]) == 0
    assert "recbole 1.2" in capsys.readouterr().out
    assert main(["doctor", "--modles"]) == 2
