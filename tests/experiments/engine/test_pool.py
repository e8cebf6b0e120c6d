"""Processes of this machine do what Ray's do: the same values, through crashes, in time, and none is left."""

from __future__ import annotations

import math
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pieces
import psutil
import pytest

from recbole_ile.cli import main
from recbole_ile.errors import InputError, MachineLost, UnwritableFile
from recbole_ile.experiments.engine import pool as pool_module
from recbole_ile.experiments.engine import running, workers
from recbole_ile.experiments.engine.ledger import Ledger
from recbole_ile.experiments.engine.pool import ENDED, Piece, Pool
from recbole_ile.experiments.engine.pool_process import Done, Failed, News
from recbole_ile.experiments.engine.trial import Limit, Task
from recbole_ile.experiments.engine.workers import Call, Experiment, Order, Search
from recbole_ile.metric import Metric

METRICS = ["ndcg@2", "upd@2"]
OPTIONS = {"topk": [2], "valid_metric": "NDCG@2", "epochs": 2, "embedding_size": 4}


@pytest.fixture
def pool() -> Iterator[Pool]:
    with Pool(cpus=0.5, max_concurrent=2, verbose=False) as made:
        yield made
    left = [child for child in psutil.Process().children(recursive=True) if "forkserver" in " ".join(child.cmdline())]
    assert len(left) <= 1, "only what starts processes is there until the command ends"


Told = list[tuple[int, Any]]


def do(pool: Pool, asked: list[Piece], again: int = 0, until: float | None = None) -> tuple[bool, Told]:
    """What is told of pieces of work; each may fail ``again`` times."""
    told: Told = []
    pool._prepare()
    return pool._do(asked, again, lambda piece, answer: told.append((piece.number, answer)), until=until), told


@pytest.mark.trains
def test_pieces_are_done_once_where_the_user_is(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OF_A_TEST", "here")
    Path("random.py").write_text("open('ran', 'w')")  # of a stranger, which Python would import where it starts
    whole, told = do(pool, [Piece(number, pieces.tell_place, (number,)) for number in range(7)])
    assert whole
    done = [answer.result for _, answer in told if isinstance(answer, Done)]
    assert sorted(number for number, *_ in done) == list(range(7))
    assert 1 <= len({process for _, process, *_ in done}) <= 2
    assert {place for *_, place, _ in done} == {os.getcwd()}
    assert {variable for *_, variable in done} == {"here"}
    assert [answer.content for _, answer in told if isinstance(answer, News)].count(3) == 2
    assert not Path("ran").exists()


@pytest.mark.trains
def test_a_piece_is_done_again_where_its_process_ended(pool: Pool) -> None:
    assert do(pool, [Piece(0, pieces.end_once, ("mark",))], again=1) == (True, [(0, Done("done"))])
    assert do(pool, [Piece(0, pieces.end_once, ("other",))]) == (True, [(0, Failed(ENDED))])
    _, told = do(
        pool, [Piece(number, pieces.refuse, (kind,)) for number, kind in enumerate(("input", "file", "value"))]
    )
    errors = [answer.error for _, answer in sorted(told)]
    assert [type(error) for error in errors] == [InputError, UnwritableFile, str]
    assert list(map(str, errors)) == ["input is wrong", "file is wrong", "ValueError: value is wrong"]


@pytest.mark.trains
def test_what_still_works_when_time_is_up_is_ended(pool: Pool) -> None:
    asked = [Piece(number, pieces.wait_long, (f"mark{number}",)) for number in range(3)]
    pool._prepare()
    Path("mark0").touch()
    whole, told = do(pool, asked, until=time.time() + 20)
    assert (whole, told) == (False, [])
    working = [int(path.read_text()) for path in map(Path, ("mark0", "mark1")) if path.read_text()]
    assert working
    assert not any(map(psutil.pid_exists, working))
    assert not Path("mark2").exists()


def experiment(pool: Pool, max_failures: int = 0) -> Experiment:
    ledger = Ledger("sweep", metrics=METRICS)
    ledger.open({"model": "BPR"}, {})
    task = Task("BPR", "tiny", {**OPTIONS, "data_path": "data"}, [], METRICS, 1, ledger.drawing)
    return Experiment(ledger, task, pool, Search("fifo", Metric.parse("ndcg@2"), max_failures))


def trial(name: str, **training: Any) -> dict[str, Any]:
    return {"id": name, "training": training, "ranking": [{}]}


@pytest.mark.trains
def test_trials_are_kept_as_they_end_and_a_bad_one_fails_alone(pool: Pool, tiny: Path) -> None:
    assert tiny
    own, events = experiment(pool), list[tuple[str, str]]()
    asked = [trial("one", learning_rate=0.01), trial("bad", learning_rate=-1.0), trial("other", learning_rate=0.02)]
    own.ledger.plan(asked)
    assert pool.run(own, lambda event, about, _: events.append((event, about["id"])), Order(asked))
    outcomes = own.ledger.outcomes()
    assert {name: entry["status"] for name, entry in outcomes.items()} == {
        "one": "done",
        "bad": "failed",
        "other": "done",
    }
    assert "learning_rate" in outcomes["bad"]["reason"]
    assert events.count(("start", "one")) == events.count(("end", "one")) == 1
    assert own.ledger.model(outcomes["one"]) == own.ledger.folder / "models" / "one" / "model.pth"
    assert [path.name for path in own.ledger.models_folder.rglob("*") if path.is_file()] == ["model.pth"] * 2


@pytest.mark.trains
def test_where_time_is_short_a_model_is_evaluated_under_some_settings(pool: Pool, tiny: Path) -> None:
    assert tiny
    own = experiment(pool)
    asked = {**trial("one"), "ranking": [{"cp_weight": weight / 10} for weight in range(7)]}
    asked["training"]["model"] = "BPR_CP"
    own.ledger.plan([asked])
    for limit, places in ((Limit(0.0, math.inf), [0]), (Limit(math.inf, 0.0), [0]), (None, list(range(7)))):
        assert pool.run(own._replace(task=own.task._replace(limit=limit)), lambda *_: None, Order([asked]))
        (outcome,) = own.ledger.outcomes().values()
        assert [point["ranking"] for point in outcome["points"]] == [asked["ranking"][place] for place in places]
        assert bool(own.ledger.finished()) == (limit is None)
    short = own._replace(task=own.task._replace(limit=Limit(0.0, math.inf)))
    kept = outcome["points"]
    own.ledger.write(asked, {**outcome, "points": kept[:2]})
    assert running.evaluate_missing(short) == {"one"}
    (outcome,) = own.ledger.outcomes().values()
    assert outcome["points"] == [kept[0], kept[1], kept[2]], "what is missing begins with the first of it"
    assert running.evaluate_missing(own) == {"one"}
    (outcome,) = own.ledger.outcomes().values()
    assert sorted(outcome["points"], key=repr) == sorted(kept, key=repr)
    assert running.evaluate_missing(own) == set()


@pytest.mark.trains
def test_a_model_that_cannot_be_kept_is_told_by_its_file(pool: Pool, tiny: Path) -> None:
    assert tiny
    own = experiment(pool)
    (own.ledger.models_folder).mkdir()
    (own.ledger.models_folder / "one").write_text("no folder")
    with pytest.raises(InputError, match="one"):
        pool.run(own, lambda *_: None, Order([trial("one", learning_rate=0.01)]))


@pytest.mark.trains
def test_an_interruption_ends_what_works_and_keeps_what_ended(pool: Pool, tiny: Path) -> None:
    assert tiny
    own = experiment(pool)

    def interrupt(event: str, about: dict[str, Any], _: Any) -> None:
        if (event, about["id"]) == ("end", "one"):
            os.kill(os.getpid(), signal.SIGINT)

    asked = [trial("one", learning_rate=0.01), trial("long", learning_rate=0.01, epochs=1_000_000, stopping_step=10**6)]
    assert not pool.run(own, interrupt, Order(asked))
    assert list(own.ledger.outcomes()) == ["one"]


@pytest.mark.trains
def test_an_evaluation_is_done_again_where_its_process_ended(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool_module, "evaluate_piece", pieces.end_once_of_call)
    call = Call("test", "mark", {}, [])
    assert list(pool.evaluate(experiment(pool, max_failures=1), [call])) == ["done"]
    Path("mark").unlink()
    with pytest.raises(MachineLost, match="the evaluation of mark failed: its process was ended"):
        list(pool.evaluate(experiment(pool), [call]))


def test_more_than_this_machine_has_is_one_line() -> None:
    with pytest.raises(InputError, match="cpus_per_trial=4096 is more than any machine has"):
        Pool(4096.0, None, verbose=False)


@pytest.mark.slow
@pytest.mark.usefixtures("one_ray")
def test_a_sweep_comes_to_the_same_with_ray_and_without(monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["sweep", "--model=BPR_ILE_CP", "--dataset=ml-100k", "--epochs=2", "--user_inter_num_interval=[200,inf)"]
    words += ["--grid", "ile_lambda=0.3", "--grid", "cp_weight=0.0,0.9", "--grid", "seed=1,2"]
    assert main([*words, "--name=with"]) == 0
    monkeypatch.setattr(workers, "_ray_runs", lambda: False)
    assert main([*words, "--name=without"]) == 0
    with_ray, without = (Ledger(Path("saved/sweeps") / name) for name in ("with", "without"))
    kept = [pd.DataFrame(each.outcomes()).drop(["seconds", "node", "checkpoint"]) for each in (with_ray, without)]
    pd.testing.assert_frame_equal(*kept)
    assert kept[0].shape[1] == 4
    assert with_ray.tests() == without.tests()
    assert all(without.model(entry) for entry in without.outcomes().values())
