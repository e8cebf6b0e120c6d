"""What a sweep or a comparison knows on disk: its settings, and the outcome of each trial the moment it ends."""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePath, PurePosixPath
from typing import Any

import pandas as pd
import yaml

from recbole_ile.errors import InputError
from recbole_ile.experiments.engine import records
from recbole_ile.experiments.engine.points import point_name
from recbole_ile.experiments.engine.records import FINISHED, Damaged
from recbole_ile.files import locked, write_text, write_whole
from recbole_ile.plugin.data.loaders.training import COMPILED, TORCH

RAY = "ray"
MODELS = "models"
PARTS = ("trials", "users", MODELS, RAY, "methods")
"""The folders within the folder."""
LEAVES = 4
"""How many parts of a checkpoint's path version 0.1 has within the folder: ``ray``, experiment, trial, checkpoint."""
MODEL_FILE = "model.pth"


class Ledger:
    """The folder of a sweep or a comparison.

    All paths in it are relative to it, so that it may be moved and copied. Several processes may write to it at a
    time. Whatever is read from it is checked: it may be cut off, or be from a stranger.

    Args:
        folder: its path.
        kind: ``sweep`` or ``comparison``.
        metrics: what every evaluation in it must have; one without is damaged.

    Attributes:
        folder: its absolute path.
        damaged: the files that were found to be damaged, each of which was told in a line.
    """

    def __init__(self, folder: str | Path, kind: str = "sweep", metrics: Sequence[str] = ()) -> None:
        self.folder, self.kind, self.metrics = Path(folder).resolve(), kind, tuple(metrics)
        self.damaged: set[Path] = set()
        self.settings_file = self.folder / f"{kind}.yaml"
        self._trials = self.folder / "trials"

    @property
    def ray_folder(self) -> Path:
        """The folder of Ray Tune's own files, checkpoints of the trials among them."""
        return self.folder / RAY

    @property
    def models_folder(self) -> Path:
        """The folder of the models that were trained without Ray, each in a folder named as its trial."""
        return self.folder / MODELS

    @property
    def drawing(self) -> str:
        """How epochs are drawn in all of its trainings: as in the first, in version 0.1 by torch alone."""
        return COMPILED if self.settings().get("drawing") == COMPILED else TORCH

    def open(self, settings: dict[str, Any], options: dict[str, Any]) -> None:
        """Make the folder, or check that what lies there was made with these settings.

        Args:
            settings: what makes it another one if it changes.
            options: how it goes on when it is resumed.

        Raises:
            InputError: if another one lies there, or the folder cannot be made.
        """
        self.make()
        with self._alone():
            drawing = self.drawing if self.settings_file.is_file() else COMPILED
            text = yaml.safe_dump({**settings, "drawing": drawing, "options": options}, sort_keys=False)
            if self.settings_file.is_file():
                before = self.settings()
                for key, value in settings.items():
                    if yaml.safe_load(yaml.safe_dump(value)) != before.get(key):
                        raise InputError(
                            f"{self.kind} {self.folder} was made with {key}={before.get(key)!r}, not {value!r}; "
                            f"another --name makes another {self.kind}"
                        )
            write_text(self.settings_file, text)

    def make(self) -> None:
        """Make the folder if there is none.

        Raises:
            InputError: if it cannot be made, or leads to elsewhere.
        """
        try:
            self._trials.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"folder {self.folder} cannot be made: {error.strerror or error}") from error
        for name in PARTS:
            if (self.folder / name).is_symlink():
                raise InputError(f"folder {self.folder / name} is a link; what it leads to is no part of a {self.kind}")

    @contextlib.contextmanager
    def running(self, wait: Callable[[], object] = lambda: None) -> Iterator[None]:
        """Keep other commands from running trials of the same folder within this context.

        Args:
            wait: is called once if another command does, before it is waited for.
        """
        with locked(self.folder / ".running.lock", wait):
            yield

    def settings(self) -> dict[str, Any]:
        """Return what it was started with.

        Raises:
            InputError: if the folder is none of this kind, or the file is damaged.
        """
        path = self.settings_file
        if not path.is_file():
            raise InputError(f"folder {self.folder} holds no {self.kind}: there is no {path.name} in it")
        try:
            return records.read_yaml(path)
        except Damaged as error:
            raise InputError(f"{path} is damaged: {error}; another --name makes another {self.kind}") from error

    def plan(self, trials: list[dict[str, Any]]) -> None:
        """Write down the trials that were asked for, in addition to those asked for before."""
        with self._alone():
            known = {trial["id"]: trial for trial in self.planned()}
            for trial in trials:
                earlier = known.setdefault(trial["id"], {**trial, "ranking": []})
                earlier["ranking"] += [each for each in trial["ranking"] if each not in earlier["ranking"]]
            write_text(self.folder / "plan.json", json.dumps(list(known.values()), indent=1) + "\n")

    def planned(self) -> list[dict[str, Any]]:
        """Return all trials that were ever asked for: ``id``, ``training`` and ``ranking``."""
        path = self.folder / "plan.json"
        found = {}
        for entry in self._read(path, list, "what was planned is planned again"):
            with self._telling(path, "the trial is left out"):
                records.check_trial(entry)
                found[entry["id"]] = {key: entry[key] for key in ("id", "training", "ranking")}
        return list(found.values())

    @property
    def plan_is_whole(self) -> bool:
        """Whether what was asked for is known: the plan is there, and no part of it is damaged."""
        return bool(self.planned()) and self.folder / "plan.json" not in self.damaged

    def write(self, trial: dict[str, Any], outcome: dict[str, Any]) -> None:
        """Keep the outcome of a trial, whole or not at all; a checkpoint within the folder by its relative path."""
        content = {**trial, **outcome}
        if content.get("checkpoint"):
            content["checkpoint"] = self._relative(content["checkpoint"])
        write_text(self._trials / f"{trial['id']}.json", json.dumps(content, indent=1) + "\n")

    def add_points(self, name: str, points: list[dict[str, Any]]) -> None:
        """Keep further evaluations of a trial that is done; ``timed`` says how many its ``seconds`` are of."""
        with self._alone():
            outcome = self.outcomes()[name]
            there = [point["ranking"] for point in outcome["points"]]
            more = [point for point in points if point["ranking"] not in there]
            timed = outcome.get("timed", len(there))
            self.write(outcome, {"points": [*outcome["points"], *more], "timed": timed})

    def write_tests(self, tests: dict[str, Any]) -> None:
        """Keep what was found on the test part, by the name of the trained and evaluated point, next to the rest."""
        with self._alone():
            content = {**self.tests(), **tests}
            write_text(self.folder / "tests.json", json.dumps(content, indent=1) + "\n")

    def tests(self) -> dict[str, Any]:
        """Return what ``write_tests`` kept."""
        path = self.folder / "tests.json"
        found = {}
        for name, point in self._read(path, dict, "what is needed of it is evaluated again").items():
            with self._telling(path, "what is needed of it is evaluated again"):
                records.check_point(point, self.metrics)
                found[name] = point
        return found

    @staticmethod
    def point_name(trial: str, ranking: dict[str, Any]) -> str:
        """Return the name of a trained model under a setting of ranking."""
        return point_name(trial, ranking)

    def write_users(self, point: str, users: pd.DataFrame) -> None:
        """Keep what was found of each user on the test part."""
        path = self._users_file(point)
        path.parent.mkdir(exist_ok=True)
        write_whole(path, lambda temporary: users.to_parquet(temporary, index=False))

    def users(self, point: str) -> pd.DataFrame | None:
        """Return what ``write_users`` kept."""
        path = self._users_file(point)
        if path.is_file():
            with self._telling(path, "it is evaluated again"):
                return records.read_users(path)
        return None

    def _users_file(self, point: str) -> Path:
        return self.folder / "users" / f"{hashlib.sha256(point.encode()).hexdigest()[:16]}.parquet"

    def outcomes(self) -> dict[str, dict[str, Any]]:
        """Return the outcomes of all trials that ended, by id."""
        found = {}
        for path in sorted(self._trials.glob("*.json")):
            with self._telling(path, "the trial is run again"):
                entry = records.read_json(path)
                records.check_outcome(entry, self.metrics)
                if entry["id"] != path.stem:
                    raise Damaged(f"it is of trial {entry['id']}")
                if entry.get("checkpoint"):
                    entry["checkpoint"] = self._relative(entry["checkpoint"])
                found[entry["id"]] = entry
        return found

    def model(self, outcome: dict[str, Any]) -> Path | None:
        """Return the file of a trial's model, ``None`` if there is none in this folder."""
        if not outcome.get("checkpoint"):
            return None
        path = self.folder / self._relative(outcome["checkpoint"]) / MODEL_FILE
        return path if path.is_file() and path.resolve().is_relative_to(self.folder) else None

    def finished(self) -> dict[str, dict[str, Any]]:
        """Return the outcomes of the trials that need not be run again: all their settings of ranking are there."""
        asked = {trial["id"]: trial["ranking"] for trial in self.planned()}
        return {
            name: entry
            for name, entry in self.outcomes().items()
            if entry["status"] in FINISHED
            and (
                entry["status"] == "stopped"
                or all(each in [point["ranking"] for point in entry["points"]] for each in asked.get(name, []))
            )
        }

    def tell(self, path: Path, reason: str, done: str) -> None:
        """Say once in a line that a file is damaged, why, and what is done about it."""
        if path not in self.damaged:
            self.damaged.add(path)
            logging.getLogger().warning(f"{path} is damaged: {reason}; {done}")

    @contextlib.contextmanager
    def _telling(self, path: Path, done: str) -> Iterator[None]:
        """Go on behind this context if what it reads is damaged, and say so."""
        try:
            yield
        except Damaged as error:
            self.tell(path, str(error), done)

    def _read(self, path: Path, kind: type, done: str) -> Any:
        """Return what a JSON file holds, nothing if it is not there or damaged."""
        if path.is_file():
            with self._telling(path, done):
                content = records.read_json(path)
                if not isinstance(content, kind):
                    raise Damaged(f"it holds no {'list' if kind is list else 'object'}")
                return content
        return kind()

    def _relative(self, checkpoint: str) -> str:
        """Return the path of a checkpoint below the folder, as which it is kept.

        Version 0.1 kept absolute paths, which name the folder as it was called then.
        """
        path = PurePath(checkpoint)
        if path.is_absolute():
            path = (
                path.relative_to(self.folder) if path.is_relative_to(self.folder) else PurePath(*path.parts[-LEAVES:])
            )
        return str(PurePosixPath(*path.parts))

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep other processes from writing what this one reads and then writes within this context."""
        with locked(self.folder / ".lock"):
            yield
