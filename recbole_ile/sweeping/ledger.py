"""What a sweep or a comparison knows on disk: its settings, and the outcome of each trial the moment it ends."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from recbole_ile.errors import InputError
from recbole_ile.files import write_text, write_whole

FINISHED = ("done", "stopped")


class Ledger:
    """The folder of a sweep or a comparison.

    Attributes:
        folder: its absolute path.
        kind: ``sweep`` or ``comparison``.
    """

    def __init__(self, folder: str | Path, kind: str = "sweep") -> None:
        self.folder, self.kind = Path(folder).resolve(), kind
        self._settings = self.folder / f"{kind}.yaml"
        self._trials = self.folder / "trials"

    @property
    def ray_folder(self) -> Path:
        """The folder of Ray Tune's own files, checkpoints of the trials among them."""
        return self.folder / "ray"

    def open(self, settings: dict[str, Any], options: dict[str, Any]) -> None:
        """Make the folder, or check that what lies there was made with these settings.

        Args:
            settings: what makes it another one if it changes.
            options: how it goes on when it is resumed.

        Raises:
            InputError: if another one lies there, or the folder cannot be made.
        """
        path = self._settings
        try:
            self._trials.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"folder {self.folder} cannot be made: {error.strerror or error}") from error
        text = yaml.safe_dump({**settings, "options": options}, sort_keys=False)
        if path.is_file():
            before = self.settings()
            for key, value in settings.items():
                if yaml.safe_load(yaml.safe_dump(value)) != before.get(key):
                    raise InputError(
                        f"{self.kind} {self.folder} was made with {key}={before.get(key)!r}, not {value!r}; "
                        f"another --name makes another {self.kind}"
                    )
        write_text(path, text)

    def settings(self) -> dict[str, Any]:
        """Return what it was started with.

        Raises:
            InputError: if the folder is none of this kind.
        """
        path = self._settings
        if not path.is_file():
            raise InputError(f"folder {self.folder} holds no {self.kind}: there is no {path.name} in it")
        try:
            content = yaml.safe_load(path.read_text(encoding="utf-8"))
        except yaml.YAMLError as error:
            raise InputError(f"{path} is damaged: {' '.join(str(error).split())}") from error
        if not isinstance(content, dict):
            raise InputError(f"{path} is damaged: it holds no settings")
        return content

    def plan(self, trials: list[dict[str, Any]]) -> None:
        """Write down the trials that were asked for, beside those asked for before."""
        known = {trial["id"]: trial for trial in self.planned()}
        for trial in trials:
            earlier = known.setdefault(trial["id"], {**trial, "ranking": []})
            earlier["ranking"] += [each for each in trial["ranking"] if each not in earlier["ranking"]]
        write_text(self.folder / "plan.json", json.dumps(list(known.values()), indent=1) + "\n")

    def planned(self) -> list[dict[str, Any]]:
        """Return all trials that were ever asked for: ``id``, ``training`` and ``ranking``."""
        path = self.folder / "plan.json"
        return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []

    def write(self, trial: dict[str, Any], outcome: dict[str, Any]) -> None:
        """Keep the outcome of a trial, whole or not at all."""
        content = {**trial, **outcome}
        write_text(self._trials / f"{trial['id']}.json", json.dumps(content, indent=1) + "\n")

    def write_tests(self, tests: dict[str, Any]) -> None:
        """Keep what was found on the test part, by the name of the trained and evaluated point."""
        write_text(self.folder / "tests.json", json.dumps(tests, indent=1) + "\n")

    def tests(self) -> dict[str, Any]:
        """Return what ``write_tests`` kept."""
        return self._read(self.folder / "tests.json")

    @staticmethod
    def point_name(trial: str, ranking: dict[str, Any]) -> str:
        """Return the name of a trained model under a setting of ranking."""
        return json.dumps([trial, ranking], sort_keys=True)

    def write_users(self, point: str, users: pd.DataFrame) -> None:
        """Keep what was found of each user on the test part."""
        path = self._users_file(point)
        path.parent.mkdir(exist_ok=True)
        write_whole(path, lambda temporary: users.to_parquet(temporary, index=False))

    def users(self, point: str) -> pd.DataFrame | None:
        """Return what ``write_users`` kept."""
        path = self._users_file(point)
        return pd.read_parquet(path) if path.is_file() else None

    def _users_file(self, point: str) -> Path:
        return self.folder / "users" / f"{hashlib.sha256(point.encode()).hexdigest()[:16]}.parquet"

    def outcomes(self) -> dict[str, dict[str, Any]]:
        """Return the outcomes of all trials that ended, by id."""
        found = {}
        for path in sorted(self._trials.glob("*.json")):
            entry = json.loads(path.read_text(encoding="utf-8"))
            found[entry["id"]] = entry
        return found

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

    @staticmethod
    def _read(path: Path) -> dict[str, Any]:
        return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
