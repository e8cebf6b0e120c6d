"""Evaluation within a given memory: what is measured, what follows from it, and that it holds."""

from __future__ import annotations

import logging
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from recbole.data import create_dataset
from recbole.utils import init_seed

from recbole_ile import InputError, get_model
from recbole_ile.plugin.config.config import IleConfig, for_recbole
from recbole_ile.plugin.config.values import memory_bytes
from recbole_ile.plugin.data.loaders import make_loaders
from recbole_ile.plugin.evaluation.memory import LiveBytes, largest_batch, measured
from recbole_ile.plugin.training.trainer import get_trainer

MEGABYTE = 10**6


@pytest.mark.parametrize(
    ("text", "size"),
    [(4096, 4096), ("4096", 4096), ("256MB", 256_000_000), ("1.5 gib", 3 * 2**29), ("8KiB", 8192), ("7b", 7)],
)
def test_an_amount_of_memory_is_read(text: Any, size: int) -> None:
    assert memory_bytes(text) == size


@pytest.mark.parametrize("value", ["256MX", "MB", "", -1, 0, None, True, "0.1", [1]])
def test_what_is_no_amount_of_memory_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="a number of bytes, or a text such as 256MB"):
        memory_bytes(value)
    if value is not None:
        with pytest.raises(InputError, match=r"option eval_memory=.* a number of bytes, or a text such as 256MB"):
            IleConfig("BPR", "ml-100k", config_dict={"eval_memory": value})


steps = st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 50)), min_size=1, max_size=6)


@given(steps, st.integers(1, 2000), st.integers(1, 4), st.integers(1, 4))
def test_as_many_users_as_fit_at_every_step(costs: list[tuple[int, int]], limit: int, few: int, more: int) -> None:
    traces = {users: [fixed + users * growth for fixed, growth in costs] for users in (few, few + more)}
    users, always = largest_batch(traces, limit)
    assert always == pytest.approx(max(fixed for fixed, _ in costs), abs=1)
    growing = [(fixed, growth) for fixed, growth in costs if growth]
    assert users == 0 or all(fixed + users * growth <= limit + 1e-6 for fixed, growth in growing)
    assert not growing or any(fixed + (users + 1) * growth > limit - 1e-6 for fixed, growth in growing)


def test_where_operations_differ_everything_counts_as_growing() -> None:
    assert largest_batch({1: [50, 60], 2: [50, 60, 70]}, 350) == (10, 0)


def test_tensors_and_arrays_count_while_they_are_in_use() -> None:
    before = torch.zeros(MEGABYTE, dtype=torch.uint8)

    def work() -> None:
        view = before[10:] + 0  # 1 MB
        del view
        both = torch.ones(2 * MEGABYTE, dtype=torch.uint8)
        part = both[: MEGABYTE // 2].view(-1, 2)  # of both's memory
        part += 1
        array = np.ones(4 * MEGABYTE, dtype=np.uint8)
        torch.from_numpy(array).sum()

    with LiveBytes() as memory:
        work()
        torch.zeros(1)  # whose memory is the most since the last operation
        torch.zeros(1)
    assert max(memory.trace) == pytest.approx(6 * MEGABYTE, rel=0.02)
    assert memory.trace[-1] < MEGABYTE / 10


class Caching(torch.nn.Module):
    """Keeps something when evaluated, as graph models do, and draws random numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.weight, self.kept = torch.nn.Parameter(torch.ones(3)), None

    def forward(self) -> torch.Tensor:
        self.kept = self.weight * 2
        return self.kept + torch.rand(3) + random.random() + torch.from_numpy(np.random.rand(3))


def test_measuring_leaves_no_trace() -> None:
    model = Caching()
    init_seed(3, True)
    plain = (torch.rand(1), random.random(), np.random.rand())
    init_seed(3, True)
    assert max(measured(model, model)) > 0
    assert model.kept is None
    assert (torch.rand(1), random.random(), np.random.rand()) == plain
    assert model.training


def synthetic(folder: Path, users: int, items: int) -> Path:
    """A data set in which each of many users has three items of many."""
    draws = np.random.default_rng(0).integers(0, items, size=(users, 3))
    draws[: items // 3 + 1] = np.arange(3 * (items // 3 + 1)).reshape(-1, 3) % items  # every item appears
    path = folder / "wide" / "wide.inter"
    path.parent.mkdir(parents=True)
    rows = (f"u{user}\ti{item}\n" for user, of_user in enumerate(draws) for item in of_user)
    path.write_text("user_id:token\titem_id:token\n" + "".join(rows))
    return folder


def evaluated(folder: Path, model: str, **options: Any) -> tuple[Any, list[int]]:
    """Evaluate a new model of few dimensions once, and return the loader and the trace of the memory in use."""
    settings = {"data_path": str(folder), "eval_args.split": {"LS": "valid_only"}, "state": "ERROR", **options}
    config = IleConfig(model, "wide", config_dict=settings)
    asked = for_recbole(config)
    train, valid, _ = make_loaders(asked, create_dataset(asked))
    trainer = get_trainer(config)(config, get_model(model)(config, train._dataset))
    trainer.eval_collector.data_collect(train)
    trainer.evaluate(valid, load_best_model=False)
    with LiveBytes() as memory:
        trainer.evaluate(valid, load_best_model=False)
    return valid, memory.trace


@pytest.mark.parametrize(
    ("model", "options", "limit"),
    [
        ("BPR", {"embedding_size": 4}, "4MB"),
        ("BPR", {"embedding_size": 4, "metrics": ["GAUC", "MRR"]}, "4MB"),
        ("NeuMF", {"mf_embedding_size": 4, "mlp_embedding_size": 4, "mlp_hidden_size": [8]}, "8MB"),
        ("LightGCN", {"embedding_size": 4}, "4MB"),
        ("BPR", {"embedding_size": 4, "eval_args.mode": "uni50"}, "4MB"),
    ],
)
def test_memory_in_use_stays_within_the_limit(tmp_path: Path, model: str, options: dict[str, Any], limit: str) -> None:
    users, items = 700, 2000
    valid, trace = evaluated(synthetic(tmp_path, users, items), model, eval_memory=limit, **options)
    collected = users * 8 * (2 * 11 + 10 + 10 + 1)  # lists, hits and items of each user, which stay
    assert max(trace) <= memory_bytes(limit) + collected
    assert 1 < valid.batch_entries < users
    assert max(trace) >= 0.3 * memory_bytes(limit), "what is allowed is also used"


@pytest.mark.slow
def test_twenty_thousand_users_and_items_never_make_a_matrix(tmp_path: Path) -> None:
    valid, trace = evaluated(synthetic(tmp_path, 20_000, 20_000), "BPR", embedding_size=4, eval_memory="32MB")
    assert len(valid.entries) == 20_000
    assert max(trace) <= 32 * MEGABYTE + 20_000 * 8 * 43
    assert 40 * max(trace) < 20_000 * 20_000 * 4


def test_one_user_at_a_time_where_memory_is_too_small(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        valid, _ = evaluated(synthetic(tmp_path, 20, 40), "BPR", eval_memory=100)
    assert valid.batch_entries == 1
    lines = [record.message for record in caplog.records if "eval_memory" in record.message]
    assert len(lines) == 1
    assert "one user of BPR at a time takes" in lines[0]
