"""Keep what trials find out in the ledger the moment they do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from recbole_ile.experiments.engine.ledger import Ledger
from recbole_ile.metric import Metric

Listener = Callable[[str, dict[str, Any], dict[str, Any]], None]
"""Is told what happened (``start``, ``result``, ``end``), to which trial, and its metrics or outcome."""


@dataclass
class Session:
    """What becomes of the trials that run now; each is kept, and told, the moment it is known.

    Attributes:
        ledger: where outcomes are kept.
        valid_metric: by which the best validation of a trial that is stopped is known.
        listener: is told about every trial.
        ended: how many have an outcome.
    """

    ledger: Ledger
    valid_metric: Metric
    listener: Listener
    ended: int = 0
    best: dict[str, dict[str, float]] = field(default_factory=dict)

    def start(self, asked: dict[str, Any]) -> None:
        """Tell that a trial begins."""
        self.listener("start", asked, {})

    def validate(self, asked: dict[str, Any], found: dict[str, Any]) -> None:
        """Remember the best validation, for a trial that is stopped."""
        before = self.best.get(asked["id"])
        name = str(self.valid_metric)
        if before is None or self.valid_metric.is_better(found[name], before[name]):
            self.best[asked["id"]] = {name: found[name] for name in self.ledger.metrics}
        self.listener("result", asked, found)

    def end(self, asked: dict[str, Any], outcome: dict[str, Any]) -> None:
        """Keep the outcome of a trial."""
        self.ended += 1
        self.ledger.write(asked, outcome)
        self.listener("end", asked, outcome)

    def stop(self, asked: dict[str, Any]) -> None:
        """Keep that the scheduler stopped a trial."""
        self.end(asked, {"status": "stopped", "metrics": self.best.get(asked["id"], {}), "points": []})

    def fail(self, asked: dict[str, Any], reason: str) -> None:
        """Keep that a trial failed for good."""
        reason = " ".join(reason.split()) or "no reason given"
        self.end(asked, {"status": "failed", "reason": reason, "metrics": {}, "points": []})
