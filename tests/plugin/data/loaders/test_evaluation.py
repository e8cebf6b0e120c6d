"""Evaluation through our loaders, collector and metrics gives RecBole's own values."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from atomic import write_atomic
from recbole.data import create_dataset, create_samplers, data_preparation
from recbole.evaluator import Collector, Evaluator, metrics
from recbole.sampler import Sampler
from recbole.utils import get_trainer as get_stock_trainer
from recbole.utils import init_seed
from scipy.stats import chisquare

from recbole_ile import InputError, get_model
from recbole_ile.plugin.config.config import IleConfig, for_recbole
from recbole_ile.plugin.data.loaders import make_loaders
from recbole_ile.plugin.data.loaders.evaluation import PHASES, evaluation_loader
from recbole_ile.plugin.evaluation.collector import ListCollector
from recbole_ile.plugin.training.trainer import get_trainer

STOCK = [
    *("Recall", "MRR", "NDCG", "Hit", "Precision", "MAP", "GAUC", "ItemCoverage", "AveragePopularity"),
    *("GiniIndex", "ShannonEntropy", "TailPercentage"),
]
OURS = ["UPD", "AD", "EE"]


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """70 users and 40 items of uneven activity, with times, features and repeated interactions."""
    random = np.random.default_rng(0)
    chances = 1.0 / np.arange(1, 41)
    rows = []
    for user in range(70):
        for item in random.choice(40, size=random.integers(3, 30), p=chances / chances.sum()):
            rows.append(f"u{user} i{item} {len(rows)} {random.integers(1, 6)}")
    fields = "user_id:token item_id:token timestamp:float rating:float"
    path = write_atomic(tmp_path / "data", "small", [fields, *rows]).parent
    (path / "small.user").write_text("user_id:token\tage:token\n" + "".join(f"u{u}\t{u % 5}\n" for u in range(70)))
    (path / "small.item").write_text("item_id:token\tkind:token\n" + "".join(f"i{i}\t{i % 3}\n" for i in range(40)))
    return tmp_path / "data"


COLUMNS = {"inter": ["user_id", "item_id", "timestamp"], "user": ["user_id", "age"], "item": ["item_id", "kind"]}
SEQUENTIAL = {
    "repeatable": True,
    "MAX_ITEM_LIST_LENGTH": 10,
    "train_neg_sample_args": None,
    "eval_args.order": "TO",
    "eval_args.split": {"LS": "valid_and_test"},
}


def configured(model: str, folder: Path, **options: Any) -> IleConfig:
    settings = {
        "data_path": str(folder),
        "load_col": COLUMNS,
        "metrics": [*STOCK, *OURS],
        "valid_metric": "NDCG@5",
        "topk": [1, 5, 10],
        "metric_decimal_place": 15,
        "state": "ERROR",
        **options,
    }
    return IleConfig(model, "small", config_dict=settings)


def stock_results(config: IleConfig, loaders: Any, net: Any) -> list[dict[str, float]]:
    """RecBole's own metrics, collector and trainer, on the loaders given."""
    own = dict(config.final_config_dict)
    config["metrics"] = [metric for metric in config["metrics"] if metric not in OURS]
    trainer = get_stock_trainer(config["MODEL_TYPE"], config["model"])(config, net)
    trainer.eval_collector, trainer.evaluator = Collector(config), Evaluator(config)
    for metric in config["metrics"]:
        trainer.evaluator.metric_class[metric.lower()] = getattr(metrics, metric)(config)
    trainer.eval_collector.data_collect(loaders[0])
    results = [trainer.evaluate(loader, load_best_model=False) for loader in loaders[1:]]
    config.final_config_dict = own
    return results


def prepared(config: IleConfig, fast: bool) -> tuple[Any, Any, Any]:
    init_seed(config["seed"], True)
    config["fast_loader"] = fast
    asked = for_recbole(config)
    return make_loaders(asked, create_dataset(asked))


def assert_equal_evaluations(config: IleConfig, step: int | None = None) -> Any:
    """Assert that an evaluation of ours equals RecBole's own; return our loaders."""
    stock, fast = prepared(config, False), prepared(config, True)
    net = get_model(config["model"])(config, stock[0]._dataset).to(config["device"])
    if config["model"] == "Pop":
        for batch in stock[0]:
            net.calculate_loss(batch)
    trainer = get_trainer(config)(config, net)
    trainer.eval_collector.data_collect(fast[0])
    expected = stock_results(config, stock, net)
    for loader, wanted in zip(fast[1:], expected, strict=True):
        for _ in range(2):
            found = trainer.evaluate(loader, load_best_model=False)
            assert set(found) >= set(wanted)
            for name, value in wanted.items():
                assert found[name] == pytest.approx(value, abs=1e-9), name
            if step:
                loader.set_batch_entries(step)
    return fast


@pytest.mark.parametrize("step", [1, 3, 7, 64, 1000])
def test_full_evaluation_is_recboles_for_any_batch_size(small: Path, step: int) -> None:
    valid = assert_equal_evaluations(configured("BPR", small), step)[1]
    assert len(valid) == -(-len(valid.entries) // step)


@pytest.mark.parametrize(
    ("model", "options"),
    [
        ("BPR", {"repeatable": True}),
        ("BPR", {"eval_args.split": {"LS": "valid_and_test"}}),
        ("BPR", {"eval_args.split": {"RS": [0.2, 0.4, 0.4]}, "topk": [1, 30], "valid_metric": "NDCG@30"}),
        ("Pop", {}),  # almost all scores are equal
        ("ItemKNN", {}),
        ("MultiDAE", {}),
        ("NeuMF", {}),  # scores pairs, not users
        ("FM", {"eval_args.mode": "full"}),
        ("GRU4Rec", SEQUENTIAL),
        ("SASRec", {**SEQUENTIAL, "load_col": {**COLUMNS, "user": ["user_id"]}}),
    ],
)
def test_full_evaluation_of_every_kind_of_model_is_recboles(small: Path, model: str, options: dict[str, Any]) -> None:
    loaders = assert_equal_evaluations(configured(model, small, **options), 9)
    assert loaders[1].batch_entries == 9


def test_lists_that_cannot_be_filled_hold_the_same(small: Path) -> None:
    assert_equal_evaluations(configured("BPR", small, topk=[1, 38], valid_metric="NDCG@38"), 5)


def test_labelled_evaluation_is_recboles(small: Path) -> None:
    options = {
        "load_col": {**COLUMNS, "inter": ["user_id", "item_id", "rating"]},
        "threshold": {"rating": 3},
        "metrics": ["AUC", "LogLoss", "RMSE", "MAE"],
        "valid_metric": "AUC",
        "eval_args.mode": "labeled",
    }
    loaders = assert_equal_evaluations(configured("FM", small, **options))
    assert not isinstance(
        loaders[1], tuple(type(loader) for loader in assert_equal_evaluations(configured("BPR", small))[1:])
    )


SAMPLED: list[tuple[str, dict[str, Any]]] = [
    ("BPR", {"eval_args.mode": "uni20"}),
    ("BPR", {"eval_args.mode": "uni2"}),  # fewer candidates than places in the list
    ("BPR", {"eval_args.mode": "pop20"}),
    ("BPR", {"eval_args.mode": "uni20", "repeatable": True}),
    ("DeepFM", {"eval_args.mode": "uni20"}),
    ("FM", {"eval_args.mode": "uni20", "metrics": ["AUC", "LogLoss", "RMSE", "MAE"], "valid_metric": "AUC"}),
    pytest.param("GRU4Rec", {**SEQUENTIAL, "eval_args.mode": "uni20"}, marks=pytest.mark.slow),
    pytest.param("SASRec", {**SEQUENTIAL, "eval_args.mode": "pop20"}, marks=pytest.mark.slow),
]


@pytest.mark.parametrize(("model", "options"), SAMPLED)
def test_sampled_evaluation_of_the_same_candidates_is_recboles(
    small: Path, model: str, options: dict[str, Any]
) -> None:
    config = configured(model, small, **options)
    train, *parts = prepared(config, True)
    net = get_model(model)(config, train._dataset).to(config["device"])
    trainer = get_trainer(config)(config, net)
    trainer.eval_collector.data_collect(train)
    found = [trainer.evaluate(loader, load_best_model=False) for loader in parts]
    for loader in parts:
        loader.evaluations -= 1  # the same candidates once more, in other batches
        loader.set_batch_entries(3)
    for ours, wanted in zip(found, stock_results(config, (train, *parts), net), strict=True):
        assert set(ours) >= set(wanted)
        for name, value in wanted.items():
            assert ours[name] == pytest.approx(value, abs=1e-6 if name in ("auc", "rmse", "mae", "logloss") else 1e-9)


@pytest.mark.parametrize("mode", ["full", "uni5"])
@pytest.mark.parametrize("model", ["BPR", "GRU4Rec"])
def test_batches_hold_what_recboles_do(small: Path, model: str, mode: str) -> None:
    config = configured(model, small, **(SEQUENTIAL if model == "GRU4Rec" else {}), **{"eval_args.mode": mode})
    for stock, ours in zip(prepared(config, False)[1:], prepared(config, True)[1:], strict=True):
        assert isinstance(ours, type(stock))
        whole = ours.batch(ours.entries)
        rows = 0
        parts: list[list[torch.Tensor]] = [[], [], [], []]
        for interaction, second, positive_rows, positive_items in stock:
            columns = set(interaction.interaction)
            users = int(positive_rows.max()) + 1
            assert columns == set(whole[0].interaction)
            if mode == "full" and second is not None:
                parts[0].append((second[0] + rows) * 50 + second[1])
            elif mode != "full":
                labels = interaction["label"]
                parts[0].append((second + rows)[labels > 0] * 50 + interaction["item_id"][labels > 0])
                parts[2].append(second + rows)
            parts[1].append((positive_rows + rows) * 50 + positive_items)
            rows += users
        found = [torch.empty(0), whole[2] * 50 + whole[3], torch.empty(0)]
        if mode != "full":
            labels = whole[0]["label"]
            found[0] = whole[1][labels > 0] * 50 + whole[0]["item_id"][labels > 0]
            found[2] = whole[1]
        elif whole[1] is not None:
            found[0] = whole[1][0] * 50 + whole[1][1]
        for part, wanted in zip(found, parts, strict=False):
            joined = torch.cat(wanted) if wanted else torch.empty(0)
            assert sorted(part.tolist()) == sorted(joined.tolist())


@pytest.mark.parametrize("phase", ["valid", "test"])
@pytest.mark.parametrize("repeatable", [False, True])
def test_histories_are_those_of_recboles_sampler(small: Path, phase: str, repeatable: bool) -> None:
    config = configured("BPR", small, repeatable=repeatable)
    dataset = create_dataset(config)
    parts = dataset.build()
    sampler = create_samplers(config, dataset, parts)[PHASES.index(phase)]
    loader = evaluation_loader(config, phase, parts)
    part = parts[PHASES.index(phase)].inter_feat
    users, (rows, items), positive_rows, positive_items = loader.batch(loader.entries)
    for row, user in enumerate(users["user_id"].tolist()):
        positives = set(part["item_id"][part["user_id"] == user].tolist())
        assert set(positive_items[positive_rows == row].tolist()) == positives
        assert set(items[rows == row].tolist()) == set(sampler.used_ids[user]) - positives
    assert type(loader._sampler) is type(sampler)
    assert loader._sampler.phase == phase


@pytest.mark.parametrize("mode", ["uni200", "pop200"])
def test_negatives_have_the_chances_that_recboles_have(small: Path, mode: str) -> None:
    config = configured("BPR", small, **{"eval_args.mode": mode, "train_neg_sample_args.alpha": 0.5})
    parts = create_dataset(config).build()
    loader = evaluation_loader(config, "valid", parts)
    counts = Counter(torch.cat([part.inter_feat["item_id"] for part in parts]).tolist())
    used = Sampler(list(PHASES), parts).set_phase("valid").used_ids
    seen = np.zeros((70 + 1, loader.n_items))
    for _ in range(3):
        for interaction, *_ in loader:
            negative = interaction["label"] == 0
            np.add.at(seen, (interaction["user_id"][negative].numpy(), interaction["item_id"][negative].numpy()), 1)
    values = []
    for user in np.flatnonzero(seen.sum(axis=1)):
        assert seen[user, 0] == seen[user, list(used[user])].sum() == 0
        free = [item for item in range(1, loader.n_items) if item not in used[user]]
        chances = np.array([counts[item] ** 0.5 if mode == "pop200" else 1.0 for item in free])
        values.append(chisquare(seen[user, free], seen[user].sum() * chances / chances.sum()).pvalue)
    assert min(values) > 1e-5
    assert 0.3 < np.mean(values) < 0.7


def test_candidates_depend_on_seed_and_evaluation_but_not_on_batches(small: Path) -> None:
    def drawn(seed: int, step: int) -> list[list[int]]:
        config = configured("BPR", small, seed=seed, **{"eval_args.mode": "uni30"})
        loader = evaluation_loader(config, "valid", create_dataset(configured("BPR", small)).build())
        loader.set_batch_entries(step)
        return [torch.cat([batch[0]["item_id"] for batch in loader]).tolist() for _ in range(2)]

    init_seed(1, True)
    first, again = drawn(1, 3)
    assert first != again
    init_seed(1, True)
    assert drawn(1, 50) == [first, again]
    init_seed(1, True)
    assert drawn(2, 3) != [first, again]


def test_a_user_who_has_used_everything_is_named_as_the_reason(tmp_path: Path) -> None:
    rows = [f"{user} {item}" for user in "xyz" for item in ("abcdefgh" if user == "x" else "abcd")]
    write_atomic(tmp_path, "small", ["user_id:token item_id:token", *rows])
    options = {"load_col": None, "topk": [1], "valid_metric": "NDCG@1", "eval_args.mode": "uni3"}
    config = configured("BPR", tmp_path, **options)
    with pytest.raises(InputError, match=r"eval_args\.mode='uni3': some users have interactions with every item"):
        evaluation_loader(config, "test", create_dataset(config).build())


def test_a_share_of_the_users_can_be_evaluated(small: Path) -> None:
    config = configured("BPR", small)
    loader = prepared(config, True)[1]
    whole = list(loader.entries.tolist())
    loader.entries = loader.entries[1::2]
    loader.set_batch_entries(4)
    seen = torch.cat([users["user_id"] for users, *_ in loader])
    assert seen.tolist() == whole[1::2]
    assert loader.sample_size == len(seen)


def test_stock_loaders_are_used_where_asked_for(small: Path) -> None:
    config = configured("BPR", small, fast_loader=False)
    init_seed(config["seed"], True)
    asked = for_recbole(config)
    expected = data_preparation(asked, create_dataset(asked))
    assert [type(loader) for loader in prepared(config, False)] == [type(loader) for loader in expected]


def test_the_collector_starts_afresh(small: Path) -> None:
    config = configured("BPR", small)
    collector = ListCollector(config)
    collector.data_collect(prepared(config, True)[0])
    scores = torch.rand(2, 41)
    batch = (scores, {"user_id": torch.tensor([1, 2])}, torch.tensor([0, 1]), torch.tensor([3, 4]))
    for _ in range(2):
        collector.eval_batch_collect(*batch)
        struct = collector.get_data_struct()
        assert len(struct.get("rec.items")) == len(struct.get("rec.lists")) == 2
    collector.eval_batch_collect(*batch)
    collector.forget()
    assert "rec.items" not in collector.get_data_struct()
