"""Keep what trials find out in the ledger the moment they do."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ray import tune

from recbole_ile.experiments.engine.ledger import Ledger
from recbole_ile.experiments.engine.trial import OUTCOME, requested_trial
from recbole_ile.metric import Metric

Listener = Callable[[str, dict[str, Any], dict[str, Any]], None]
"""Is told what happened (``start``, ``result``, ``end``), to which trial, and its metrics or outcome."""


@dataclass
class Session:
    """What the recorder of the trials that run now needs, and what became of them.

    Attributes:
        ended: how many have an outcome.
        given_up: those that Ray Tune gave up although they could be tried again.
    """

    ledger: Ledger
    valid_metric: Metric
    listener: Listener
    best: dict[str, dict[str, float]]
    known: frozenset[str]
    ended: int = 0
    given_up: list[dict[str, Any]] = field(default_factory=list)


CURRENT: list[Session] = []
"""The session of the trials that run now."""


class Recorder(tune.Callback):
    """Keeps the outcome of a trial the moment it ends; Ray pickles it with the experiment, so it holds nothing."""

    def on_trial_start(self, iteration: int, trials: Any, trial: Any, **_: Any) -> None:
        """Tell the listener."""
        session, asked = CURRENT[0], self._asked(trial)
        session.listener("start", asked, {})

    def on_trial_result(self, iteration: int, trials: Any, trial: Any, result: dict[str, Any], **_: Any) -> None:
        """Remember the best validation, for a trial that is stopped."""
        session, asked = CURRENT[0], self._asked(trial)
        if OUTCOME in result:
            return
        metric = session.valid_metric
        before = session.best.get(asked["id"])
        if before is None or metric.is_better(result[str(metric)], before[str(metric)]):
            session.best[asked["id"]] = {name: result[name] for name in session.ledger.metrics}
        session.listener("result", asked, result)

    def on_trial_complete(self, iteration: int, trials: Any, trial: Any, **_: Any) -> None:
        """Keep the outcome, or that the scheduler stopped the trial."""
        session, asked = CURRENT[0], self._asked(trial)
        session.ended += 1
        if asked["id"] in session.known:
            return
        last = trial.last_result or {}
        if OUTCOME in last:
            outcome = json.loads(last[OUTCOME])
            outcome["checkpoint"] = trial.checkpoint.path if trial.checkpoint else None
        else:
            outcome = {"status": "stopped", "metrics": session.best.get(asked["id"], {}), "points": []}
        session.ledger.write(asked, outcome)
        session.listener("end", asked, outcome)

    def on_trial_error(self, iteration: int, trials: Any, trial: Any, **_: Any) -> None:
        """Keep the reason of a trial that failed for good.

        When a machine is lost, all that was asked of a trial fails at once: Ray Tune (2.60) queues the trial again for
        the first error, and gives it up for the second because it is queued, whatever ``max_failures`` allows. The
        error was pickled by a worker of this very experiment, into the folder whose name nobody could know.
        """
        session, asked = CURRENT[0], self._asked(trial)
        if trial.should_recover():
            session.given_up.append(asked)
            return
        session.ended += 1
        error = trial.get_pickled_error()
        cause = getattr(error, "cause", None) or error
        reason = " ".join(str(cause or "").split()) or "no reason given"
        outcome = {"status": "failed", "reason": reason, "metrics": {}, "points": []}
        session.ledger.write(asked, outcome)
        session.listener("end", asked, outcome)

    @staticmethod
    def _asked(trial: Any) -> dict[str, Any]:
        return requested_trial(trial.config)
