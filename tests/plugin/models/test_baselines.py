"""Models that are not trained by gradient: against ten lines, and the same whatever the batches, blocks and loaders."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from model_data import BY_SAMPLES, NAME, options_of, write_model_data

from recbole_ile import load_model, run_recbole_ile
from recbole_ile.kernels.pair_hashing import pair_uniforms
from recbole_ile.plugin.config.config import IleConfig
from recbole_ile.plugin.output.logs import quiet_recbole
from recbole_ile.plugin.runs.preparation import build_model, prepare_data
from recbole_ile.plugin.training.seeding import seed_everything
from recbole_ile.plugin.training.trainer import get_trainer

WITHOUT_GRADIENT = ["ADMMSLIM", "EASE", "IALS", "ItemKNN", "NCEPLRec", "Pop", "Random", "SLIMElastic"]
K = 5
ALIKE: list[dict[str, Any]] = [
    {},
    {"train_batch_size": 1},
    {"train_batch_size": 7, "eval_memory": "2KB"},
    {"eval_batch_size": 1, "fast_loader": False},
    {"eval_batch_size": 10**6, "fast_loader": False},
    {"train_neg_sample_args": None},
]
"""Settings of batches and blocks, and of negatives, which none of these models learns from."""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_model_data(tmp_path / "data")


def trained(data: Path, model: str, **options: Any) -> tuple[Any, Any, Any]:
    """A trained model's trainer, its data, and the lists of its test evaluation by user."""
    with quiet_recbole():
        config = IleConfig(model, NAME, config_dict={**options_of(model), "data_path": str(data), **options})
        seed_everything(config)
        parts = prepare_data(config)
        trainer = get_trainer(config)(config, build_model(config, parts))
        trainer.eval_collector.data_collect(parts.train)
        trainer.fit(parts.train, None, saved=False)
        trainer.eval_collector.details = True
        trainer.evaluate(parts.test, load_best_model=False)
    details = trainer.eval_collector.last_details
    return trainer, parts, dict(zip(details["rec.users"].tolist(), details["rec.lists"].tolist(), strict=True))


def known_and_relevant(parts: Any) -> tuple[np.ndarray, list[set[int]]]:
    """The ``[n]`` counts of training interactions, and what each user has used before the test part, by index."""
    rows = [part._dataset.inter_feat for part in (parts.train, parts.valid)]
    counts = np.zeros(parts.dataset.item_num - 1, dtype=int)
    for item in rows[0]["item_id"].tolist():
        counts[item - 1] += 1
    used: list[set[int]] = [set() for _ in range(parts.dataset.user_num - 1)]
    for table in rows:
        for user, item in zip(table["user_id"].tolist(), table["item_id"].tolist(), strict=True):
            used[user - 1].add(item - 1)
    return counts, used


@pytest.mark.trains
@pytest.mark.parametrize("model", WITHOUT_GRADIENT)
def test_lists_depend_on_neither_batches_nor_blocks(data: Path, model: str) -> None:
    lists = [trained(data, model, **options)[2] for options in ALIKE]
    assert len(lists[0]) > 20
    assert all(other == lists[0] for other in lists[1:])


@pytest.mark.trains
def test_pop_recommends_by_the_counts_of_training_interactions(data: Path) -> None:
    _, parts, lists = trained(data, "Pop")
    counts, used = known_and_relevant(parts)
    order = sorted(range(len(counts)), key=lambda item: (-counts[item], item))
    for user, found in lists.items():
        assert found == [item for item in order if item not in used[user]][:K]


@pytest.mark.trains
def test_random_recommends_the_highest_numbers_of_each_user_and_item(data: Path) -> None:
    trainer, parts, lists = trained(data, "Random")
    _, used = known_and_relevant(parts)
    users = torch.arange(parts.dataset.user_num)
    numbers = trainer.model.full_sort_predict({"user_id": users}).view(len(users), -1).numpy()
    for user, found in lists.items():
        order = np.argsort(-numbers[user + 1, 1:]).tolist()
        assert found == [item for item in order if item not in used[user]][:K]
    assert len({tuple(found) for found in lists.values()}) == len(lists)
    assert trained(data, "Random", seed=2)[2] != lists


@pytest.mark.trains
def test_random_lists_belong_to_original_ids(data: Path) -> None:
    path = data / NAME / f"{NAME}.inter"
    _, parts, lists = trained(data, "Random", eval_args={"split": {"LS": "valid_and_test"}, "order": "TO"})
    head, *rows = path.read_text().splitlines()
    path.write_text("\n".join([head, *reversed(rows)]) + "\n")
    _, turned, others = trained(data, "Random", eval_args={"split": {"LS": "valid_and_test"}, "order": "TO"})

    def by_id(parts: Any, lists: dict[int, list[int]]) -> dict[str, list[str]]:
        users, items = (parts.dataset.field2id_token[field][1:] for field in ("user_id", "item_id"))
        return {users[user]: items[found].tolist() for user, found in lists.items()}

    assert by_id(parts, lists) == by_id(turned, others)


def test_numbers_of_pairs_are_uniform_and_unrelated() -> None:
    users, items = torch.arange(300)[:, None], torch.arange(400)
    numbers = pair_uniforms(users, items, 1)
    assert numbers.min() >= 0.0
    assert numbers.max() < 1.0
    counts = torch.histc(numbers.float(), 20, 0.0, 1.0)
    assert ((counts - 6000) ** 2 / 6000).sum() < 43.8  # the 99.9 % quantile of chi-squared with 19 degrees of freedom
    for other in (
        pair_uniforms(users, items, 2),
        pair_uniforms(users + 1, items, 1),
        pair_uniforms(users, items + 1, 1),
    ):
        assert abs(torch.corrcoef(torch.stack([numbers.flatten(), other.flatten()]))[0, 1]) < 0.015
    assert torch.equal(pair_uniforms(users[3:5], items[7:9], 1), numbers[3:5, 7:9])


@pytest.mark.trains
@pytest.mark.parametrize("model", ["Pop_CP", "Random_CP"])
def test_a_baseline_is_calibrated_also_from_its_checkpoint(data: Path, model: str) -> None:
    options = {**options_of("Pop"), "data_path": str(data)}
    result = run_recbole_ile(model, NAME, config_dict=options)
    plain = run_recbole_ile(model.removesuffix("_CP"), checkpoint=result["checkpoint"])
    assert result["test_result"]["upd@5"] < plain["test_result"]["upd@5"]
    assert run_recbole_ile(checkpoint=result["checkpoint"])["test_result"] == result["test_result"]
    sampled = run_recbole_ile(checkpoint=result["checkpoint"], config_dict=BY_SAMPLES)
    assert sampled["test_result"]["ndcg@5"] > 0
    assert load_model(result["checkpoint"]).rerank is not None
