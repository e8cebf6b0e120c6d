"""An interrupted run that is continued ends as an uninterrupted one does, bit for bit."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest
import torch
from rich_data import IN_ORDER, KINDS, LOADED, SMALL

from recbole_ile import InputError, run_recbole_ile
from recbole_ile.plugin.checkpoint import read_checkpoint, write_checkpoint
from recbole_ile.plugin.progress import PROGRESS
from recbole_ile.plugin.trainer import GroupLossTrainer

QUICK = {"user_inter_num_interval": "[200,inf)", "epochs": 5, "show_progress": False, "state": "ERROR"}
STOCK = {"fast_loader": False}
SAMPLED = {"eval_args": {"split": {"RS": [0.8, 0.1, 0.1]}, "group_by": "user", "order": "RO", "mode": "uni50"}}
SEQUENCES = {"train_neg_sample_args": None, "MAX_ITEM_LIST_LENGTH": 10, "eval_args": IN_ORDER["eval_args"]}
RISING = {"learning_rate": 0.02, "stopping_step": 2}
"""The best epoch is soon behind, so that those after it have to be repeated."""


class Interrupted(Exception):
    """Stands for whatever ends a process."""


def interrupt(monkeypatch: pytest.MonkeyPatch, epoch: int) -> None:
    """Have every training end when this epoch begins."""
    train = GroupLossTrainer._train_epoch

    def train_or_end(self: Any, data: Any, epoch_idx: int, *arguments: Any, **keywords: Any) -> Any:
        if epoch_idx == epoch:
            raise Interrupted
        return train(self, data, epoch_idx, *arguments, **keywords)

    monkeypatch.setattr(GroupLossTrainer, "_train_epoch", train_or_end)


def checkpoints() -> set[Path]:
    return set(Path("saved").glob("*.pth"))


def continued(monkeypatch: pytest.MonkeyPatch, model: str, dataset: str, options: dict[str, Any], epoch: int) -> Any:
    """Return the result of a run that was interrupted, and then continued by another trainer."""
    before = checkpoints()
    with monkeypatch.context() as patch:
        interrupt(patch, epoch)
        with pytest.raises(Interrupted):
            run_recbole_ile(model, dataset, config_dict=options)
    (checkpoint,) = checkpoints() - before
    return run_recbole_ile(resume=checkpoint)


def stored(result: dict[str, Any]) -> dict[str, Any]:
    content = json.loads((Path(result["output_dir"]) / "result.json").read_text())
    return {key: value for key, value in content.items() if key not in ("checkpoint", "output_dir", "seconds")}


def assert_same_tensors(one: Any, other: Any) -> None:
    assert one.keys() == other.keys()
    for name, value in one.items():
        assert torch.equal(value, other[name]), name


def assert_same_run(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert stored(one) == stored(other)
    assert one["best_valid_result"] == other["best_valid_result"]
    assert one["best_valid_score"] == other["best_valid_score"]
    first, second = (read_checkpoint(result["checkpoint"]) for result in (one, other))
    assert first["epoch"] == second["epoch"]
    assert_same_tensors(first["state_dict"], second["state_dict"])
    for number, state in first["optimizer"]["state"].items():
        assert_same_tensors(
            {name: torch.as_tensor(value) for name, value in state.items()},
            {name: torch.as_tensor(value) for name, value in second["optimizer"]["state"][number].items()},
        )


def check(monkeypatch: pytest.MonkeyPatch, model: str, options: dict[str, Any], epochs: list[int]) -> None:
    whole = run_recbole_ile(model, "ml-100k", config_dict={**QUICK, **options})
    for epoch in epochs:
        assert_same_run(whole, continued(monkeypatch, model, "ml-100k", {**QUICK, **options}, epoch))


@pytest.mark.parametrize("stock", [{}, STOCK], ids=["own loaders", "RecBole's loaders"])
def test_a_continued_run_is_an_uninterrupted_one(monkeypatch: pytest.MonkeyPatch, stock: dict[str, Any]) -> None:
    check(monkeypatch, "BPR_ILE", stock, [3])


@pytest.mark.parametrize("stock", [{}, STOCK], ids=["own loaders", "RecBole's loaders"])
def test_the_candidates_of_a_sampled_evaluation_are_those_of_its_number(
    monkeypatch: pytest.MonkeyPatch, stock: dict[str, Any]
) -> None:
    check(monkeypatch, "BPR_ILE", {**SAMPLED, **stock}, [2])


@pytest.mark.slow
@pytest.mark.parametrize("stock", [{}, STOCK], ids=["own loaders", "RecBole's loaders"])
@pytest.mark.parametrize(
    ("model", "options"),
    [
        ("NeuMF", {}),
        ("MultiVAE", {}),
        ("LightGCN_ILE", {}),
        ("BPR_ILE_CP", {}),
        ("LINE", {}),
        ("NCL", {"num_clusters": 8, "warm_up_step": 1}),
        ("SGL", {}),
        ("MacridVAE", {}),
        ("RecVAE", {}),
        ("DiffRec", {}),
        ("LDiffRec", {}),
        ("BPR", {"train_neg_sample_args": {"distribution": "uniform", "sample_num": 1, "dynamic": True,
                                           "candidate_num": 3, "alpha": 1.0}}),
        ("GRU4Rec_ILE", SEQUENCES),
        ("SASRec", SEQUENCES),
        ("BERT4Rec", SEQUENCES),
        ("BPR", {"learner": "sgd"}),
        ("BPR_ILE", {"eval_step": 2}),
    ],
)  # fmt: skip
def test_a_continued_run_of_any_kind_is_an_uninterrupted_one(
    monkeypatch: pytest.MonkeyPatch, model: str, options: dict[str, Any], stock: dict[str, Any]
) -> None:
    check(monkeypatch, model, {**options, **stock}, [2, 3])


@pytest.mark.slow
@pytest.mark.parametrize("stock", [{}, STOCK], ids=["own loaders", "RecBole's loaders"])
@pytest.mark.parametrize(
    ("model", "kind"),
    [
        *(
            ("FM", "context-aware"),
            ("DeepFM", "context-aware"),
            ("CKE", "knowledge-based"),
            ("CFKG", "knowledge-based"),
        ),
        *(("MKR", "knowledge-based"), ("RippleNet", "knowledge-based"), ("KTUP", "knowledge-based")),
        ("KGNNLS", "knowledge-based"),
    ],
)
def test_a_continued_run_with_features_or_a_knowledge_graph_is_an_uninterrupted_one(
    rich: Path, monkeypatch: pytest.MonkeyPatch, model: str, kind: str, stock: dict[str, Any]
) -> None:
    options = {**SMALL, "data_path": str(rich), "load_col": LOADED, **KINDS[kind][1], "epochs": 6, **stock}
    options.pop("kg_reverse_r", None)
    whole = run_recbole_ile(model, "rich", config_dict=options)
    for epoch in (2, 5):
        assert_same_run(whole, continued(monkeypatch, model, "rich", options, epoch))


def test_epochs_after_the_best_are_repeated_and_stop_as_early(monkeypatch: pytest.MonkeyPatch) -> None:
    options = {**QUICK, **RISING, "epochs": 40}
    whole = run_recbole_ile("BPR_ILE", "ml-100k", config_dict=options)
    best, last = read_checkpoint(whole["checkpoint"])["epoch"], whole["group_losses"][-1]["epoch"]
    assert best < last < 39
    assert_same_run(whole, continued(monkeypatch, "BPR_ILE", "ml-100k", options, last))


def test_a_run_that_goes_on_for_longer_is_one_that_was_longer_from_the_start() -> None:
    short = run_recbole_ile("BPR_ILE", "ml-100k", config_dict=QUICK)
    longer = run_recbole_ile("BPR_ILE", "ml-100k", config_dict={**QUICK, "epochs": 8})
    assert_same_run(longer, run_recbole_ile(resume=short["checkpoint"], config_dict={"epochs": 8}))


def test_a_run_killed_before_its_result_was_written_gets_it() -> None:
    whole = run_recbole_ile("BPR_ILE", "ml-100k", config_dict=QUICK)
    assert read_checkpoint(whole["checkpoint"])["epoch"] == QUICK["epochs"] - 1
    expected = stored(whole)
    for file in Path(whole["output_dir"]).iterdir():
        file.unlink()
    content = Path(whole["checkpoint"]).read_bytes()
    again = run_recbole_ile(resume=whole["checkpoint"])
    assert stored(again) == expected
    assert Path(whole["checkpoint"]).read_bytes() == content
    with pytest.raises(InputError, match="there is nothing to continue"):
        run_recbole_ile(resume=whole["checkpoint"])


def test_a_checkpoint_of_stock_recbole_is_continued_and_said_to_be_another_run(
    caplog: pytest.LogCaptureFixture,
) -> None:
    checkpoint = run_recbole_ile("BPR", "ml-100k", config_dict=QUICK)["checkpoint"]
    content = read_checkpoint(checkpoint)
    del content["other_parameter"][PROGRESS]
    write_checkpoint(content, checkpoint)
    with caplog.at_level(logging.WARNING):
        result = run_recbole_ile(resume=checkpoint, config_dict={"epochs": 7, "state": "WARNING"})
    assert result["best_valid_result"]
    assert "not bit by bit what an uninterrupted run would have done" in caplog.text
