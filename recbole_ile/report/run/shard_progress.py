"""How many users have their lists: a bar in a terminal, a line for each file elsewhere."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from recbole_ile.report.terminal import Terminal


class ShardProgress:
    """Counts users and files; use it as a context.

    Args:
        users: who get a list in all.
        done: who have theirs already.
        shards: files in all.
        left: files that are not there yet.
        console: where to.
    """

    def __init__(self, users: int, done: int, shards: int, left: int, console: Console | None = None) -> None:
        self._console = console or Terminal()
        self._shards, self._written = shards, shards - left
        columns = (TextColumn("users"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._bar = Progress(*columns, console=self._console, transient=True)
        self._task = self._bar.add_task("", total=users, completed=done)

    def __enter__(self) -> ShardProgress:
        if self._console.is_terminal:
            self._bar.start()
        return self

    def __exit__(self, *_: Any) -> None:
        if self._console.is_terminal:
            self._bar.stop()

    def advance(self, users: int) -> None:
        """Take note of users who have their lists."""
        self._bar.advance(self._task, users)

    def written(self) -> None:
        """Take note of a file that is there."""
        self._written += 1
        if not self._console.is_terminal:
            users = int(self._bar.tasks[0].completed)
            self._console.print(f"file {self._written} of {self._shards}, {users} users", soft_wrap=True)
