"""Run what is missing in a sweep's ledger: all at once, or in rounds, within the time that there is."""

from __future__ import annotations

import argparse
import time
from typing import Any, NamedTuple

from rich.console import Console

from recbole_ile.commands.sweep_request import SAMPLES, Sweep
from recbole_ile.experiments.sweep.budget import Budget
from recbole_ile.experiments.sweep.dominated import MARGIN, dominated_bases
from recbole_ile.experiments.sweep.rounds import base_of, next_trainings
from recbole_ile.experiments.sweep.selection import Candidate, candidates
from recbole_ile.experiments.sweep.space import Alternative
from recbole_ile.report.sweep.progress import Progress
from recbole_ile.report.terminal import words


class Ended(NamedTuple):
    """How the trials of a sweep ended.

    Attributes:
        interrupted: whether somebody stopped it.
        left: how many trainings the budget left out, by what they are of.
        unevaluated: how many settings it left without values on either part.
        notes: sentences on what was left out, and why.
    """

    interrupted: bool = False
    left: int = 0
    unevaluated: int = 0
    notes: tuple[str, ...] = ()


def found_so_far(sweep: Sweep, ledger: Any) -> list[Candidate]:
    """Return the settings that a ledger has results of."""
    return candidates(list(ledger.outcomes().values()), sweep.model, sweep.fixed, sweep.baseline)


def run_missing(
    arguments: argparse.Namespace,
    sweep: Sweep,
    experiment: Any,
    space: list[Alternative],
    console: Console,
    budget: Budget,
    evaluated: set[str],
) -> Ended:
    """Run the trials that have no outcome yet, or failed before, and are not among those that were just evaluated."""
    ledger = experiment.ledger
    before, finished, planned = ledger.outcomes(), ledger.finished(), ledger.planned()
    missing = [trial for trial in planned if trial["id"] not in finished.keys() | evaluated]
    suggested = len(before.keys() - {trial["id"] for trial in planned})
    more = 0
    if arguments.search == "optuna":
        asked = arguments.num_samples or SAMPLES["optuna"]
        more = max(0, asked - suggested) if arguments.resume else asked
    if not missing and not more:
        console.print(f"all {len(finished)} trials are there already")
        return Ended()
    each = experiment.workers.resources
    count = f"{len(missing) + more} trials" + (f", {len(finished)} are there already" if finished else "")
    console.print(f"{count}; each takes {each.cpus:g} CPU and {each.gpus:g} GPU")
    with Progress(len(missing) + more, sweep.objectives, console) as progress:
        rounds = _Rounds(sweep, experiment, progress, budget, console)
        whole = rounds.run(missing)
        if whole and more:
            whole = _run_suggested(sweep, experiment, space, progress, more, suggested, budget)
    left = rounds.left(planned) if budget.is_spent(time.time()) else []
    if not whole and not budget.is_spent(time.time()):
        return Ended(interrupted=True, notes=tuple(rounds.notes))
    unsuggested = max(0, more - len(ledger.outcomes().keys() - before.keys() - {trial["id"] for trial in planned}))
    lost = len(left) + (unsuggested if budget.is_spent(time.time()) else 0)
    notes = [*rounds.notes, *([_of_budget(arguments.budget, sweep, left, lost)] if lost else [])]
    return Ended(left=lost, notes=tuple(notes))


def evaluation_limit(budget: Budget, at_once: int, models: int) -> Any:
    """Return the ``Limit`` that a budget sets to the evaluation of each trained model, ``None`` without one."""
    from recbole_ile.experiments.engine.trial import Limit

    seconds, until = budget.seconds_of_a_model(at_once, models), budget.end_of_training
    return None if seconds is None or until is None else Limit(seconds, until)


def with_unevaluated(
    ended: Ended, ledger: Any, found: list[Candidate], tests: dict[int, Any], budget: str | None
) -> Ended:
    """Add how many settings the budget left without values, of trained models and of the front on the test part."""
    if budget is None:
        return ended
    outcomes, notes = ledger.outcomes(), list(ended.notes)
    there = {trial["id"]: trial["ranking"] for trial in ledger.planned() if trial["id"] in outcomes}
    tried = {name: outcome["points"] for name, outcome in outcomes.items() if outcome["status"] == "done"}
    untried = sum(max(0, len(there[name]) - len(points)) for name, points in tried.items() if name in there)
    untested = sum(each.front and place not in tests for place, each in enumerate(found))
    if untried:
        notes.append(f"The budget of {budget} left out {untried} settings of ranking of trained models.")
    if untested:
        notes.append(f"The budget of {budget} left {untested} settings of the front without values on the test part.")
    return ended._replace(unevaluated=untried + untested, notes=tuple(notes))


class _Rounds:
    """Runs trials, those of a sparing sweep round by round; keeps what is said of those that it leaves out."""

    def __init__(self, sweep: Sweep, experiment: Any, progress: Progress, budget: Budget, console: Console) -> None:
        self.sweep, self.experiment, self.progress = sweep, experiment, progress
        self.budget, self.console = budget, console
        self.notes: list[str] = []
        self.dominated: dict[str, str] = {}
        self._tried: set[str] = set()

    def run(self, missing: list[dict[str, Any]]) -> bool:
        """Run what is missing; return whether all of it ended that is not left out."""
        from recbole_ile.experiments.engine.workers import Order

        while batch := self._next([trial for trial in missing if trial["id"] not in self._tried]):
            if self.budget.is_spent(time.time()):
                return False
            order = Order(batch, until=self.budget.end_of_training)
            if not self.experiment.workers.run(self.experiment, self.progress, order):
                return False
            self._tried |= {trial["id"] for trial in batch}
        return True

    def left(self, planned: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return the trials that were not run, without those of dominated models."""
        ended = self.experiment.ledger.outcomes()
        left = [trial for trial in planned if trial["id"] not in ended]
        return [trial for trial in left if not self.sweep.sparing or base_of(trial) not in self.dominated]

    def _next(self, missing: list[dict[str, Any]]) -> list[dict[str, Any]]:
        if not self.sweep.sparing or not missing:
            return missing
        found = found_so_far(self.sweep, self.experiment.ledger)
        begun = {each.model.base for each in found}
        begun |= {base_of(each) for each in self.experiment.ledger.planned() if each["id"] in self._tried}
        dominated = dominated_bases(found, self.sweep.objectives)
        for base in [base for base in dominated if base not in self.dominated]:
            spared = [trial for trial in missing if base_of(trial) == base]
            if spared:
                self._say_dominated(base, dominated[base], len(spared))
        return next_trainings(missing, begun, self.dominated, self.sweep.baseline.base if self.sweep.baseline else "")

    def _say_dominated(self, base: str, by: str, number: int) -> None:
        self.dominated[base] = by
        self.progress.leave_out(number)
        objectives = " and ".join(map(str, self.sweep.objectives))
        note = (
            f"{base} gets no further trainings, {number} of them: in {objectives} each of its settings is beaten by "
            f"{MARGIN:.0%} by one of another model, of {by} most often."
        )
        self.notes.append(note)
        self.console.print(words(note), soft_wrap=True)


def _run_suggested(
    sweep: Sweep,
    experiment: Any,
    space: list[Alternative],
    progress: Progress,
    number: int,
    suggested: int,
    budget: Budget,
) -> bool:
    """Run what Optuna suggests; return whether all of it ended."""
    from recbole_ile.experiments.engine.workers import Order
    from recbole_ile.experiments.sweep.suggestions import optuna_search

    if budget.is_spent(time.time()):
        return False
    known = list(experiment.ledger.outcomes().values())
    searcher = optuna_search(space, sweep.objectives, sweep.seed + suggested, known)
    order = Order(searcher=searcher, num_samples=number, until=budget.end_of_training)
    return bool(experiment.workers.run(experiment, progress, order))


def _of_budget(text: str, sweep: Sweep, left: list[dict[str, Any]], number: int) -> str:
    """Say what the budget left out."""
    counts: dict[str, int] = {}
    for trial in left if sweep.models else ():
        counts[trial["training"]["model"]] = counts.get(trial["training"]["model"], 0) + 1
    of = ", ".join(f"{model} ({count})" for model, count in counts.items())
    return f"The budget of {text} left out {number} trainings{', of ' + of if of else ''}."
