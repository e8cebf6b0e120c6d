"""What is kept of a trial that the scheduler stops."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from recbole_ile.experiments.engine import recording
from recbole_ile.experiments.engine.ledger import Ledger
from recbole_ile.metric import Metric


@pytest.mark.parametrize(
    ("valid_metric", "values", "best"),
    [
        ("ndcg@10", (0.1, 0.3, 0.2), 0.3),
        ("upd@10", (0.3, 0.1, 0.2), 0.1),
        ("auc", (0.6, 0.8, 0.7), 0.8),
        ("logloss", (0.6, 0.4, 0.5), 0.4),
        ("ndcg@10", (float("nan"), 0.2, float("nan")), 0.2),
    ],
)
def test_of_a_stopped_trial_the_best_validation_is_kept(
    valid_metric: str, values: tuple[float, ...], best: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    metric = Metric.parse(valid_metric)
    ledger = Ledger(tmp_path / "sweep", metrics=[valid_metric, "mae"])
    ledger.make()
    told: list[tuple[str, dict[str, Any]]] = []
    session = recording.Session(
        ledger,
        metric,
        lambda event, _, news: told.append((event, news)),
        {},
        frozenset(),
    )
    monkeypatch.setattr(recording, "CURRENT", [session])
    trial = SimpleNamespace(config={"trial": {"id": "one", "training": {}, "ranking": [{}]}}, last_result={})
    recorder = recording.Recorder()
    for epoch, value in enumerate(values):
        recorder.on_trial_result(epoch, [], trial, {valid_metric: value, "mae": float(epoch), "epochs": epoch + 1})
    recorder.on_trial_complete(len(values), [], trial)
    (_, outcome) = told[-1]
    assert outcome["status"] == "stopped"
    assert outcome["metrics"] == {valid_metric: best, "mae": float(values.index(best))}
    assert ledger.outcomes()["one"]["metrics"] == outcome["metrics"]
