"""An interrupted run that is continued ends as an uninterrupted one does, bit for bit."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest
import torch
from rich_data import KINDS, LOADED, SMALL

from recbole_ile import InputError, run_recbole_ile
from recbole_ile.plugin.checkpoints.files import read_checkpoint, write_checkpoint
from recbole_ile.plugin.training.trainer import BehavingTrainer

pytestmark = [pytest.mark.trains, pytest.mark.usefixtures("undrawn")]
QUICK = {**SMALL, "epochs": 5, "train_batch_size": 16, "metrics": ["NDCG", "UPD"], "state": "ERROR"}
ON_MOVIELENS = {"user_inter_num_interval": "[200,inf)", "epochs": 4, "show_progress": False, "state": "ERROR"}
STOCK = {"fast_loader": False}
SAMPLED = {"eval_args": {"split": {"RS": [0.8, 0.1, 0.1]}, "group_by": "user", "order": "RO", "mode": "uni3"}}
SEQUENCES = KINDS["sequential"][1]
RISING = {"learning_rate": 0.05, "stopping_step": 3, "epochs": 60}
"""The best epoch is soon behind, so that those after it have to be repeated."""
LOADERS = pytest.mark.parametrize("stock", [{}, STOCK], ids=["own loaders", "RecBole's loaders"])


class Interrupted(Exception):
    """Stands for whatever ends a process."""


@pytest.fixture
def small(rich: Path) -> dict[str, Any]:
    return {**QUICK, "data_path": str(rich), "load_col": LOADED}


def interrupt(monkeypatch: pytest.MonkeyPatch, epoch: int) -> None:
    """Have a run end when this epoch begins, counted over all that it trains."""
    train, begun = BehavingTrainer._train_epoch, []

    def train_or_end(*arguments: Any, **keywords: Any) -> Any:
        if len(begun) == epoch:
            raise Interrupted
        begun.append(epoch)
        return train(*arguments, **keywords)

    monkeypatch.setattr(BehavingTrainer, "_train_epoch", train_or_end)


def resumable() -> set[Path]:
    return {*Path("saved").glob("*.pth"), *Path("saved").glob("*.unfinished")}


def continued(monkeypatch: pytest.MonkeyPatch, model: str, dataset: str, options: dict[str, Any], epoch: int) -> Any:
    """Return the result of a run that was interrupted, and then continued by another trainer."""
    before = resumable()
    with monkeypatch.context() as patch:
        interrupt(patch, epoch)
        with pytest.raises(Interrupted):
            run_recbole_ile(model, dataset, config_dict=options)
    (checkpoint,) = resumable() - before
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


def assert_continues(
    monkeypatch: pytest.MonkeyPatch, model: str, options: dict[str, Any], epochs: list[int], dataset: str = "rich"
) -> None:
    whole = run_recbole_ile(model, dataset, config_dict=options)
    for epoch in epochs:
        assert_same_run(whole, continued(monkeypatch, model, dataset, options, epoch))


@LOADERS
@pytest.mark.parametrize(
    ("model", "options"),
    [
        ("BPR_ILE", {}),
        ("BPR_ILE", SAMPLED),
        ("BPR_GDRO", {"gdro_step": 0.5}),
        ("SASRec_ILE", {**SEQUENCES, "eval_step": 2}),
    ],
)
def test_a_continued_run_is_an_uninterrupted_one(
    small: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    model: str,
    options: dict[str, Any],
    stock: dict[str, Any],
) -> None:
    assert_continues(monkeypatch, model, {**small, **options, **stock}, [3])


@LOADERS
def test_an_ensemble_goes_on_in_the_member_at_work(
    small: dict[str, Any], monkeypatch: pytest.MonkeyPatch, stock: dict[str, Any]
) -> None:
    assert_continues(monkeypatch, "BPR_PUFR", {**small, **SAMPLED, **stock, "pufr_members": 3, "epochs": 2}, [1, 2, 5])
    assert not [path for path in Path("saved").iterdir() if path.suffix not in ("", ".pth")]


def test_an_ensemble_that_is_trained_is_not_trained_again(small: dict[str, Any]) -> None:
    options = {**small, "pufr_members": 2, "epochs": 2}
    whole = run_recbole_ile("BPR_PUFR", "rich", config_dict=options)
    expected, content = stored(whole), Path(whole["checkpoint"]).read_bytes()
    with pytest.raises(InputError, match="there is nothing to continue"):
        run_recbole_ile(resume=whole["checkpoint"])
    with pytest.raises(InputError, match="option epochs=9 is not that of checkpoint"):
        run_recbole_ile(resume=whole["checkpoint"], config_dict={"epochs": 9})
    (Path(whole["output_dir"]) / "result.json").unlink()
    assert stored(run_recbole_ile(resume=whole["checkpoint"])) == expected
    assert Path(whole["checkpoint"]).read_bytes() == content


@pytest.mark.slow
@LOADERS
@pytest.mark.parametrize(
    ("model", "options"),
    [
        ("BPR", {}),
        ("BPR_IPS", {}),
        ("BPR_PD_PCC_IPS", {"ips_normalize": True, "pd_inject": 0.2}),
        ("NeuMF_GDRO", {"gdro_step": 0.5}),
        ("BPR_CP", {}),
        ("LightGCN_ILE", {}),
        ("MultiVAE_ILE", {}),
        ("NeuMF", {}),
        ("LINE", {}),
        ("NCL", {"num_clusters": 3, "warm_up_step": 1}),
        ("SGL", {}),
        ("MacridVAE", {}),
        ("RecVAE", {}),
        ("DiffRec", {}),
        ("LDiffRec", {}),
        ("BPR", {"train_neg_sample_args": {"distribution": "uniform", "sample_num": 1, "dynamic": True,
                                           "candidate_num": 3, "alpha": 1.0}}),
        ("GRU4Rec_ILE", SEQUENCES),
        ("BERT4Rec", {**SEQUENCES, "mask_ratio": 0.5}),
        ("BPR", {"learner": "sgd"}),
    ],
)  # fmt: skip
def test_a_continued_run_of_any_kind_is_an_uninterrupted_one(
    small: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    model: str,
    options: dict[str, Any],
    stock: dict[str, Any],
) -> None:
    assert_continues(monkeypatch, model, {**small, **options, **stock}, [3])


@pytest.mark.slow
@pytest.mark.parametrize("model", ["BPR_ILE", "LightGCN_ILE"])
def test_a_continued_run_on_movielens_is_an_uninterrupted_one(monkeypatch: pytest.MonkeyPatch, model: str) -> None:
    assert_continues(monkeypatch, model, ON_MOVIELENS, [2], "ml-100k")


@pytest.mark.slow
@LOADERS
@pytest.mark.parametrize(
    ("model", "kind"),
    [
        *(("FM", "context-aware"), ("DeepFM", "context-aware")),
        *((model, "knowledge-based") for model in ("CKE", "CFKG", "MKR", "RippleNet", "KTUP", "KGNNLS")),
    ],
)
def test_a_continued_run_with_features_or_a_knowledge_graph_is_an_uninterrupted_one(
    small: dict[str, Any], monkeypatch: pytest.MonkeyPatch, model: str, kind: str, stock: dict[str, Any]
) -> None:
    options = {**small, **KINDS[kind][1], **stock}
    options.pop("kg_reverse_r", None)
    assert_continues(monkeypatch, model, options, [3])


def test_epochs_after_the_best_are_repeated_and_stop_as_early(
    small: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {**small, **RISING}
    whole = run_recbole_ile("BPR_ILE", "rich", config_dict=options)
    best, last = read_checkpoint(whole["checkpoint"])["epoch"], whole["group_losses"][-1]["epoch"]
    assert 0 < best < last < RISING["epochs"] - 1
    assert_same_run(whole, continued(monkeypatch, "BPR_ILE", "rich", options, last))


def test_a_run_that_goes_on_for_longer_is_one_that_was_longer_from_the_start(small: dict[str, Any]) -> None:
    short = run_recbole_ile("BPR_ILE", "rich", config_dict=small)
    longer = run_recbole_ile("BPR_ILE", "rich", config_dict={**small, "epochs": 8})
    assert_same_run(longer, run_recbole_ile(resume=short["checkpoint"], config_dict={"epochs": 8}))


def test_a_run_killed_before_its_result_was_written_gets_it(small: dict[str, Any]) -> None:
    whole = run_recbole_ile("BPR_ILE", "rich", config_dict={**small, "valid_metric": "UPD@2", "eval_step": 0})
    assert read_checkpoint(whole["checkpoint"])["epoch"] == small["epochs"] - 1
    expected = stored(whole)
    for file in Path(whole["output_dir"]).iterdir():
        file.unlink()
    content = Path(whole["checkpoint"]).read_bytes()
    again = run_recbole_ile(resume=whole["checkpoint"])
    assert stored(again) == expected
    assert Path(whole["checkpoint"]).read_bytes() == content
    with pytest.raises(InputError, match="there is nothing to continue"):
        run_recbole_ile(resume=whole["checkpoint"])
    for damage in (b"", b"{", b"[]", b'{"config": 1}', b"\xff\xfe", b"[" * 100_000):
        (Path(whole["output_dir"]) / "result.json").write_bytes(damage)
        assert stored(run_recbole_ile(resume=whole["checkpoint"])) == expected


def test_what_continues_a_run_is_plain_data(small: dict[str, Any]) -> None:
    content = read_checkpoint(run_recbole_ile("BPR_ILE", "rich", config_dict=small)["checkpoint"])
    torch.save(content["other_parameter"]["recbole_ile"], "plain.pth")
    plain = torch.load("plain.pth", weights_only=True)
    assert [each["epoch"] for each in plain["group_losses"]["epochs"]] == list(range(content["epoch"] + 1))
    assert plain.keys() >= {"resuming", "training_data"}


def test_an_older_checkpoint_is_continued_and_said_to_be_another_run(
    small: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    checkpoint = run_recbole_ile("BPR", "rich", config_dict=small)["checkpoint"]
    content = read_checkpoint(checkpoint)
    del content["other_parameter"]["recbole_ile"]["resuming"]
    write_checkpoint(content, checkpoint)
    with caplog.at_level(logging.WARNING):
        result = run_recbole_ile(resume=checkpoint, config_dict={"epochs": 7, "state": "WARNING"})
    assert [each["epoch"] for each in result["group_losses"]] == list(range(7))
    (line,) = [record.getMessage() for record in caplog.records if "not bit by bit" in record.getMessage()]
    assert str(checkpoint) in line
    assert len(line.splitlines()) == 1


def test_a_weight_that_is_steered_goes_on_where_it_was(small: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    options = {**small, "learning_rate": 0.02, "epochs": 14, "ile_target": "upd@2<=0.2", "ile_target_wait": 1}
    whole = run_recbole_ile("BPR_ILE", "rich", config_dict=options)
    assert len({entry["ile_lambda"] for entry in whole["target_course"]}) > 3
    for epoch in (5, 11):
        assert_same_run(whole, continued(monkeypatch, "BPR_ILE", "rich", options, epoch))
