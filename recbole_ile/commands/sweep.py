"""``sweep``: search for the weight with the best trade-off, with Ray Tune."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from recbole_ile.commands.interruption import naming_folder
from recbole_ile.commands.options import parse_options
from recbole_ile.commands.sweep_report import compared_methods, write_methods, write_report
from recbole_ile.commands.sweep_request import (
    SAMPLES,
    Sweep,
    add_arguments,
    check,
    chosen_space,
    continued,
    kept,
    planned_trials,
    read_sweep,
)
from recbole_ile.comparing.results import wanted_tests
from recbole_ile.report.sweep_progress import Progress
from recbole_ile.sweeping.ledger import Ledger
from recbole_ile.sweeping.selection import candidates, selected
from recbole_ile.sweeping.shared_data import data_keys
from recbole_ile.sweeping.space import Alternative
from recbole_ile.sweeping.trials import check_keys

NAME = "sweep"
HELP = "search for the weight with the best trade-off between accuracy and fairness, with Ray Tune"
__all__ = ["HELP", "NAME", "add_arguments", "main"]
PLACE = Path("saved") / "sweeps"


def main(arguments: argparse.Namespace, rest: list[str]) -> int:
    """Run a sweep and write its report; 1 if a trial failed, 130 if it was interrupted."""
    console = Console()
    check(arguments)
    if arguments.resume:
        ledger = Ledger(arguments.resume)
        rest = continued(arguments, rest, ledger.settings())
    sweep = read_sweep(arguments, parse_options(rest))
    folder = arguments.resume or PLACE / (arguments.name or f"{sweep.model}-{sweep.dataset}")
    ledger = Ledger(folder)
    space = chosen_space(arguments, sweep)
    check_keys(space, sweep.model, sweep.fixed)
    planned = planned_trials(arguments, sweep, space)
    options = ledger.settings()["options"] if arguments.resume else kept(arguments)
    ledger.open({"model": sweep.model, "dataset": sweep.dataset, "fixed": sweep.fixed}, options)
    if not arguments.resume or not ledger.planned():  # it may have been killed before it had a plan
        ledger.plan([trial._asdict() for trial in planned])
    with naming_folder(NAME, ledger.folder):
        return run_sweep(arguments, sweep, ledger, space, console)


def run_sweep(
    arguments: argparse.Namespace, sweep: Sweep, ledger: Ledger, space: list[Alternative], console: Console
) -> int:
    """Run what is missing in a sweep's ledger, and report on all that is there."""
    from recbole_ile.sweeping import running
    from recbole_ile.sweeping.machines import connected, fitting
    from recbole_ile.sweeping.trial import Task

    started = time.time()
    with connected(arguments.address, arguments.verbose):
        resources = fitting(arguments.cpus_per_trial, arguments.gpus_per_trial, arguments.at_once)
        keys = data_keys({key for alternative in space for key in alternative})
        threads = max(1, int(arguments.cpus_per_trial))
        task = Task(sweep.model, sweep.dataset, sweep.fixed, keys, sweep.metrics, threads)
        metric = sweep.valid_metric
        search = running.Search(arguments.scheduler, metric.metric, metric.higher, arguments.max_failures)
        stage = running.Stage(ledger, task, {}, resources, search)
        running.evaluate_missing(stage)
        whole = _run_missing(arguments, sweep, stage, space, console)
        outcomes = list(ledger.outcomes().values())
        found = selected(
            candidates(outcomes, sweep.model, sweep.fixed), sweep.objectives, sweep.max_loss, sweep.required
        )
        tests = running.front_tests(stage, found) if whole else {}
        methods, plan = compared_methods(sweep, found) if whole else ([], None)
        if plan:
            running.on_test_part(stage, wanted_tests(plan, ledger.outcomes()), users=True)
    write_report(sweep, ledger, found, tests, console)
    if plan:
        write_methods(sweep, ledger, found, methods, plan, console)
    console.print(
        f"{time.time() - started:.0f} s; {ledger.folder} holds report.html, best.yaml, front.csv, trials.csv"
        + (" and the table of methods in methods/" if plan else ""),
        soft_wrap=True,
    )
    failed = sum(outcome["status"] == "failed" for outcome in outcomes)
    if failed:
        console.print(Text(f"{failed} of {len(outcomes)} trials failed; trials.csv gives the reasons", style="red"))
    if not whole:
        console.print(f"interrupted; recbole-ile sweep --resume={ledger.folder} goes on", soft_wrap=True)
        return 130
    return 1 if failed else 0


def _run_missing(
    arguments: argparse.Namespace, sweep: Sweep, stage: Any, space: list[Alternative], console: Console
) -> bool:
    """Run the trials that have no outcome yet, or failed before; return whether they all ended."""
    from recbole_ile.sweeping import running
    from recbole_ile.sweeping.suggestions import optuna_search

    ledger = stage.ledger
    before, finished, planned = ledger.outcomes(), ledger.finished(), ledger.planned()
    missing = [trial for trial in planned if trial["id"] not in finished]
    suggested = len(before.keys() - {trial["id"] for trial in planned})
    more = 0
    if arguments.search == "optuna":
        asked = arguments.num_samples or SAMPLES["optuna"]
        more = max(0, asked - suggested) if arguments.resume else asked
    if not missing and not more:
        console.print(f"all {len(finished)} trials are there already")
        return True
    count = f"{len(missing) + more} trials" + (f", {len(finished)} are there already" if finished else "")
    console.print(f"{count}; each takes {stage.resources.cpus:g} CPU and {stage.resources.gpus:g} GPU")
    shown = [each.metric for each in sweep.objectives]
    with Progress(len(missing) + more, shown, sweep.objectives[0].higher, console) as progress:
        whole = True
        if arguments.resume and arguments.search == "optuna":  # what is planned is known without Ray's own record
            whole = running.restore(stage, progress)
            ended = {name for name, entry in ledger.outcomes().items() if entry != before.get(name)}
            missing = [trial for trial in missing if trial["id"] not in ended]
            more = max(0, more - len(ended - {trial["id"] for trial in planned}))
        if whole and missing:
            whole = running.run(stage, progress, trials=missing)
        if whole and more:
            higher = [each.higher for each in sweep.objectives]
            searcher = optuna_search(space, shown, higher, sweep.seed + suggested)
            whole = running.run(stage, progress, searcher=searcher, num_samples=more)
    return whole
