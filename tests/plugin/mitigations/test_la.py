"""Logit adjustment by hand in every kind of loss, switched off, beside other mitigations, and refused."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from recbole.utils import init_seed
from rich_data import LABELS, LOADED

from recbole_ile import run_recbole_ile
from recbole_ile.cli import main
from recbole_ile.functional.equalization import ile_penalty
from recbole_ile.functional.logit_adjustment import log_shares
from recbole_ile.plugin.config.config import IleConfig
from recbole_ile.plugin.data.popularity import TrainingPopularity
from recbole_ile.plugin.runs.preparation import build_model, prepare_data

Made = tuple[Any, Any, torch.Tensor]
TAU = 0.7
QUIET = {"topk": 2, "valid_metric": "NDCG@2", "state": "ERROR"}
ORDERED = {
    "dataset": "rich",
    "load_col": {"inter": ["user_id", "item_id", "timestamp"]},
    "eval_args": {"split": {"LS": "valid_and_test"}, "order": "TO", "mode": "full"},
    "MAX_ITEM_LIST_LENGTH": 4,
    "train_neg_sample_args": None,
}


def made(model: str, place: Path, **options: Any) -> Made:
    """A model, a batch of training interactions, and the shift of each item by id."""
    settings = {**QUIET, "data_path": str(place), "dataset": "tiny", "la_tau": TAU, **options}
    config = IleConfig(model, config_dict=settings)
    init_seed(config["seed"], True)
    data = prepare_data(config)
    net = build_model(config, data)
    net.train()
    shares = log_shares(TrainingPopularity.of(config, data.train._dataset).counts)
    shifts = torch.from_numpy(TAU * np.concatenate([[shares.min()], shares])).float()
    return net, next(iter(data.train)), shifts


def assert_loss(model: Any, batch: Any, expected: torch.Tensor) -> None:
    """Compare the loss of a batch and its gradients with what is expected of them."""
    found = model.calculate_loss(batch)
    torch.testing.assert_close(found, expected)
    parameters = list(model.parameters())
    for one, other in zip(
        torch.autograd.grad(found, parameters, allow_unused=True),
        torch.autograd.grad(expected, parameters, allow_unused=True),
        strict=True,
    ):
        if one is not None or other is not None:
            torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-7)


def loss_of(model: Any, batch: Any) -> torch.Tensor:
    init_seed(1, True)
    return model.calculate_loss(batch)


def plainly(model: Any, batch: Any) -> torch.Tensor:
    """The loss of a batch without adjustment."""
    shift, model.score_shift = model.score_shift, None
    loss = loss_of(model, batch)
    model.score_shift = shift
    return loss


@pytest.mark.parametrize("fast", [True, False])
def test_in_pairs_both_items_are_shifted(tiny: Path, fast: bool) -> None:
    model, batch, shifts = made("BPR_LA", tiny, fast_loader=fast)
    users, items = model.user_embedding(batch["user_id"]), model.item_embedding
    positive, negative = batch["item_id"], batch["neg_item_id"]
    margin = (users * (items(positive) - items(negative))).sum(dim=1) + shifts[positive] - shifts[negative]
    assert (shifts[positive] != shifts[negative]).any()
    assert_loss(model, batch, -torch.log(1e-10 + torch.sigmoid(margin)).mean())


def test_a_single_item_is_shifted_whatever_its_label(tiny: Path) -> None:
    model, batch, shifts = made("NeuMF_LA", tiny, dropout_prob=0.0)
    scores = model.forward(batch["user_id"], batch["item_id"]) + shifts[batch["item_id"]]
    assert_loss(model, batch, F.binary_cross_entropy_with_logits(scores, batch["label"]))


def test_the_logit_of_a_probability_is_shifted(rich: Path) -> None:
    model, batch, shifts = made(
        "DCNV2_LA", rich, dataset="rich", load_col=LOADED, dropout_prob=0.0, reg_weight=0.0, **LABELS
    )
    scores = torch.logit(model.forward(batch)) + shifts[batch["item_id"]]
    torch.testing.assert_close(
        model.calculate_loss(batch), F.binary_cross_entropy_with_logits(scores, batch["label"]), rtol=1e-4, atol=1e-5
    )


def test_in_a_softmax_all_items_are_shifted(rich: Path) -> None:
    model, batch, shifts = made("GRU4Rec_LA", rich, dropout_prob=0.0, **ORDERED)
    output = model.forward(batch["item_id_list"], batch["item_length"])
    scores = output @ model.item_embedding.weight.T + shifts
    assert_loss(model, batch, F.cross_entropy(scores, batch["item_id"]))


def test_in_an_autoencoder_all_items_are_shifted(tiny: Path) -> None:
    options = {"dropout_prob": 0.0, "anneal_cap": 0.0, "total_anneal_steps": 0}
    model, batch, shifts = made("MultiDAE_LA", tiny, **options)
    rows = model.get_rating_matrix(batch["user_id"])
    likelihoods = F.log_softmax(model.forward(rows) + shifts, dim=1)
    assert_loss(model, batch, -(likelihoods * rows).sum(dim=1).mean())


def test_in_a_matrix_of_labels_all_items_are_shifted(tiny: Path) -> None:
    options = {"dropout_prob": 0.0, "corruption_ratio": 0.0, "reg_weight_1": 0.0, "reg_weight_2": 0.0}
    model, batch, shifts = made("CDAE_LA", tiny, **options)
    rows = model.get_rating_matrix(batch["user_id"])
    scores = model.forward(rows, batch["user_id"]) + shifts
    assert_loss(model, batch, F.binary_cross_entropy_with_logits(scores, rows, reduction="sum"))


def test_probabilities_of_all_items_are_shifted_and_add_up_to_1_again(rich: Path) -> None:
    model, batch, shifts = made("RepeatNet_LA", rich, dropout_prob=0.0, joint_train=False, **ORDERED)
    probabilities = model.forward(batch["item_id_list"], batch["item_length"])
    shifted = (probabilities + 1e-8) * shifts.exp()
    likelihoods = torch.log(shifted / shifted.sum(dim=1, keepdim=True))
    assert_loss(model, batch, F.nll_loss(likelihoods, batch["item_id"]))


def test_of_two_classes_that_of_an_interaction_is_shifted(tiny: Path) -> None:
    model, batch, shifts = made("GCMC_LA", tiny, dropout_prob=0.0)
    users = batch["user_id"].repeat(2)
    items = torch.cat([batch["item_id"], batch["neg_item_id"]])
    scores = model.forward(model.user_features, model.item_features, users, items)
    odds = scores[:, 1] + shifts[items] - scores[:, 0]
    labels = (torch.arange(len(items)) < len(batch)).float()
    assert_loss(model, batch, F.binary_cross_entropy_with_logits(odds, labels))


def test_a_contrastive_loss_beside_that_of_pairs_is_left_alone(tiny: Path) -> None:
    gains = {}
    for weight in (0.0, 0.5):
        model, batch, _ = made("SGL_LA", tiny, reg_weight=0.0, ssl_weight=weight, type="ED")
        adjusted = loss_of(model, batch)
        gains[weight] = (adjusted - plainly(model, batch)).item()
    assert gains[0.0] != pytest.approx(0.0)
    assert gains[0.5] == pytest.approx(gains[0.0], rel=1e-4)


def test_sampled_users_and_contexts_keep_the_shift_of_the_item(tiny: Path) -> None:
    model, batch, shifts = made("LINE_LA", tiny)
    users, items = batch["user_id"], batch["item_id"]
    plain = model.forward(users, items), model.context_forward(items, users, "ii")
    with model.score_shift(batch):
        torch.testing.assert_close(model.forward(users, items), plain[0] + shifts[items])
        torch.testing.assert_close(model.context_forward(items, users, "ii"), plain[1] + shifts[items])
    torch.testing.assert_close(model.forward(users, items), plain[0])


def test_only_masked_items_are_predicted_of_shifted_scores(rich: Path) -> None:
    options = {"attn_dropout_prob": 0.0, "hidden_dropout_prob": 0.0, **ORDERED}
    model, batch, shifts = made("BERT4Rec_LA", rich, **options)
    seen: list[torch.Tensor] = []

    def remember(scores: torch.Tensor, *others: Any, **keywords: Any) -> torch.Tensor:
        seen.append(scores)
        return cross_entropy(scores, *others, **keywords)

    cross_entropy = F.cross_entropy
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(F, "cross_entropy", remember)
        plainly(model, batch)
    masked = batch[model.MASK_INDEX] > 0
    losses = F.cross_entropy(seen[0] + shifts, batch[model.POS_ITEMS].reshape(-1), reduction="none")
    expected = losses[masked.reshape(-1)].mean()
    torch.testing.assert_close(model.calculate_loss(batch), expected)


@pytest.mark.trains
@pytest.mark.parametrize("model", ["BPR", "NeuMF", "MultiVAE", "GRU4Rec"])
def test_without_a_weight_training_is_the_base_models(rich: Path, model: str) -> None:
    options = {
        "data_path": str(rich),
        "epochs": 3,
        "dataset": "rich",
        **QUIET,
        **(ORDERED if model == "GRU4Rec" else {}),
    }
    runs = [
        run_recbole_ile(name, config_dict={**options, "la_tau": 0.0}, saved=False) for name in (model, f"{model}_LA")
    ]
    assert runs[0]["test_result"] == runs[1]["test_result"]
    assert runs[0]["group_losses"] == runs[1]["group_losses"]


def test_ile_equalizes_the_adjusted_losses(tiny: Path) -> None:
    model, batch, shifts = made("BPR_LA_ILE", tiny, ile_lambda=0.3, ile_distance="std", fast_loader=False)
    users, items = model.user_embedding(batch["user_id"]), model.item_embedding
    positive, negative = batch["item_id"], batch["neg_item_id"]
    margin = (users * (items(positive) - items(negative))).sum(dim=1) + shifts[positive] - shifts[negative]
    losses = -torch.log(1e-10 + torch.sigmoid(margin))
    groups = torch.from_numpy(model.popularity.groups_by_id)[positive]
    own, term = model.calculate_loss(batch)
    torch.testing.assert_close(own, losses.mean())
    torch.testing.assert_close(term, 0.3 * ile_penalty(losses, groups, 3, "std"))


def test_ranking_takes_the_scores_as_they_are(tiny: Path) -> None:
    model, batch, _ = made("BPR_LA", tiny)
    model.eval()
    with torch.no_grad():
        expected = model.user_embedding(batch["user_id"]) @ model.item_embedding.weight.T
        torch.testing.assert_close(model.full_sort_predict(batch), expected.reshape(-1))


def test_a_model_survives_a_pickle(tiny: Path) -> None:
    model, batch, _ = made("BPR_LA_ILE", tiny)
    restored = pickle.loads(pickle.dumps(model))
    for one, other in zip(model.calculate_loss(batch), restored.calculate_loss(batch), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--model=ENMF_LA"], ["ENMF", "squared errors"]),
        (["--model=CDAE_LA", "--loss_type=MSE"], ["loss_type", "MSE", "BCE"]),
        (["--model=BPR_LA", "--la_tau=-1"], ["la_tau=-1", "at least 0"]),
        (["--model=BPR_LA", "--la_ta=1"], ["la_ta", "la_tau"]),
        (["--model=BPR_ILE_LA"], ["BPR_LA_ILE"]),
    ],
)
def test_what_cannot_be_adjusted_is_refused(
    tiny: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: list[str]
) -> None:
    code = main(["run", *arguments, "--dataset=tiny", f"--data_path={tiny}", "--topk=2", "--valid_metric=NDCG@2"])
    error = capsys.readouterr().err
    assert code == 2
    assert all(word in error for word in words), error
    assert "Traceback" not in error
