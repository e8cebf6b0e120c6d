"""How far a sweep is: one line that stays in its place in a terminal, a line for each finished trial elsewhere."""

from __future__ import annotations

import time
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.text import Text

from recbole_ile.metric import Metric
from recbole_ile.report.terminal import Terminal, words


class Progress:
    """Counts trials; use it as a context.

    Args:
        total: trials to be run.
        shown: metrics of the line, the first of which says which trial is the best so far.
        console: where to.
    """

    def __init__(self, total: int, shown: list[Metric], console: Console | None = None) -> None:
        self.total, self.shown = total, shown
        self.console = console or Terminal()
        self.done = self.failed = 0
        self._running: dict[str, Any] = {}
        self._best: dict[str, float] | None = None
        self._started = time.monotonic()
        self._live = Live(console=self.console, get_renderable=self._line, refresh_per_second=2, transient=True)

    def __enter__(self) -> Progress:
        if self.console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *_: Any) -> None:
        if self.console.is_terminal:
            self._live.stop()

    def __call__(self, event: str, trial: dict[str, Any], news: dict[str, Any]) -> None:
        """Take note of a ``start``, a ``result`` or an ``end``."""
        if event == "start":
            self._running[trial["id"]] = trial
        if event == "result":
            self._take(news)
        if event == "end":
            self._running.pop(trial["id"], None)
            self.done += news["status"] != "failed"
            self.failed += news["status"] == "failed"
            self._take(news["metrics"])
            self._say(trial, news)

    def leave_out(self, number: int) -> None:
        """Expect fewer trials."""
        self.total -= number

    def _take(self, metrics: dict[str, Any]) -> None:
        first = self.shown[0]
        value = metrics.get(str(first))
        if value is None or value != value:
            return
        if self._best is None or first.is_better(value, self._best[str(first)]):
            self._best = {name: metrics[name] for name in map(str, self.shown) if name in metrics}

    def _say(self, trial: dict[str, Any], news: dict[str, Any]) -> None:
        name = ", ".join(f"{key}={_short(value)}" for key, value in trial["training"].items()) or "as configured"
        if news["status"] == "failed":
            self.console.print(words(f"failed  {name}: {news['reason']}", "red"), soft_wrap=True)
        elif not self.console.is_terminal:
            figures = "  ".join(f"{metric} {_short(news['metrics'].get(str(metric)))}" for metric in self.shown)
            self.console.print(words(f"{news['status']}  {name}  {figures}  [{self._counts()}]"), soft_wrap=True)

    def _counts(self) -> str:
        ended = self.done + self.failed
        words = [f"{self.done} done", f"{len(self._running)} running", f"{self.failed} failed", f"of {self.total}"]
        if 0 < ended < self.total:
            seconds = (time.monotonic() - self._started) / ended * (self.total - ended)
            words.append(f"about {_duration(seconds)} left")
        return ", ".join(words)

    def _line(self) -> Text:
        best = "  ".join(f"{metric} {_short(value)}" for metric, value in (self._best or {}).items())
        return Text(f"{self._counts()}" + (f"; most accurate so far: {best}" if best else ""))


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{round(seconds)} s" if seconds < 90 else f"{minutes} min" if minutes < 90 else f"{minutes / 60:.1f} h"
