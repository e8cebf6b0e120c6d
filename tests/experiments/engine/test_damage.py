"""Whatever is done to a file of a sweep's folder: it is told by its name, nothing else is lost, nothing is run."""

from __future__ import annotations

import copy
import json
import logging
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from recbole_ile.errors import InputError
from recbole_ile.experiments.comparison.methods import Method
from recbole_ile.experiments.comparison.plan import EvaluationKey, Plan
from recbole_ile.experiments.comparison.results import collect
from recbole_ile.experiments.engine.ledger import Ledger
from recbole_ile.experiments.sweep.selection import candidates
from recbole_ile.metric import Metric
from recbole_ile.plugin.catalogue.model_names import ModelName

METRICS = ["ndcg@10", "upd@10"]
NUMBERS = {"ndcg@10": 0.2, "upd@10": 0.1}
POINT = {
    "ranking": {"cp_weight": 0.0},
    "metrics": NUMBERS,
    "by_user_group": [{"group": "niche", "users": 3, "ndcg@10": 0.1, "recall@10": 0.2, "upd@10": float("nan")}],
    "by_item_group": [
        {"group": "head", "items": 2, "training_share": 0.5, "recommendation_share": 0.4, "exposure_share": 0.3}
        | {"recall": 0.2}
    ],
}
TRIAL = {"id": "aa", "training": {"ile_lambda": 0.1, "seed": 1}, "ranking": [{"cp_weight": 0.0}]}
OTHER = {"id": "bb", "training": {"ile_lambda": 0.0, "seed": 1}, "ranking": [{"cp_weight": 0.0}]}
DONE = {
    "status": "done",
    "metrics": NUMBERS,
    "points": [POINT],
    "group_names": ["head", "tail"],
    "group_losses": [{"epoch": 0, "losses": [0.7, 0.6]}, {"epoch": 1, "losses": None}],
    "validations": 2,
    "seconds": {"training": 1.0},
    "node": "n",
    "checkpoint": "ray/experiment-1/trial-1/checkpoint_000000",
}
NAME = Ledger.point_name("aa", POINT["ranking"])
USERS = pd.DataFrame({"user": ["u1", "u2"], "user_group": [0, 1], "ndcg@10": [0.1, 0.3], "upd@10": [0.1, 0.2]})


@pytest.fixture
def ledger() -> Ledger:
    """A folder with two finished trials, of which the first is tested."""
    made = Ledger("sweep", metrics=METRICS)
    made.open({"model": "BPR_ILE_CP"}, {})
    made.plan([TRIAL, OTHER])
    made.write(TRIAL, DONE)
    made.write(OTHER, DONE)
    made.write_tests({NAME: POINT})
    made.write_users(NAME, USERS)
    return Ledger("sweep", metrics=METRICS)


FILES = {
    "plan.json": lambda ledger: [trial["id"] for trial in ledger.planned()],
    "trials/aa.json": lambda ledger: list(ledger.outcomes()),
    "tests.json": lambda ledger: list(ledger.tests()),
}
WHOLE = {"plan.json": ["aa", "bb"], "trials/aa.json": ["aa", "bb"], "tests.json": [NAME]}
WAYS: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "truncated": lambda content: content[: len(content) // 2],
    "null": lambda _: b"null",
    "a number": lambda _: b"7",
    "a text": lambda _: b'"text"',
    "another list": lambda _: b'[1, "a", null, [], {}, {"id": "../../x"}]',
    "another object": lambda _: b'{"a": 1, "b": [2], "c": {}}',
    "not UTF-8": lambda content: content.replace(b"e", b"\xff"),
    "zeros": lambda content: bytes(len(content)),
    "deep": lambda _: b"[" * 100_000,
    "a pickle": lambda _: pickle.dumps({"a": 1}),
}


def report_on(ledger: Ledger) -> None:
    """Do with what is left what the commands do."""
    assert all(candidates(list(ledger.outcomes().values()), ModelName.parse("BPR_ILE_CP"), {})) or not ledger.outcomes()
    methods = [Method("BPR_ILE", ModelName.parse("BPR_ILE"), {}, {})]
    plan = Plan([], {("BPR_ILE", 1): EvaluationKey("aa", POINT["ranking"])})
    metrics = [Metric.parse(name) for name in METRICS]
    assert collect("title", methods, plan, metrics, ledger, {}, [], seed=0).title == "title"
    assert set(ledger.finished()) <= set(ledger.outcomes())


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", FILES)
def test_a_damaged_file_is_told_and_written_anew(
    name: str, way: str, ledger: Ledger, caplog: pytest.LogCaptureFixture
) -> None:
    assert FILES[name](ledger) == WHOLE[name]
    path = ledger.folder / name
    path.write_bytes(WAYS[way](path.read_bytes()))
    damaged = path.read_bytes()
    with caplog.at_level(logging.WARNING):
        left = FILES[name](ledger)
        assert FILES[name](ledger) == left
    assert set(left) < set(WHOLE[name])
    lines = [record.getMessage() for record in caplog.records if "is damaged" in record.getMessage()]
    assert len(lines) == 1, "each file is told once"
    assert lines[0].startswith(f"{path} is damaged: ")
    assert "\n" not in lines[0]
    assert path.read_bytes() == damaged, "nothing is removed before there is something new"
    report_on(ledger)
    ledger.plan([TRIAL, OTHER])
    ledger.write(TRIAL, DONE)
    ledger.write_tests({NAME: POINT})
    assert FILES[name](Ledger("sweep", metrics=METRICS)) == WHOLE[name]


def places(content: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths of all values within a value."""
    entries = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for key, value in entries:
        yield (*path, key)
        yield from places(value, (*path, key))


def changed(content: Any, path: tuple[Any, ...], *value: Any) -> Any:
    """A copy in which one value is another one or, without one, missing."""
    found = copy.deepcopy(content)
    parent = found
    for key in path[:-1]:
        parent = parent[key]
    if value:
        parent[path[-1]] = value[0]
    else:
        del parent[path[-1]]
    return found


@pytest.mark.parametrize("value", [(), (None,), (7,), ("x",), ([[1]],), ({"a": {"b": []}},)], ids=repr)
@pytest.mark.parametrize("name", FILES)
def test_what_is_wrong_within_a_file_stops_nothing(name: str, value: tuple[Any, ...], ledger: Ledger) -> None:
    path = ledger.folder / name
    content = json.loads(path.read_text())
    for place in places(content):
        path.write_text(json.dumps(changed(content, place, *value)))
        left = Ledger("sweep", metrics=METRICS)
        assert {other: read(left) for other, read in FILES.items() if other != name} == {
            other: whole for other, whole in WHOLE.items() if other != name
        }, "what other files hold is there as before"
        if FILES[name](left) == WHOLE[name] or place[-1] in ("id", "points"):  # what is left out is told elsewhere
            report_on(left)


@pytest.mark.parametrize(
    "settings",
    [
        {"dataset_save_path": "x"},
        {"checkpoint_dir": "x"},
        {"log_wandb": True},
        {"teacher": "print() or CrossNet"},
        {"save_dataset": True},
        {"model": 7},
        {"epochs": {"a": object.__name__, "b": [{"c": None}] * 2}, "dataloaders_save_path": "x"},
    ],
    ids=repr,
)
def test_a_trial_that_no_file_may_cause_is_left_out(settings: dict[str, Any], ledger: Ledger) -> None:
    for part in ("training", "ranking"):
        stranger = {**TRIAL, part: settings if part == "training" else [settings]}
        (ledger.folder / "plan.json").write_text(json.dumps([stranger, OTHER]))
        (ledger.folder / "trials" / "aa.json").write_text(json.dumps({**stranger, **DONE}))
        assert [trial["id"] for trial in ledger.planned()] == ["bb"]
        assert list(ledger.outcomes()) == ["bb"]


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".", "a\0b", "x" * 65])
def test_a_trial_is_no_path(name: str, ledger: Ledger) -> None:
    (ledger.folder / "plan.json").write_text(json.dumps([{**TRIAL, "id": name}]))
    assert ledger.planned() == []


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"model: [",
        b"- a\n",
        b"7",
        b"\xff\xfe",
        b"a: &a [*a]\n",
        b"1: 2\n",
        b"model: !!python/object/apply:os.system ['touch ran']\n",
        b"a: &a [1,1,1,1,1,1,1,1,1,1]\n"
        + b"".join(b"%c: &%c [%s]\n" % (98 + n, 98 + n, b",".join([b"*%c" % (97 + n)] * 10)) for n in range(8)),
    ],
    ids=["empty", "cut off", "list", "number", "bytes", "recursive", "numbers", "code", "bomb"],
)
@pytest.mark.parametrize("kind", ["sweep", "comparison"])
def test_damaged_settings_are_refused_by_name(kind: str, content: bytes) -> None:
    ledger = Ledger("folder", kind)
    ledger.open({"fixed": {}}, {})
    ledger.settings_file.write_bytes(content)
    for call in (ledger.settings, lambda: ledger.open({"fixed": {}}, {})):
        with pytest.raises(InputError, match=rf"{kind}\.yaml is damaged: ") as told:
            call()
        assert "\n" not in str(told.value)
    assert ledger.settings_file.read_bytes() == content
    assert not Path("ran").exists()


def as_parquet(table: Any) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    return sink.getvalue().to_pybytes()


class Payload:
    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (Path("ran"),)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"PAR1",
        pickle.dumps(Payload()),
        as_parquet(pa.table({"a": [1]})),
        as_parquet(pa.table({"user": [1, 2], "user_group": [0, 1]})),
        as_parquet(pa.table({"user": ["a"], "user_group": ["b"]})),
        as_parquet(pa.table({"user": ["a"], "user_group": [0], "ndcg@10": [[0.1]]})),
        as_parquet(pa.table({"user": ["a"], "user_group": [0], "x": [pickle.dumps(Payload())]})),
        None,
    ],
)
def test_a_damaged_table_of_users_is_evaluated_again(content: bytes | None, ledger: Ledger) -> None:
    (path,) = (ledger.folder / "users").iterdir()
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2] if content is None else content)
    assert ledger.users(NAME) is None
    assert ledger.damaged == {path}
    report_on(ledger)
    ledger.write_users(NAME, USERS)
    pd.testing.assert_frame_equal(ledger.users(NAME), USERS)
    assert not Path("ran").exists()


@pytest.mark.parametrize("name", ["trials", "users", "ray", "methods"])
def test_a_folder_that_leads_elsewhere_is_refused(name: str) -> None:
    Path("sweep").mkdir()
    Path("elsewhere").mkdir()
    Path("sweep", name).symlink_to(Path("elsewhere").resolve())
    with pytest.raises(InputError, match=f"{name} is a link"):
        Ledger("sweep").open({}, {})


@pytest.mark.parametrize("name", [".lock", ".running.lock"])
def test_a_lock_that_leads_elsewhere_empties_nothing(name: str, ledger: Ledger) -> None:
    Path("precious").write_text("kept")
    (ledger.folder / name).unlink(missing_ok=True)
    (ledger.folder / name).symlink_to(Path("precious").resolve())
    with pytest.raises(InputError, match="cannot be written"), ledger.running():
        ledger.plan([TRIAL])
    assert Path("precious").read_text() == "kept"


def test_a_model_is_one_of_the_folder(ledger: Ledger) -> None:
    inside = ledger.folder / DONE["checkpoint"]
    inside.mkdir(parents=True)
    (inside / "model.pth").touch()
    outside = Path("ray/experiment-1/trial-1/checkpoint_000001").resolve()
    outside.mkdir(parents=True)
    (outside / "model.pth").touch()
    for checkpoint, found in {
        DONE["checkpoint"]: True,
        str(inside): True,
        "/as/it/was/called/then/" + DONE["checkpoint"]: True,
        str(outside): False,
        "../ray/experiment-1/trial-1/checkpoint_000001": False,
        "/": False,
        "": False,
        "a\0b": False,
    }.items():
        assert (ledger.model({"checkpoint": checkpoint}) is not None) == found, checkpoint
    (ledger.folder / "ray" / "link").symlink_to(outside.parent)
    assert ledger.model({"checkpoint": "ray/link/checkpoint_000001"}) is None
