"""What kill -9 costs: runs and sweeps that are killed at random moments and resumed, beside ones that are not.

python benchmarks/kills.py [--runs=40] [--sweeps=10] [--seed=0] [--dataset=ml-100k] [--model=BPR_ILE] [--epochs=20]

A run or sweep is killed and resumed until it ends, then another one is started, as often as there are kills. After
each kill every file must be readable and what was kept before must still be kept; a run must go on after the epoch of
its checkpoint; in the end, all results and parameters must be those of the one that was not killed. Exits with 1
otherwise.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
import itertools
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import yaml
from rich.console import Console
from rich.table import Table

from recbole_ile.experiments.engine.ledger import Ledger
from recbole_ile.files import PARTIAL
from recbole_ile.plugin.checkpoints.behaviour_states import states_of
from recbole_ile.plugin.checkpoints.files import read_checkpoint

OF_ITS_OWN = ("checkpoint", "output_dir", "seconds", "node")
"""What differs between two runs of the same."""
MANY = 10
"""Problems after which no further job is started."""
READERS: dict[str, Callable[[Path], Any]] = {
    ".json": lambda path: json.loads(path.read_text()),
    ".yaml": lambda path: yaml.safe_load(path.read_text()),
    ".csv": lambda path: next(csv.reader(io.StringIO(path.read_text()))),
    ".pth": lambda path: read_checkpoint(path)["state_dict"],
}


@dataclass
class Tally:
    """What was seen of the runs, or of the sweeps."""

    kills: int = 0
    nothing_kept: int = 0
    abandoned: int = 0
    same: int = 0
    problems: list[str] = field(default_factory=list)


class KilledRun:
    """A run in a folder of its own: what starts it, and what is left of it."""

    name, unit = "run", "epochs"

    def __init__(self, folder: Path, options: list[str]) -> None:
        self.folder, self._options = folder, options
        folder.mkdir()

    def command(self) -> list[str]:
        """Return the words that start it, or that resume it if there is something to resume."""
        checkpoint = self._checkpoint()
        return ["run", *([f"--resume={checkpoint.relative_to(self.folder)}"] if checkpoint else self._options)]

    def has_ended(self) -> bool:
        """Return whether nothing is left to be resumed."""
        return any(self.folder.glob("saved/*/result.json"))

    def files(self) -> list[Path]:
        """Return the files of which none may be damaged."""
        return [path for path in self.folder.rglob("saved/**/*") if path.suffix in READERS]

    def kept(self) -> dict[Any, Any]:
        """Return the group losses of the epochs that the checkpoint has behind it."""
        checkpoint = self._checkpoint()
        if checkpoint is None:
            return {}
        content = read_checkpoint(checkpoint)
        return {each["epoch"]: each for each in states_of(content)["group_losses"]["epochs"][: content["epoch"] + 1]}

    def redone(self, kept: dict[Any, Any], started: float) -> list[Any]:
        """Return the epochs of ``kept`` that were trained since ``started``."""
        logs = [path for path in self.folder.rglob("log/**/*.log") if path.stat().st_mtime >= started]
        trained = {int(epoch) for log in logs for epoch in re.findall(r"epoch (\d+) training", log.read_text())}
        return sorted(trained & kept.keys())

    def outcome(self) -> dict[str, Any]:
        """Return all that the same run has to end with."""
        (path,) = self.folder.glob("saved/*/result.json")
        losses = (path.parent / "group_losses.csv").read_text()
        return {"result": without_own(json.loads(path.read_text())), "losses": losses, **parameters(self._checkpoint())}

    def _checkpoint(self) -> Path | None:
        found = list(self.folder.glob("saved/*.pth"))
        return max(found, key=lambda path: path.stat().st_mtime) if found else None


class KilledSweep:
    """A sweep in a folder of its own, as ``KilledRun``; Ray's own files may be damaged, nothing depends on them."""

    name, unit = "sweep", "trials"

    def __init__(self, folder: Path, options: list[str]) -> None:
        self.folder, self._options = folder, options
        self.ledger = Ledger(folder / "saved" / "sweeps" / "killed")
        folder.mkdir()

    def command(self) -> list[str]:
        """Return the words that start it, or that resume it if there is something to resume."""
        begun = (self.ledger.folder / "sweep.yaml").is_file()
        return ["sweep", *([f"--resume={self.ledger.folder}"] if begun else [*self._options, "--name=killed"])]

    def has_ended(self) -> bool:
        """Return ``False``: a sweep can always be resumed, and then only reports."""
        return False

    def files(self) -> list[Path]:
        """Return the files of which none may be damaged: those of the sweep, and the models of finished trials."""
        own = [path for path in self.ledger.folder.rglob("*") if self.ledger.ray_folder not in path.parents]
        models = [model for each in self.ledger.outcomes().values() if (model := self.ledger.model(each))]
        return [*(path for path in own if path.suffix in READERS), *models]

    def kept(self) -> dict[Any, Any]:
        """Return the outcomes of the finished trials; a trial that was trained again would have another time."""
        return self.ledger.outcomes()

    def redone(self, kept: dict[Any, Any], started: float) -> list[Any]:
        """Return the trials of ``kept`` whose outcome was written since ``started``."""
        written = {path.stem for path in self.ledger.folder.glob("trials/*.json") if path.stat().st_mtime >= started}
        return sorted(written & kept.keys())

    def outcome(self) -> dict[str, Any]:
        """Return all that the same sweep has to end with."""
        outcomes = self.ledger.outcomes()
        models = {name: parameters(self.ledger.model(each)) for name, each in outcomes.items()}
        texts = {name: (self.ledger.folder / name).read_text() for name in ("front.csv", "best.yaml")}
        tests = self.ledger.tests()
        return {"trials": {name: without_own(each) for name, each in outcomes.items()}, **models, **texts, **tests}


def without_own(content: dict[str, Any]) -> dict[str, Any]:
    """Return a result without what differs between two runs of the same."""
    return {key: value for key, value in content.items() if key not in OF_ITS_OWN}


def parameters(checkpoint: Path | None) -> dict[str, str]:
    """Return a digest of each parameter of a checkpoint."""
    state = read_checkpoint(checkpoint)["state_dict"] if checkpoint else {}
    return {name: hashlib.sha256(value.cpu().numpy().tobytes()).hexdigest() for name, value in state.items()}


def start(job: Any) -> subprocess.Popen[str]:
    """Start or resume a run or a sweep."""
    words = [sys.executable, "-m", "recbole_ile", *job.command()]
    with (job.folder / "errors.txt").open("w") as errors:
        return subprocess.Popen(words, cwd=job.folder, stdout=subprocess.DEVNULL, stderr=errors, text=True)


def kill(process: subprocess.Popen[str]) -> None:
    """Kill a process, and wait until those of Ray that it started have ended, as they do on their own."""
    children = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.wait()
    for child in psutil.wait_procs(children, timeout=60)[1]:
        child.kill()


def check(job: Any, before: dict[Any, Any], started: float, tally: Tally) -> dict[Any, Any]:
    """Look for damage and loss, and return what the job keeps now."""
    where = f"{job.name} in {job.folder.name}"
    for path in job.files():
        try:
            READERS[path.suffix](path)
        except Exception as error:
            tally.problems.append(f"{where}: {path.name} cannot be read: {error}")
    tally.abandoned += sum(1 for path in job.folder.rglob(f"saved/**/.*{PARTIAL}") if path.is_file())
    kept = job.kept()
    lost = [name for name, value in before.items() if kept.get(name) != value]
    redone = job.redone(before, started)
    if lost:
        tally.problems.append(f"{where}: {job.unit} lost: {lost}")
    if redone:
        tally.problems.append(f"{where}: {job.unit} done again: {redone}")
    return kept


def kill_often(job: Any, seconds: float, kills: int, chance: random.Random, tally: Tally) -> bool:
    """Kill and resume a job until it ends; return whether it did. Without kills left, it ends by itself."""
    kept: dict[Any, Any] = {}
    while not job.has_ended():
        started = time.time()
        process = start(job)
        try:
            process.wait(chance.uniform(0, seconds) if tally.kills < kills else None)
        except subprocess.TimeoutExpired:
            kill(process)
            tally.kills += 1
            kept = check(job, kept, started, tally)
            tally.nothing_kept += not kept
            continue
        if process.returncode:
            last = (job.folder / "errors.txt").read_text().strip().splitlines()[-1:]
            tally.problems.append(f"{job.name} in {job.folder.name} ended with {process.returncode}: {last}")
            return False
        check(job, kept, started, tally)
        break
    return True


def measure(
    kind: type[Any], options: list[str], kills: int, chance: random.Random, folder: Path
) -> tuple[Tally, float]:
    """Return what was seen of jobs of a kind, and the seconds that one takes which is not killed."""
    tally, whole = Tally(), kind(folder / f"{kind.name}-whole", options)
    began = time.perf_counter()
    ended = kill_often(whole, 0, 0, chance, tally)
    seconds = time.perf_counter() - began
    if not ended:
        return tally, seconds
    expected = whole.outcome()
    for number in itertools.count():
        if tally.kills >= kills or len(tally.problems) >= MANY:
            break
        job, before = kind(folder / f"{kind.name}-{number}", options), tally.kills
        began = time.perf_counter()
        if not kill_often(job, seconds, kills, chance, tally):
            continue
        if tally.kills == before:  # the machine was slower before, and its moments came too late
            seconds = min(seconds, time.perf_counter() - began)
        found = job.outcome()
        other = sorted(name for name in expected.keys() | found.keys() if found.get(name) != expected.get(name))
        tally.problems += [f"{job.name} in {job.folder.name}: another {name} than without kills" for name in other]
        tally.same += not other
    return tally, seconds


def main() -> int:
    """Print what was seen, and return 1 if anything was damaged, lost or different."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--runs", type=int, default=40, help="kills of runs")
    options.add_argument("--sweeps", type=int, default=10, help="kills of sweeps")
    options.add_argument("--seed", type=int, default=0, help="of the moments of the kills")
    options.add_argument("--dataset", default="ml-100k")
    options.add_argument("--model", default="BPR_ILE")
    options.add_argument("--epochs", type=int, default=20)
    options.add_argument("--users", default="[150,inf)", help="with how many interactions; few, so that runs are short")
    arguments = options.parse_args()
    arguments.users = f"--user_inter_num_interval={arguments.users}"
    common = [f"--model={arguments.model}", f"--dataset={arguments.dataset}", arguments.users]
    grid = ["--grid=ile_lambda=0.1,0.2,0.3", f"--epochs={max(arguments.epochs // 4, 1)}"]
    trained = [*common, f"--epochs={arguments.epochs}", "--show_progress=False"]
    asked: list[tuple[Any, list[str], int]] = [
        (KilledRun, trained, arguments.runs),
        (KilledSweep, [*common, *grid], arguments.sweeps),
    ]
    chance, problems = random.Random(arguments.seed), []
    table = Table(title=f"kill -9 of {arguments.model} on {arguments.dataset}, seed {arguments.seed}")
    columns = ("kills", "before anything was kept", "ended the same", "s without kills", "abandoned files", "problems")
    for column in ("", *columns):
        table.add_column(column, justify="right")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["RECBOLE_ILE_CACHE"] = str(Path(folder) / "cache")
        for kind, words, kills in asked:
            if kills:
                tally, seconds = measure(kind, words, kills, chance, Path(folder))
                problems += tally.problems
                figures = (tally.kills, tally.nothing_kept, tally.same)
                further = (f"{seconds:.1f}", str(tally.abandoned), str(len(tally.problems)))
                table.add_row(f"{kind.name}s", *map(str, figures), *further)
    Console().print(table)
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
