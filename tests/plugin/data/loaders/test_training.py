"""Batches of our training loader: RecBole's layout, RecBole's distribution, drawn from the seed alone."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from atomic import write_atomic
from recbole.data import create_dataset, create_samplers
from recbole.data.dataloader import TrainDataLoader
from recbole.utils import init_seed
from scipy.stats import chi2_contingency

from recbole_ile import InputError, run_recbole_ile
from recbole_ile.plugin.config.config import IleConfig, for_recbole
from recbole_ile.plugin.data.loaders import make_loaders
from recbole_ile.plugin.data.loaders.training import TrainingBatches


def negatives(number: int, **arguments: Any) -> dict[str, Any]:
    return {"train_neg_sample_args": {"distribution": "uniform", "sample_num": number, "alpha": 1.0, **arguments}}


def both(model: str, data_path: Path, **options: Any) -> tuple[TrainingBatches, TrainDataLoader]:
    """Our loader and RecBole's, of the same training part."""
    dataset = next(path.name for path in data_path.iterdir())
    settings = {"data_path": str(data_path), "train_batch_size": 32, "topk": 2, "valid_metric": "NDCG@2"}
    config = IleConfig(model, dataset, config_dict={**settings, **options})
    init_seed(config["seed"], True)
    asked = for_recbole(config)
    whole = create_dataset(asked)
    parts = whole.build()
    ours = TrainingBatches(asked, whole, parts)
    samplers = create_samplers(asked, whole, parts)
    return ours, TrainDataLoader(asked, parts[0], samplers[0], shuffle=asked["shuffle"])


def column(loader: Any, name: str) -> torch.Tensor:
    return torch.cat([batch[name] for batch in loader])


LAYOUTS = [
    ("BPR", negatives(1)),
    ("BPR", negatives(3, distribution="popularity", alpha=0.5)),
    ("BPR", {**negatives(2), "load_col": None}),  # with users' and items' features
    ("NeuMF", negatives(1)),
    ("NeuMF", {**negatives(4), "load_col": None}),
    (
        "FM",
        {
            "train_neg_sample_args": None,
            "load_col": None,
            "threshold": {"rating": 4},
            "metrics": ["AUC"],
            "valid_metric": "AUC",
        },
    ),
    ("GRU4Rec", {"train_neg_sample_args": None, "load_col": None}),
    ("GRU4Rec", {**negatives(2), "loss_type": "BPR", "load_col": None}),
]


@pytest.mark.parametrize(("model", "options"), LAYOUTS)
def test_the_layout_is_recboles(model: str, options: dict[str, Any], rich: Path) -> None:
    ours, stock = both(model, rich, **options)
    assert len(ours) == len(stock)
    found, expected = list(ours), list(stock)
    assert [len(batch) for batch in found] == [len(batch) for batch in expected]
    assert set(found[0].columns) == set(expected[0].columns)
    for name in expected[0].columns:
        assert found[0][name].dtype == expected[0][name].dtype
        assert found[0][name].shape == expected[0][name].shape
    dataset = ours.dataset
    for batch in (found[0], found[-1]):
        for table, field in ((dataset.user_feat, "user_id"), (dataset.item_feat, "item_id")):
            for name in [] if table is None else table.columns:
                assert torch.equal(batch[name], table[name][batch[field]])
                if table is dataset.item_feat and f"neg_{field}" in batch:
                    assert torch.equal(batch[f"neg_{name}"], table[name][batch[f"neg_{field}"]])
        if model == "NeuMF":
            labels = batch["label"].reshape(-1, 1 + options["train_neg_sample_args"]["sample_num"])
            assert labels.sum() == len(labels)
            assert batch["label"][: len(labels)].all()  # RecBole puts the interactions before their negatives


@pytest.mark.parametrize("model", ["BPR", "NeuMF"])
def test_an_epoch_holds_every_interaction_once(model: str, rich: Path) -> None:
    ours, _ = both(model, rich, **negatives(1))
    table = ours.dataset.inter_feat
    batches = list(ours)
    pairs = torch.cat([torch.stack([batch["user_id"], batch["item_id"]], dim=1) for batch in batches])
    if model == "NeuMF":
        pairs = pairs[torch.cat([batch["label"] for batch in batches]) == 1]
    expected = torch.stack([table["user_id"], table["item_id"]], dim=1)
    assert sorted(map(tuple, pairs.tolist())) == sorted(map(tuple, expected.tolist()))


def test_the_epoch_and_the_seed_choose_the_batches(rich: Path) -> None:
    ours, _ = both("BPR", rich)
    first, second = column(ours, "neg_item_id"), column(ours, "neg_item_id")
    assert not torch.equal(first, second)
    ours.set_epoch(0)
    assert torch.equal(first, column(ours, "neg_item_id"))
    assert torch.equal(first, column(both("BPR", rich)[0], "neg_item_id"))
    assert not torch.equal(first, column(both("BPR", rich, seed=1)[0], "neg_item_id"))


def test_without_shuffling_rows_keep_their_order(rich: Path) -> None:
    ours, _ = both("BPR", rich, shuffle=False)
    assert torch.equal(column(ours, "item_id"), ours.dataset.inter_feat["item_id"])


CHOICES = [
    negatives(1),
    negatives(1, distribution="popularity"),
    negatives(1, distribution="popularity", alpha=0.3),
    {**negatives(1), "repeatable": True},
    {**negatives(1, distribution="popularity"), "repeatable": True},
]


@pytest.mark.parametrize("options", CHOICES)
def test_negatives_have_the_distribution_of_recboles_sampler(options: dict[str, Any], tiny: Path) -> None:
    ours, stock = both("BPR", tiny, **options)
    batches = [batch for _ in range(400) for batch in ours]
    users, items, mine = (
        torch.cat([batch[name] for batch in batches]).numpy() for name in ("user_id", "item_id", "neg_item_id")
    )
    theirs = stock._sampler.sample_by_user_ids(users, items, 1).numpy()
    for user, item in set(zip(users.tolist(), items.tolist(), strict=True)):
        row = (users == user) & (items == item)
        table = np.stack([np.bincount(drawn[row], minlength=9) for drawn in (mine, theirs)])
        seen = table.any(axis=0)
        assert not (set(mine[row]) & (set(items[users == user]) if not options.get("repeatable") else {item}))
        assert seen.sum() == 1 or chi2_contingency(table[:, seen]).pvalue > 1e-4


def test_a_user_of_every_item_is_refused_in_one_line(tmp_path: Path) -> None:
    rows = [f"{user} {item}" for user in "xyz" for item in "abcdefgh" if user == "x" or item in "abc"]
    write_atomic(tmp_path / "data", "full", ["user_id:token item_id:token", *rows])
    options = {
        "data_path": str(tmp_path / "data"),
        "topk": 2,
        "valid_metric": "NDCG@2",
        "eval_args": {"split": {"RS": [8, 0, 0]}},
    }
    with pytest.raises(InputError, match=r"interacted with (all|every)"):
        run_recbole_ile("BPR", "full", config_dict=options)


@pytest.mark.parametrize(
    ("model", "options", "reason"),
    [
        ("BPR", negatives(1, dynamic=True, candidate_num=2), "chooses its negatives itself"),
        ("MultiVAE", {}, "UserDataLoader"),
        (
            "BERT4Rec",
            {"train_neg_sample_args": None, "transform": "mask_itemseq", "load_col": None},
            "transform=mask_itemseq",
        ),
    ],
)
def test_what_is_not_covered_is_left_to_recbole(
    model: str, options: dict[str, Any], reason: str, rich: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    settings = {"data_path": str(rich), "topk": 2, "valid_metric": "NDCG@2", **options}
    config = IleConfig(model, "rich", config_dict=settings)
    asked = for_recbole(config)
    train, _, _ = make_loaders(asked, create_dataset(asked))
    assert not isinstance(train, TrainingBatches)
    assert [line for line in caplog.messages if "RecBole's loader" in line and reason in line]
