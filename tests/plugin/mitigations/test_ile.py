"""BPR_ILE: its loss, its group losses, and that it is BPR when it adds nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from atomic import write_atomic
from recbole.data import create_dataset, data_preparation
from recbole.model.loss import BPRLoss
from recbole.utils import init_seed

from recbole_ile import get_model, load_model, run_recbole_ile
from recbole_ile.functional.equalization import ile_penalty
from recbole_ile.plugin.config.config import IleConfig, for_recbole
from recbole_ile.plugin.data.popularity import TrainingPopularity
from recbole_ile.plugin.losses.group_losses import NOTED, GroupLosses, observe_model
from recbole_ile.plugin.losses.interaction_losses import InteractionLosses, LossesNotSeenError
from recbole_ile.plugin.losses.observers import listen, stop_listening


def model_config(tiny: Path) -> IleConfig:
    return IleConfig("BPR", "tiny", config_dict={"data_path": str(tiny), "topk": 2, "valid_metric": "NDCG@2"})


def made(model: str, tiny: Path, **options: Any) -> tuple[Any, Any, TrainingPopularity]:
    """A model, one batch of all its training interactions, and what these say about popularity."""
    settings = {"data_path": str(tiny), "topk": 2, "valid_metric": "NDCG@2", **options}
    config = IleConfig(model, "tiny", config_dict=settings)
    init_seed(config["seed"], True)
    asked = for_recbole(config)
    train, _, _ = data_preparation(asked, create_dataset(asked))
    net = get_model(model)(config, train._dataset)
    return net, next(iter(train)), TrainingPopularity.of(config, train._dataset)


def interaction_losses(model: Any, batch: Any) -> torch.Tensor:
    """The BPR loss of each interaction, written out."""
    users, items = model.user_embedding(batch["user_id"]), model.item_embedding
    margin = (users * (items(batch["item_id"]) - items(batch["neg_item_id"]))).sum(dim=1)
    return -torch.log(1e-10 + torch.sigmoid(margin))


@pytest.mark.parametrize("distance", ["std", "mad", "ent", "euclidean", "range"])
def test_the_ile_term_is_a_part_of_its_own(tiny: Path, distance: str) -> None:
    model, batch, popularity = made("BPR_ILE", tiny, ile_lambda=0.5, ile_distance=distance)
    own, term = model.calculate_loss(batch)
    losses = interaction_losses(model, batch)
    groups = torch.from_numpy(popularity.item_groups)[batch["item_id"] - 1]
    assert own.item() == pytest.approx(losses.mean().item(), rel=1e-6)
    assert term.item() == pytest.approx(0.5 * ile_penalty(losses, groups, 3, distance).item(), rel=1e-3, abs=1e-7)
    gradients = torch.autograd.grad(own + term, model.parameters())
    expected = torch.autograd.grad(losses.mean() + 0.5 * ile_penalty(losses, groups, 3, distance), model.parameters())
    for found, wanted in zip(gradients, expected, strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-7)


def test_group_losses_of_an_epoch_are_means_over_its_interactions(tiny: Path) -> None:
    model, batch, popularity = made("BPR_ILE", tiny)
    model.group_losses.start_epoch()
    for part in (batch[:3], batch[3:]):
        model.calculate_loss(part)
    losses = interaction_losses(model, batch).detach()
    groups = popularity.item_groups[batch["item_id"].numpy() - 1]
    for group, mean in enumerate(model.group_losses.epoch_means()):
        members = losses[torch.from_numpy(groups == group)]
        assert mean == pytest.approx(members.mean().item(), rel=1e-5)


def test_popularity_counts_training_interactions_only(tiny: Path) -> None:
    _, batch, popularity = made("BPR", tiny)
    assert popularity.counts.sum() == len(batch) < 21
    assert popularity.profiles.sum() == len(batch)
    assert popularity.counts.tolist() == torch.bincount(batch["item_id"], minlength=9)[1:].tolist()


def training_popularity(model: str, folder: Path, **options: Any) -> TrainingPopularity:
    config = IleConfig(model, "timed", config_dict={"data_path": str(folder), **options})
    asked = for_recbole(config)
    train, _, _ = data_preparation(asked, create_dataset(asked))
    return TrainingPopularity.of(config, train._dataset)


def test_the_first_interaction_of_a_sequence_counts_too(tmp_path: Path) -> None:
    sequences = {"ann": "a b c d e", "bob": "b a c d e", "cat": "c b a e d"}
    rows = [f"{user} {item} {rank}" for user, items in sequences.items() for rank, item in enumerate(items.split())]
    write_atomic(tmp_path, "timed", ["user_id:token item_id:token timestamp:float", *rows])
    columns = {"inter": ["user_id", "item_id", "timestamp"]}
    options = {"load_col": columns, "train_neg_sample_args": None, "topk": 2, "valid_metric": "NDCG@2"}
    popularity = training_popularity("GRU4Rec", tmp_path, **options)
    assert popularity.counts.tolist() == [3, 3, 3, 0, 0], "a, b and c; the last two of each are held out"
    assert popularity.profiles.sum(axis=1).tolist() == [3, 3, 3]


def test_a_dislike_is_no_interaction(tmp_path: Path) -> None:
    rows = [f"{user} {item} {5 if item in 'ab' else 1}" for user in "xyz" for item in "abcd"]
    write_atomic(tmp_path, "timed", ["user_id:token item_id:token rating:float", *rows])
    options = {"load_col": {"inter": ["user_id", "item_id", "rating"]}, "threshold": {"rating": 3}}
    popularity = training_popularity("FM", tmp_path, **options, **{"eval_args.split.RS": [1.0, 0.0, 0.0]})
    assert popularity.counts.tolist() == [3, 3, 0, 0]


def test_listening_can_be_undone(tiny: Path) -> None:
    model, batch, _ = made("BPR", tiny)
    plain = model.calculate_loss(batch)
    reductions = listen(model.loss)
    assert torch.equal(model.calculate_loss(batch), plain)
    (kept,) = reductions.take()
    assert torch.equal(kept.values.mean(), plain)
    stop_listening(model.loss)
    assert type(model.loss) is BPRLoss
    assert torch.equal(model.calculate_loss(batch), plain)
    assert reductions.take() == []


def test_an_observed_model_returns_the_loss_it_always_did(tiny: Path) -> None:
    model, batch, popularity = made("BPR", tiny)
    plain = model.calculate_loss(batch)
    observed = observe_model(model, "BPR", popularity, model_config(tiny))
    assert torch.equal(model.calculate_loss(batch), plain)
    assert all(mean is not None for mean in observed.epoch_means())


def test_a_loss_that_is_not_one_for_each_interaction_is_an_error(tiny: Path) -> None:
    model, batch, _ = made("BPR_ILE", tiny)
    model.loss(torch.zeros(3), torch.zeros(3))
    with pytest.raises(LossesNotSeenError, match="expected one loss of each"):
        model.loss_observer.interaction_losses(model, batch)


@pytest.mark.trains
def test_without_weight_it_is_bpr_bit_for_bit() -> None:
    options = {"epochs": 2, "show_progress": False, "seed": 7, "user_inter_num_interval": "[100,inf)"}
    states = []
    for model in ("BPR", "BPR_ILE"):
        extra = {"ile_lambda": 0} if model == "BPR_ILE" else {}
        result = run_recbole_ile(model, "ml-100k", config_dict={**options, **extra})
        states.append((load_model(result["checkpoint"]).state_dict(), result["test_result"], result["group_losses"]))
    (plain, plain_result, plain_losses), (equalized, equalized_result, equalized_losses) = states
    assert plain.keys() == equalized.keys()
    assert all(torch.equal(plain[name], equalized[name]) for name in plain)
    assert plain_result == equalized_result
    assert plain_losses == equalized_losses


def test_observation_ends_where_losses_are_not_one_for_each_interaction(tiny: Path) -> None:
    model, batch, popularity = made("BPR", tiny)

    def twice(interaction: Any) -> torch.Tensor:
        first = type(model).calculate_loss(model, interaction)
        return first + type(model).calculate_loss(model, interaction)

    model.calculate_loss = twice
    model.group_losses = observe_model(model, "BPR", popularity, model_config(tiny))
    assert model.calculate_loss(batch).item() == pytest.approx(2 * twice(batch).item() / 2)
    assert model.group_losses is None
    assert type(model.loss) is BPRLoss
    assert model.calculate_loss is twice


@pytest.mark.trains
def test_models_with_other_evaluations_run() -> None:
    fast = {"epochs": 1, "show_progress": False, "user_inter_num_interval": "[100,inf)"}
    assert 0.4 < run_recbole_ile("FM", "ml-100k", config_dict=fast)["test_result"]["auc"] < 1.0
    short = {"train_neg_sample_args": None, "MAX_ITEM_LIST_LENGTH": 5, "hidden_size": 16}
    sequential = run_recbole_ile("GRU4Rec", "ml-100k", config_dict={**fast, **short})
    assert {"upd@10", "ad@10", "ee@10"} <= set(sequential["test_result"])
    assert sequential["test_by_item_group"]


def test_the_means_of_a_long_epoch_are_exact(tiny: Path) -> None:
    """Nearly equal losses, as before a model has learnt anything, are what single precision adds up worst."""
    _, _, popularity = made("BPR", tiny)
    losses = GroupLosses(popularity)
    losses.start_epoch()
    value = torch.full((2048,), 0.6924)
    for _ in range(NOTED):
        losses.note(InteractionLosses(value, torch.ones(2048, dtype=torch.int64), None, 1.0))
    means = [mean for mean in losses.epoch_means() if mean is not None]
    assert means == [pytest.approx(value[0].item(), rel=1e-9)]
