"""Evaluations of one model under several settings of ranking score each batch once, and find the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from recbole_ile.plugin.config.config import IleConfig
from recbole_ile.plugin.runs.preparation import build_model, prepare_data
from recbole_ile.plugin.training.trainer import get_trainer

SMALL = {"topk": 3, "valid_metric": "NDCG@3", "metrics": ["NDCG", "UPD"], "state": "ERROR", "show_progress": False}
SETTINGS = ({"lap_tau": 0.0}, {"lap_tau": 0.8}, {"cp_weight": 0.5}, {"lap_tau": 0.8, "cp_weight": 0.9})


@pytest.mark.trains
@pytest.mark.parametrize("memory", ["256MB", "1"])
def test_kept_scores_give_the_same_values(rich: Path, monkeypatch: pytest.MonkeyPatch, memory: str) -> None:
    given = {**SMALL, "data_path": str(rich), "eval_batch_size": 30}
    config = IleConfig("BPR_LAP_CP", "rich", config_dict=given)
    data = prepare_data(config)
    model = build_model(config, data)
    trainer = get_trainer(config)(config, model)
    trainer.eval_collector.data_collect(data.train)
    scored = []
    predict = type(model).full_sort_predict
    monkeypatch.setattr(type(model), "full_sort_predict", lambda *words: scored.append(1) or predict(*words))
    monkeypatch.setattr("recbole_ile.plugin.evaluation.evaluator.fit_to_memory", lambda *_: None)

    def values() -> list[Any]:
        found = []
        for settings in SETTINGS:
            model.set_ranking(IleConfig("BPR_LAP_CP", "rich", config_dict={**given, "cp_weight": 0.0, **settings}))
            for part in (data.valid, data.test):
                found.append(trainer.evaluate(part, load_best_model=False, show_progress=False))
        return found

    expected, usual = values(), len(scored)
    config["eval_memory"] = memory
    with trainer.keeping_scores():
        assert values() == expected
    assert len(scored) - usual == (usual // len(SETTINGS) if memory == "256MB" else usual)
    with torch.no_grad():
        model.user_embedding.weight.mul_(-1.0)
    assert values() != expected, "nothing is kept for a model that has changed"
