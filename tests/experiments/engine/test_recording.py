"""What is kept of a trial that the scheduler stops, or that fails."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from recbole_ile.experiments.engine import ray_workers
from recbole_ile.experiments.engine.ledger import Ledger
from recbole_ile.experiments.engine.ray_workers import RaySession, RayWorkers, Recorder
from recbole_ile.experiments.engine.workers import Experiment, Order, Resources, Search
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
    session = RaySession(ledger, metric, lambda event, _, news: told.append((event, news)))
    monkeypatch.setattr(ray_workers, "CURRENT", [session])
    trial = SimpleNamespace(config={"trial": {"id": "one", "training": {}, "ranking": [{}]}}, last_result={})
    recorder = Recorder()
    for epoch, value in enumerate(values):
        recorder.on_trial_result(epoch, [], trial, {valid_metric: value, "mae": float(epoch), "epochs": epoch + 1})
    recorder.on_trial_complete(len(values), [], trial)
    (_, outcome) = told[-1]
    assert outcome["status"] == "stopped"
    assert outcome["metrics"] == {valid_metric: best, "mae": float(values.index(best))}
    assert ledger.outcomes()["one"]["metrics"] == outcome["metrics"]


@pytest.mark.parametrize(
    ("error", "reason"), [(ValueError("no  such\nthing"), "no such thing"), (None, "no reason given")]
)
def test_a_trial_fails_for_good_when_it_may_not_be_tried_again(
    error: Exception | None, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lost machine has Ray Tune give a trial up after two errors at once, however often it may be tried."""
    ledger = Ledger(tmp_path / "sweep", metrics=["ndcg@10"])
    ledger.make()
    session = RaySession(ledger, Metric.parse("ndcg@10"), lambda *_: None)
    monkeypatch.setattr(ray_workers, "CURRENT", [session])
    if error is not None:
        error.cause = None  # type: ignore[attr-defined]  # as errors of Ray have it
    trial = SimpleNamespace(
        config={"trial": {"id": "one", "training": {}, "ranking": [{}]}},
        should_recover=lambda: True,
        get_pickled_error=lambda: error,
    )
    Recorder().on_trial_error(0, [], trial)
    assert (session.ended, ledger.outcomes()) == (0, {})
    assert session.given_up == [trial.config["trial"]]
    trial.should_recover = lambda: False
    Recorder().on_trial_error(0, [], trial)
    assert session.ended == 1
    assert (ledger.outcomes()["one"]["status"], ledger.outcomes()["one"]["reason"]) == ("failed", reason)


def test_trials_that_were_given_up_are_run_again_with_fewer_failures_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trials = [{"id": name, "training": {}, "ranking": [{}]} for name in ("one", "other")]
    left, ended = [], iter([(1, trials[1:]), (0, trials[1:]), (1, [])])

    def fit(_: Any, experiment: Experiment, *__: Any) -> SimpleNamespace:
        left.append(experiment.search.max_failures)
        number, given_up = next(ended)
        return SimpleNamespace(ended=number, given_up=given_up)

    monkeypatch.setattr(ray_workers, "fit", fit)
    monkeypatch.setattr(RayWorkers, "_share", lambda *_: "none")
    ledger = Ledger(tmp_path / "sweep", metrics=["ndcg@10"])
    ledger.make()
    search = Search("fifo", Metric.parse("ndcg@10"), 3)
    task: Any = None
    experiment = Experiment(ledger, task, RayWorkers(Resources(1, 0, None)), search)
    assert experiment.workers.run(experiment, lambda *_: None, Order(trials))
    assert left == [3, 2, 1]
