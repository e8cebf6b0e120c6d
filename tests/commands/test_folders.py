"""Folders of sweeps and comparisons: they may be moved and copied, damaged, and come from a stranger."""

from __future__ import annotations

import json
import logging
import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from atomic import tiny_lines, write_atomic
from speed import start_ray

from recbole_ile.cli import main
from recbole_ile.experiments.engine import workers
from recbole_ile.experiments.engine.ledger import Ledger

QUICK = ["--dataset=tiny", "--data_path=data", "--topk=2", "--valid_metric=NDCG@2", "--epochs=2"]
SWEEP = ["sweep", "--model=BPR_ILE", *QUICK, "--objectives=ndcg@2,upd@2", "--grid", "ile_lambda=0.5", "--name=own"]
COMPARISON = ["compare", *QUICK, "--methods=BPR_ILE:std:ile_lambda=0.5", "--seeds=1", "--name=own"]


class Payload:
    def __init__(self, mark: Path) -> None:
        self.mark = str(mark)

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.mark}",)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which a sweep and a comparison were made, and their data set lies."""
    start_ray(tmp_path_factory.mktemp("ray"))
    folder, before = tmp_path_factory.mktemp("made"), Path.cwd()
    os.chdir(folder)
    try:
        write_atomic(folder / "data", "tiny", tiny_lines())
        assert main(SWEEP) == 0
        assert main(COMPARISON) == 0
    finally:
        os.chdir(before)
    return folder


def copy_of(folder: Path, kind: str) -> Ledger:
    """A copy that has to test its models again, beside which nothing else is left of the original."""
    shutil.copytree(folder, kind)
    Path(kind, "tests.json").unlink()
    return Ledger(kind, kind)


def resume(ledger: Ledger, *words: str) -> int:
    return main([{"sweep": "sweep", "comparison": "compare"}[ledger.kind], f"--resume={ledger.folder}", *words])


def lines_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if "is damaged" in record.getMessage()]


def models(ledger: Ledger) -> list[Path]:
    found = [ledger.model(outcome) for outcome in ledger.outcomes().values()]
    assert all(found)
    return [path for path in found if path]


@pytest.mark.slow
@pytest.mark.usefixtures("one_ray")
@pytest.mark.parametrize("kind", ["sweep", "comparison"])
def test_a_copied_and_moved_folder_uses_its_own_models(kind: str, made: Path) -> None:
    original = Path(shutil.copytree(made / "saved" / f"{kind}s" / "own", "original")).resolve()
    tests, outcomes = Ledger(original, kind).tests(), Ledger(original, kind).outcomes()
    for name, outcome in outcomes.items():  # as version 0.1 wrote it
        absolute = {**outcome, "checkpoint": str(original / outcome["checkpoint"])}
        (original / "trials" / f"{name}.json").write_text(json.dumps(absolute))
    copy = copy_of(original, kind)
    for path in models(Ledger(original, kind)):
        path.write_text("altered")
    Path("deep/er").mkdir(parents=True)
    moved = Ledger(copy.folder.rename("deep/er/moved"), kind)
    assert resume(moved) == 0
    assert moved.tests() == tests
    assert moved.outcomes() == outcomes, "nothing is trained again"
    written = [path for path in moved.folder.glob("*") if path.suffix in (".csv", ".md", ".html", ".yaml", ".json")]
    assert written
    assert not [path for path in written if str(moved.folder) in path.read_text()], "no file names its place"


@pytest.mark.slow
@pytest.mark.usefixtures("one_ray")
@pytest.mark.parametrize("kind", ["sweep", "comparison"])
def test_a_model_that_is_lost_is_trained_again(kind: str, made: Path, caplog: pytest.LogCaptureFixture) -> None:
    ledger = copy_of(made / "saved" / f"{kind}s" / "own", kind)
    tests = Ledger(made / "saved" / f"{kind}s" / "own", kind).tests()
    missing, damaged = models(ledger)
    if kind == "sweep":
        damaged.write_bytes(damaged.read_bytes()[:1000])
    else:
        Path("data").symlink_to(made / "data")
        assert main(["run", "--model=BPR", *QUICK, "--embedding_size=8"]) == 0
        (other,) = Path("saved").glob("*.pth")
        other.rename(damaged)
    missing.unlink()
    with caplog.at_level(logging.WARNING):
        assert resume(ledger) == 0
    lines = lines_of(caplog)
    assert [line.partition(" is damaged")[0] for line in sorted(lines)] == sorted(map(str, (missing, damaged)))
    assert all("the training of " in line and line.endswith("is done again") for line in lines)
    assert ledger.tests() == tests
    assert not set(models(ledger)) & {missing, damaged}


@pytest.mark.slow
@pytest.mark.usefixtures("one_ray")
def test_what_is_damaged_is_computed_again_and_the_rest_is_kept(made: Path, caplog: pytest.LogCaptureFixture) -> None:
    original = made / "saved" / "comparisons" / "own"
    comparison = copy_of(original, "comparison")
    tests, outcomes = Ledger(original, "comparison").tests(), comparison.outcomes()
    kept, lost = outcomes
    (comparison.folder / "trials" / f"{lost}.json").write_text('{"id": ')
    (comparison.folder / "plan.json").write_bytes(b"\xff")
    (comparison.folder / "tests.json").write_text("[]")
    for path in (comparison.folder / "users").iterdir():
        path.write_bytes(b"PAR1")
    with caplog.at_level(logging.WARNING):
        assert resume(comparison) == 0
    assert {line.partition(" is damaged")[0].rpartition("/")[2] for line in lines_of(caplog)} >= {
        f"{lost}.json",
        "plan.json",
        "tests.json",
    }
    assert comparison.outcomes()[kept] == outcomes[kept]
    assert comparison.tests() == tests
    again = Ledger(comparison.folder, "comparison")
    assert len(again.planned()) == len(again.finished()) == 2
    assert all(again.users(name) is not None for name in tests)
    assert again.damaged == set()


DAMAGE: dict[str, Callable[[dict[str, Any]], Any]] = {
    "list": lambda _: [1],
    "no options": lambda content: {key: value for key, value in content.items() if key != "options"},
    "no fixed": lambda content: {key: value for key, value in content.items() if key != "fixed"},
    "fixed": lambda content: {**content, "fixed": 7},
    "fixed keys": lambda content: {**content, "fixed": {1: 2}},
    "dataset": lambda content: {**content, "dataset": ["tiny"]},
    "dataset path": lambda content: {**content, "dataset": "../tiny"},
    "options": lambda content: {**content, "options": "x"},
    **{
        f"option {key} {value!r}": lambda content, key=key, value=value: {
            **content,
            "options": {name: value if name == key else old for name, old in content["options"].items()},
        }
        for key, value in {
            "space": 7,
            "grid": [7],
            "choice": "x",
            "search": "x",
            "scheduler": None,
            "num_samples": "x",
            "objectives": "x,y",
            "max_loss": 7.0,
            "require": "x",
            "base": 7,
            "methods": "X",
            "seeds": 0,
        }.items()
    },
    "no option": lambda content: {**content, "options": {}},
    "what no file may set": lambda content: {
        **content,
        "options": {**content["options"], "grid": ["dataset_save_path='x'"], "methods": "BPR:dataset_save_path=x"},
    },
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["sweep", "comparison"])
def test_damaged_settings_are_one_line(
    kind: str, made: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "workers", lambda *_: pytest.fail("processes were started"))
    ledger = copy_of(made / "saved" / f"{kind}s" / "own", kind)
    content = yaml.safe_load(ledger.settings_file.read_text())
    for name, change in DAMAGE.items():
        changed = change(content)
        if changed == content:
            continue  # of an option that only the other kind has
        ledger.settings_file.write_text(yaml.safe_dump(changed))
        capsys.readouterr()
        assert resume(ledger) == 2, name
        printed = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error")]
        assert len(printed) == 1, name
        assert str(ledger.settings_file) in printed[0], name


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["sweep", "comparison"])
def test_a_strangers_folder_runs_nothing_and_writes_nowhere_else(kind: str, made: Path, tmp_path: Path) -> None:
    ledger, mark = copy_of(made / "saved" / f"{kind}s" / "own", kind), tmp_path / "ran"
    evil = pickle.dumps(Payload(mark))
    Path("evil.pth").write_bytes(evil)
    settings = yaml.safe_load(ledger.settings_file.read_text())
    settings["fixed"] |= {
        "checkpoint_dir": str(tmp_path / "elsewhere"),
        "save_dataset": True,
        "save_dataloaders": True,
        "log_wandb": True,
    }
    if kind == "sweep":
        settings["options"] |= {"search": "optuna", "grid": [], "loguniform": ["ile_lambda=0.01,1"], "num_samples": 1}
    ledger.settings_file.write_text(yaml.safe_dump(settings))
    names = (
        "tuner.pkl",
        "trainer.pkl",
        "trainable.pkl",
        "searcher-state-1.pkl",
        "search_gen_state-1.json",
        "error.pkl",
    )
    for name in names:
        for folder in (
            ledger.ray_folder / "experiment-99",
            *(path for path in ledger.ray_folder.rglob("*") if path.is_dir()),
        ):
            folder.mkdir(exist_ok=True)
            (folder / name).write_bytes(evil)
    before = set(tmp_path.rglob("*")) - set(ledger.folder.rglob("*"))
    assert resume(ledger) == 0
    assert not mark.exists()
    after = set(tmp_path.rglob("*")) - set(ledger.folder.rglob("*")) - before
    assert not [path for path in after if not path.is_relative_to(tmp_path / "cache")]
    made_now = [path for path in ledger.ray_folder.glob("experiment-*/*.pkl") if path.read_bytes() != evil]
    assert made_now == [], "it leaves nothing that another one would run"
    for key in ("dataset_save_path", "dataloaders_save_path", "pre_model_path"):
        fixed = {**settings["fixed"], key: str(tmp_path / "evil.pth")}
        ledger.settings_file.write_text(yaml.safe_dump({**settings, "fixed": fixed}))
        assert resume(ledger) == 2
        assert not mark.exists()


@pytest.mark.slow
@pytest.mark.usefixtures("one_ray")
def test_optuna_goes_on_from_the_ledger_and_the_space_that_lie_in_the_folder(
    tiny: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("mine.yaml").write_text("ile_lambda: {loguniform: [0.01, 1]}\n")
    words = [word for word in SWEEP if word not in ("--grid", "ile_lambda=0.5", "--data_path=data")]
    assert main([*words, f"--data_path={tiny}", "--search=optuna", "--space=mine.yaml", "--num_samples=3"]) == 0
    Path("mine.yaml").unlink()
    ledger = Ledger(Path("saved/sweeps/own").rename("moved"))
    outcomes, planned = ledger.outcomes(), {trial["id"] for trial in ledger.planned()}
    lost, *others = [name for name in outcomes if name not in planned]
    assert len(others) == 2
    (ledger.folder / "trials" / f"{lost}.json").write_text("")
    assert resume(ledger) == 0
    assert "1 trials, 3 are there already" in capsys.readouterr().out
    after = Ledger(ledger.folder).outcomes()
    assert len(after) == 4
    assert all(after[name] == outcome for name, outcome in outcomes.items() if name != lost)
    assert resume(ledger, "--space=mine.yaml") == 2


NAMES = ["", " ", ".", "..", "../x", "/tmp/x", "a/b", "a/", "a\\b", "a\nb", "a\0b", "\x1b[31m", "a\x7f"]


@pytest.mark.parametrize("name", NAMES, ids=ascii)
@pytest.mark.parametrize(
    "option", ["sweep --name", "compare --name", "run --dataset", "sweep --dataset", "compare --dataset"]
)
def test_a_name_is_one_folder(option: str, name: str, tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command, option = option.split()
    words = [word for word in QUICK if not word.startswith((option, "--data_path"))]
    model = [] if command == "compare" else ["--model=BPR_ILE"]
    before = set(Path().rglob("*"))
    assert main([command, *model, *words, f"--data_path={tiny}", f"{option}={name}"]) == 2
    printed = capsys.readouterr().err
    assert printed.count("\n") == 1
    assert option[2:] in printed
    assert printed.rstrip("\n").isprintable()
    assert set(Path().rglob("*")) == before
