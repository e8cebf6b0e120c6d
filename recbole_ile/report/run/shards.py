"""A folder of parquet files with the lists of all users, that is filled file by file and continued where it stopped."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet

from recbole_ile.errors import InputError
from recbole_ile.files import locked, unwritable, write_text
from recbole_ile.report.run.lists import ListFiles
from recbole_ile.texts import printable

MANIFEST = "_manifest.json"
"""Begins with what readers of a folder of parquet files take for none of them."""
_NOTE = "recbole_ile"


@dataclass(frozen=True)
class Plan:
    """What the lists of a folder are made of, and how they are shared out among its files.

    Attributes:
        checkpoint: digest of the file of the model.
        data: digest of the users, items, interactions and split.
        options: all that lists depend on beside both.
        users: how many get a list.
        shard_users: how many of them are in a file; fewer in the last one.
        block: users that are ranked together, on which the last bits of scores depend.
        threads: of torch, likewise.
    """

    checkpoint: str
    data: str
    options: dict[str, Any]
    users: int
    shard_users: int
    block: int
    threads: int

    @property
    def shards(self) -> int:
        """The number of files."""
        return -(-self.users // self.shard_users)

    @property
    def digest(self) -> str:
        """A name of all of it."""
        return hashlib.sha256(json.dumps(dataclasses.asdict(self), sort_keys=True).encode()).hexdigest()

    def places(self, number: int) -> tuple[int, int]:
        """Return the place of the first user of a file, and the place behind its last one."""
        first = number * self.shard_users
        return first, min(first + self.shard_users, self.users)


class ShardFolder:
    """A folder with a manifest and one parquet file for each so many users.

    Args:
        path: of the folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def plan(self) -> Plan | None:
        """Return what lies in the folder, nothing if it is empty or not there.

        Raises:
            InputError: if what lies there is something else, or the manifest is damaged.
        """
        manifest = self.path / MANIFEST
        try:
            if manifest.is_file():
                return _plan(json.loads(manifest.read_bytes().decode("utf-8")))
            others = [each.name for each in self.path.glob("[!.]*")]
        except (OSError, ValueError, TypeError, RecursionError) as error:
            reason = " ".join(str(error).split())[:200]
            raise InputError(f"file {printable(manifest)} is damaged or no manifest of lists: {reason}") from error
        if others:
            raise InputError(
                f"option out={printable(self.path)}: the folder has files, {printable(min(others))} say, and no "
                f"{MANIFEST}; lists need a folder of their own"
            )
        return None

    def check(self, **wanted: Any) -> None:
        """Refuse parts of a plan that are not those of the lists that lie in the folder.

        Args:
            wanted: attributes of ``Plan``.

        Raises:
            InputError: names what differs.
        """
        kept = self.plan()
        for name, value in wanted.items() if kept else ():
            found = getattr(kept, name)
            if isinstance(value, dict):
                pairs = [(key, found.get(key), value.get(key)) for key in {**value, **found}]
                differing = [f"{key}={was!r}, not {now!r}" for key, was, now in pairs if was != now][:1]
            else:
                named = f"another {name}" if isinstance(value, str) else f"{name}={found}, not {value}"
                differing = [named] if found != value else []
            for difference in differing:
                raise InputError(
                    f"option out={printable(self.path)}: the lists in this folder were made with "
                    f"{printable(difference)}; another folder takes others"
                )

    def begin(self, plan: Plan) -> None:
        """Make the folder, and keep the plan in it unless one is there.

        Raises:
            UnwritableFile: if it cannot be made.
        """
        if self.plan() is None:
            write_text(self.path / MANIFEST, json.dumps(dataclasses.asdict(plan), indent=2) + "\n")

    def alone(self, wait: Callable[[], object]) -> AbstractContextManager[None]:
        """Keep other commands out of the folder within this context.

        Args:
            wait: is called once if another command is within.

        Raises:
            UnwritableFile: if the folder cannot be made.
        """
        try:
            self.path.mkdir(exist_ok=True)
        except OSError as error:
            raise unwritable(self.path, error) from error
        return locked(self.path / ".running.lock", wait)

    def missing(self, plan: Plan) -> list[int]:
        """Return the numbers of the files that are not there whole, as this plan asks."""
        return [number for number in range(plan.shards) if not self._is_whole(plan, number)]

    def write(self, plan: Plan, number: int, files: ListFiles, blocks: Iterable[Any]) -> tuple[int, int]:
        """Write one file, which appears when it is complete.

        Args:
            plan: of the folder.
            number: of the file.
            files: writes lists.
            blocks: of its users.

        Returns:
            The number of lists that are not empty, and of rows.
        """
        return files.write(self._file(number), blocks, {_NOTE: f"{plan.digest} {number}"})

    def _file(self, number: int) -> Path:
        return self.path / f"lists-{number:06}.parquet"

    def _is_whole(self, plan: Plan, number: int) -> bool:
        try:
            note = pyarrow.parquet.read_schema(self._file(number)).metadata or {}
        except (OSError, pyarrow.ArrowException):
            return False
        return note.get(_NOTE.encode()) == f"{plan.digest} {number}".encode()


def _plan(content: Any) -> Plan:
    """Read a manifest.

    Raises:
        ValueError, TypeError: says what is wrong with it.
    """
    kinds = {field.name: field.type for field in dataclasses.fields(Plan)}
    plan = Plan(**content)
    for name, kind in kinds.items():
        value = getattr(plan, name)
        if type(value).__name__ != str(kind).partition("[")[0]:
            raise ValueError(f"{name} is {ascii(value)[:80]}")
    if min(plan.users, plan.shard_users, plan.block, plan.threads) < 1:
        raise ValueError("a number in it is below 1")
    return plan
