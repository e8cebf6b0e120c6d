"""Trainings whose optimiser walks looked-up rows are those of torch's Adam, and go on as it does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from rich_data import IN_ORDER, LABELS, LOADED, SMALL
from rich_training import prepare

from recbole_ile import InputError, run_recbole_ile
from recbole_ile.plugin.checkpoints.files import read_checkpoint
from recbole_ile.plugin.training import rowwise_adam, rowwise_epoch
from recbole_ile.plugin.training.behaviour import Behaviour
from recbole_ile.plugin.training.rowwise_adam import LookedUpTable

pytestmark = pytest.mark.trains

PAIRS = {"train_neg_sample_args": {"distribution": "uniform", "sample_num": 1, "alpha": 1.0, "dynamic": False,
                                   "candidate_num": 0}}  # fmt: skip
SEQUENCES = {"MAX_ITEM_LIST_LENGTH": 4, "hidden_size": 8, "inner_size": 8, **IN_ORDER}
CASES: dict[str, tuple[str, dict[str, Any], int]] = {
    "NeuMF": ("NeuMF", {}, 4),
    "NeuMF_ILE": ("NeuMF_ILE", {"ile_lambda": 0.5}, 4),
    "FM": ("FM", LABELS, 4),
    "DeepFM": ("DeepFM", LABELS, 4),
    "SimpleX": ("SimpleX", {"train_neg_sample_args": {**PAIRS["train_neg_sample_args"], "sample_num": 3}}, 2),
    "pairs that no compiled loop trains": ("BPR_PD", {}, 2),
    "items scored one by one": ("SASRec", {**SEQUENCES, **PAIRS, "loss_type": "BPR"}, 2),
    "items scored as a whole": ("SASRec", {**SEQUENCES, "train_neg_sample_args": None}, 1),
    "a graph": ("LightGCN", {}, 0),
}
"""Model, options, and how many tables are only looked up."""


@pytest.fixture
def small(rich: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Options of a small training, in which every table is large and every batch small."""
    monkeypatch.setattr(rowwise_adam, "LEAST_PARAMETERS", 1)
    monkeypatch.setattr(rowwise_adam, "LEAST_SHARE", 0)
    further = {"metrics": ["NDCG", "UPD"], "state": "ERROR", "learning_rate": 0.003, "train_batch_size": 16}
    return {**SMALL, **further, "data_path": str(rich), "load_col": LOADED}


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> list[LookedUpTable]:
    """The tables that an epoch ended with, while they took steps by rows."""
    tables: list[LookedUpTable] = []
    let_go = LookedUpTable.let_go

    def remember(table: LookedUpTable) -> None:
        if table.held and table._parts is not None:
            tables.append(table)
        let_go(table)

    monkeypatch.setattr(LookedUpTable, "let_go", remember)
    return tables


@pytest.mark.parametrize("case", CASES)
def test_epochs_by_rows_are_those_of_adam(
    small: dict[str, Any], monkeypatch: pytest.MonkeyPatch, held: list[LookedUpTable], case: str
) -> None:
    name, options, n_tables = CASES[case]
    options = {**small, **options}
    trainer, batches = prepare(name, options)
    losses = [trainer._train_epoch(batches, epoch) for epoch in range(3)]
    assert len(held) == 3 * n_tables
    assert type(trainer.optimizer) is torch.optim.Adam
    monkeypatch.setattr(rowwise_epoch, "find_tables", lambda *_: [])
    other, batches = prepare(name, options)
    torch.testing.assert_close(losses, [other._train_epoch(batches, epoch) for epoch in range(3)], rtol=1e-4, atol=1e-4)
    for key, value in trainer.model.state_dict().items():
        if key.endswith(".key.bias"):  # adds the same to all of a softmax: its gradient is rounding alone
            continue
        torch.testing.assert_close(value, other.model.state_dict()[key], rtol=1e-3, atol=1e-4, msg=key)
    found, expected = (each.optimizer.state_dict() for each in (trainer, other))
    assert found["param_groups"] == expected["param_groups"]
    for number, state in expected["state"].items():
        assert found["state"][number].keys() == state.keys()
        assert found["state"][number]["step"] == state["step"]
        torch.testing.assert_close(found["state"][number]["exp_avg"], state["exp_avg"], rtol=1e-2, atol=1e-4)


@pytest.mark.parametrize(
    "options",
    [
        {"fast_loader": False},
        {"learner": "adamw"},
        {"weight_decay": 0.01},
        {"clip_grad_norm": {"max_norm": 5}},
        {"enable_amp": True},
        {"train_neg_sample_args": {**PAIRS["train_neg_sample_args"], "dynamic": True, "candidate_num": 2}},
    ],
    ids=lambda options: next(iter(options)),
)
def test_what_is_not_plain_adam_is_left_to_torch(
    small: dict[str, Any], held: list[LookedUpTable], options: dict[str, Any]
) -> None:
    trainer, batches = prepare("NeuMF", {**small, **options})
    with rowwise_epoch.stepping_by_rows(trainer, trainer.model.calculate_loss) as loss_func:
        assert loss_func == trainer.model.calculate_loss
        assert type(trainer.optimizer) is not rowwise_adam.RowwiseAdam
    assert not held
    assert len(batches)


def test_whoever_looks_at_batches_finds_torchs_steps(small: dict[str, Any], held: list[LookedUpTable]) -> None:
    class Looks(Behaviour):
        key = "looks"

        def after_batch(self, training: Any, loss: torch.Tensor) -> None:  # noqa: ARG002
            assert not any(parameter.isnan().any() for parameter in training.model.parameters())

    trainer, batches = prepare("NeuMF", small)
    trainer.behaviours.append(Looks())
    trainer._train_epoch(batches, 0)
    assert not held


def test_small_data_keep_torchs_steps(
    small: dict[str, Any], monkeypatch: pytest.MonkeyPatch, held: list[LookedUpTable]
) -> None:
    monkeypatch.undo()
    trainer, batches = prepare("NeuMF", small)
    trainer._train_epoch(batches, 0)
    assert not held


def assert_same_checkpoints(one: dict[str, Any], other: dict[str, Any]) -> None:
    first, second = (read_checkpoint(result["checkpoint"]) for result in (one, other))
    assert first["epoch"] == second["epoch"]
    for name, value in first["state_dict"].items():
        assert torch.equal(value, second["state_dict"][name]), name
    for number, state in first["optimizer"]["state"].items():
        for name, value in state.items():
            assert torch.equal(value, second["optimizer"]["state"][number][name]), name


@pytest.mark.usefixtures("undrawn")
def test_a_training_goes_on_to_the_bit_and_on_either_path(
    small: dict[str, Any], monkeypatch: pytest.MonkeyPatch, held: list[LookedUpTable]
) -> None:
    longer = {**small, "epochs": 4}
    whole = run_recbole_ile("NeuMF_ILE", "rich", config_dict=longer)
    short = run_recbole_ile("NeuMF_ILE", "rich", config_dict={**small, "epochs": 2})
    content = Path(short["checkpoint"]).read_bytes()
    assert_same_checkpoints(whole, run_recbole_ile(resume=short["checkpoint"], config_dict={"epochs": 4}))
    assert len(held) == 4 * (4 + 2 + 2)
    Path(short["checkpoint"]).write_bytes(content)
    monkeypatch.setattr(rowwise_epoch, "find_tables", lambda *_: [])
    other = run_recbole_ile(resume=short["checkpoint"], config_dict={"epochs": 4})
    assert len(held) == 4 * (4 + 2 + 2)
    first, second = (read_checkpoint(result["checkpoint"])["state_dict"] for result in (whole, other))
    for name, value in first.items():
        torch.testing.assert_close(value, second[name], rtol=1e-3, atol=1e-5, msg=name)


def test_a_loss_that_is_not_finite_leaves_everything_up_to_date(
    small: dict[str, Any], held: list[LookedUpTable]
) -> None:
    with pytest.raises(InputError, match=r"the training loss is nan in batch \d+ of epoch 0"):
        run_recbole_ile("NeuMF", "rich", config_dict={**small, "learning_rate": 1e38, "epochs": 2})
    assert len(held) == 4
    assert not any(table.held for table in held)
