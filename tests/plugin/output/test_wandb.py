"""RecBole's ``log_wandb`` carries metrics and group losses; a stand-in notes what the package ``wandb`` would get."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from recbole.trainer import trainer

from recbole_ile import run_recbole_ile
from recbole_ile.plugin.hooks import output

OPTIONS = {"epochs": 2, "topk": 2, "valid_metric": "NDCG@2", "show_progress": False, "state": "ERROR"}


class Wandb(ModuleType):
    """Does what RecBole asks of ``wandb`` as its documentation says: a log without commit joins the next one."""

    def __init__(self) -> None:
        super().__init__("wandb")
        self.run: Any = None
        self.rows: list[dict[str, Any]] = []
        self.begun: dict[str, Any] = {}
        self._open: dict[str, Any] = {}

    def init(self, **keywords: Any) -> None:
        self.begun = keywords
        self.run = self
        self.summary: dict[str, Any] = {}

    def define_metric(self, *_: Any, **__: Any) -> None:
        """Take note of nothing."""

    def log(self, metrics: dict[str, Any], commit: bool) -> None:
        self._open.update(metrics)
        if commit:
            self.rows.append(self._open)
            self._open = {}

    def finish(self) -> None:
        self.run = None


@pytest.fixture
def wandb(monkeypatch: pytest.MonkeyPatch) -> Wandb:
    stand_in = Wandb()
    monkeypatch.setitem(sys.modules, "wandb", stand_in)
    return stand_in


@pytest.mark.trains
@pytest.mark.parametrize("model", ["BPR_ILE", "BPR_EP_CP"])
def test_metrics_and_group_losses_are_tracked(tiny: Path, wandb: Wandb, model: str) -> None:
    settings = {**OPTIONS, "data_path": str(tiny), "log_wandb": True, "wandb_project": "fair"}
    result = run_recbole_ile(model, "tiny", config_dict=settings)
    assert wandb.begun["project"] == "fair"
    trained = [row for row in wandb.rows if "train_step" in row]
    assert [row["train_step"] for row in trained] == [0, 1]
    for row, epoch in zip(trained, result["group_losses"], strict=True):
        assert "train/train_loss" in row
        for name, loss in zip(result["group_names"], epoch["losses"], strict=True):
            assert row.get(f"train/Group_loss/{name}") == loss
    validated = [row for row in wandb.rows if "valid_step" in row]
    assert len(validated) == 2
    names = {"ndcg@2", "upd@2", "ad@2", "ee@2"}
    assert all({f"valid/{name}" for name in names} <= row.keys() for row in validated)
    if model == "BPR_ILE":  # prices come after the training, in which validations are without them
        best = result["best_valid_result"]
        assert any(all(row[f"valid/{name}"] == best[name] for name in names) for row in validated)
    assert wandb.summary == {f"eval/{name}": value for name, value in result["test_result"].items()}


@pytest.mark.parametrize("number", [0, 1])
def test_one_process_of_several_begins_a_run(number: int, wandb: Wandb, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output, "rank", lambda: number)
    logger = trainer.WandbLogger(SimpleNamespace(log_wandb=True, wandb_project="fair"))
    logger.log_metrics({"a": 1})
    assert bool(wandb.begun) == (number == 0)
    assert bool(wandb.rows) == (number == 0)
