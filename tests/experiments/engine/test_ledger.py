"""What is known of a sweep is on disk, whole, the moment it is known."""

from __future__ import annotations

import multiprocessing
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from recbole_ile.errors import InputError
from recbole_ile.experiments.engine.ledger import Ledger

SETTINGS = {"model": "BPR_ILE", "dataset": "tiny", "fixed": {"epochs": 2}}
DONE = {"status": "done", "metrics": {}, "points": [{"ranking": {"cp_weight": 0.0}}]}


def trial(name: str, *weights: float) -> dict:
    return {"id": name, "training": {"ile_lambda": 0.1}, "ranking": [{"cp_weight": weight} for weight in weights]}


def test_trials_are_added_to_those_asked_for_before() -> None:
    ledger = Ledger("sweep")
    ledger.open(SETTINGS, {})
    ledger.plan([trial("a", 0.0)])
    ledger.write(trial("a", 0.0), DONE)
    assert ledger.finished().keys() == {"a"}
    ledger.plan([trial("a", 0.0, 0.5), trial("b", 0.0)])
    assert [len(each["ranking"]) for each in ledger.planned()] == [2, 1]
    assert ledger.finished().keys() == set(), "a setting of ranking is missing"
    ledger.write(trial("b", 0.0), {"status": "failed", "reason": "so", "metrics": {}, "points": []})
    assert ledger.outcomes().keys() == {"a", "b"}
    assert ledger.finished().keys() == set()


def test_another_sweep_is_not_written_over() -> None:
    Ledger("sweep").open(SETTINGS, {})
    Ledger("sweep").open(SETTINGS, {"max_loss": 0.1})
    assert Ledger("sweep").settings()["options"] == {"max_loss": 0.1}
    with pytest.raises(InputError, match=r"was made with fixed=.*another --name"):
        Ledger("sweep").open({**SETTINGS, "fixed": {"epochs": 3}}, {})


def test_a_folder_without_a_sweep_is_one_line() -> None:
    with pytest.raises(InputError, match=r"holds no sweep: there is no sweep\.yaml"):
        Ledger("nowhere").settings()
    Path("sweep.yaml").write_text("a: [")
    with pytest.raises(InputError, match="is damaged"):
        Ledger(".").settings()


def at_once(*functions: Callable[[], None]) -> None:
    """Run functions in processes of their own, and wait until all have ended well."""
    processes = [multiprocessing.get_context("fork").Process(target=function) for function in functions]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * len(processes)


def test_what_two_processes_write_at_once_is_all_there() -> None:
    ledger = Ledger("sweep")
    ledger.open(SETTINGS, {})
    ledger.plan([trial("common", 0.0)])
    ledger.write(trial("common", 0.0), DONE)

    def write(who: str, number: int) -> Callable[[], None]:
        def rounds() -> None:
            own = Ledger("sweep")
            for each in range(20):
                own.plan([trial(f"{who}{each}", 0.0), trial("common", number + each / 100)])
                own.write_tests({f"{who}{each}": {"metrics": {}}})
                point = {"ranking": {"cp_weight": number + each / 100}}
                own.add_points("common", [point])
                own.open(SETTINGS, {"who": who})

        return rounds

    at_once(write("a", 1), write("b", 2), write("c", 3))
    names = {f"{who}{each}" for who in "abc" for each in range(20)}
    planned = {each["id"]: each for each in ledger.planned()}
    assert planned.keys() == {"common", *names}
    assert len(planned["common"]["ranking"]) == 61
    assert ledger.tests().keys() == names
    assert len(ledger.outcomes()["common"]["points"]) == 61
    assert ledger.settings()["fixed"] == SETTINGS["fixed"]
    assert ledger.damaged == set()


def test_points_that_are_added_leave_the_seconds_those_of_the_first() -> None:
    ledger = Ledger("sweep")
    ledger.open(SETTINGS, {})
    ledger.plan([trial("a", 0.0)])
    ledger.write(trial("a", 0.0), {**DONE, "seconds": {"evaluation": 20.0}})
    first = len(DONE["points"])
    for number in (1, 2):
        ledger.add_points("a", [{"ranking": {"cp_weight": number / 10}}])
        kept = Ledger("sweep").outcomes()["a"]
        assert (len(kept["points"]), kept["timed"], kept["seconds"]) == (first + number, first, {"evaluation": 20.0})


def test_two_commands_run_trials_of_a_folder_one_after_the_other() -> None:
    def run(who: str) -> Callable[[], None]:
        def work() -> None:
            ledger = Ledger("sweep")
            with ledger.running(lambda: Path(f"waited-{who}").touch()):
                if "a" not in ledger.finished():
                    time.sleep(0.5)
                    Path(f"ran-{who}").touch()
                    ledger.write(trial("a", 0.0), DONE)

        return work

    Ledger("sweep").open(SETTINGS, {})
    at_once(run("first"), run("second"))
    assert len(list(Path().glob("ran-*"))) == len(list(Path().glob("waited-*"))) == 1


def test_a_folder_may_be_moved_and_copied() -> None:
    ledger = Ledger("sweep")
    ledger.open(SETTINGS, {})
    checkpoint = ledger.ray_folder / "experiment-1" / "trial-1" / "checkpoint_000000"
    checkpoint.mkdir(parents=True)
    (checkpoint / "model.pth").write_text("own")
    ledger.write(trial("a", 0.0), {**DONE, "checkpoint": str(checkpoint)})
    assert str(Path.cwd()) not in (ledger.folder / "trials" / "a.json").read_text()
    (ledger.folder / "trials" / "b.json").write_text(
        (ledger.folder / "trials" / "a.json")
        .read_text()
        .replace('"ray/', f'"{ledger.ray_folder}/')
        .replace('"a"', '"b"')
    )
    shutil.copytree("sweep", "copy")
    (checkpoint / "model.pth").write_text("of the original")
    Path("sweep").rename("moved")
    for folder, text in {"copy": "own", "moved": "of the original"}.items():
        found = Ledger(folder)
        for outcome in found.outcomes().values():
            assert outcome["checkpoint"] == "ray/experiment-1/trial-1/checkpoint_000000"
            assert found.model(outcome) == found.folder / outcome["checkpoint"] / "model.pth"
            assert found.model(outcome).read_text() == text
