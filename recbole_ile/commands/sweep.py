"""``sweep``: search for the weight with the best trade-off, with Ray Tune."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from recbole_ile.commands import stored
from recbole_ile.commands.arguments import fill_in, parse_options
from recbole_ile.commands.interruption import naming_folder, waiting
from recbole_ile.commands.sweep_report import compared_methods, write_methods, write_report
from recbole_ile.commands.sweep_request import (
    SAMPLES,
    SPACE_FILE,
    USUAL,
    Sweep,
    add_arguments,
    check,
    chosen_space,
    continued,
    planned_trials,
    read_sweep,
    resumable_options,
)
from recbole_ile.experiments.comparison.results import wanted_tests
from recbole_ile.experiments.engine.ledger import Ledger
from recbole_ile.experiments.engine.points import check_keys
from recbole_ile.experiments.engine.shared_data import data_keys
from recbole_ile.experiments.sweep.selection import candidates, selected
from recbole_ile.experiments.sweep.space import Alternative, space_text
from recbole_ile.files import write_text
from recbole_ile.plugin.config.known_keys import check_known
from recbole_ile.report.sweep.progress import Progress
from recbole_ile.report.terminal import Terminal

NAME = "sweep"
HELP = "search for the weight with the best trade-off between accuracy and fairness, with Ray Tune"
EXAMPLE = "recbole-ile sweep --model=BPR_ILE --dataset=ml-100k"
__all__ = ["HELP", "NAME", "add_arguments", "main"]
DEFAULT_FOLDER = Path("saved") / "sweeps"


def main(arguments: argparse.Namespace, rest: list[str]) -> int:
    """Run a sweep and write its report; 1 if a trial failed, 130 if it was interrupted."""
    console = Terminal()
    check(arguments)
    source = None
    if arguments.resume:
        earlier = Ledger(arguments.resume)
        source = earlier.settings_file if continued(arguments, rest, earlier) else None
        rest = []
    fill_in(arguments, USUAL)
    with stored.naming_file(source):
        check(arguments)
        options = parse_options(rest)
        check_known(options)
        sweep = read_sweep(arguments, options)
        space = chosen_space(arguments, sweep)
        check_keys(space, sweep.model, sweep.fixed)
        for alternative in space:
            stored.check_allowed(dict.fromkeys(alternative), "a sweep")
        planned = [trial._asdict() for trial in planned_trials(arguments, sweep, space)]
    folder = arguments.resume or DEFAULT_FOLDER / (arguments.name or f"{sweep.model}-{sweep.dataset}")
    ledger = Ledger(folder, metrics=sweep.metrics)
    with naming_folder(NAME, ledger.folder):
        if arguments.resume:
            ledger.make()
        else:
            settings = {"model": str(sweep.model), "dataset": sweep.dataset, "fixed": sweep.fixed}
            ledger.open(settings, resumable_options(arguments))
            if arguments.space and Path(arguments.space).is_file():
                write_text(ledger.folder / SPACE_FILE, space_text(space))
            ledger.plan(planned)
        with ledger.running(lambda: console.print(waiting(NAME, ledger.folder), soft_wrap=True)):
            if arguments.resume and not ledger.plan_is_whole:  # killed before it had a plan, or damaged since
                ledger.plan(planned)
            return run_sweep(arguments, sweep, ledger, space, console)


def run_sweep(
    arguments: argparse.Namespace, sweep: Sweep, ledger: Ledger, space: list[Alternative], console: Console
) -> int:
    """Run what is missing in a sweep's ledger, and report on all that is there."""
    from recbole_ile.experiments.engine import running
    from recbole_ile.experiments.engine.machines import ray_session, trial_resources
    from recbole_ile.experiments.engine.trial import Task

    started = time.time()
    with ray_session(arguments.address, arguments.verbose):
        resources = trial_resources(arguments.cpus_per_trial, arguments.gpus_per_trial, arguments.at_once)
        keys = data_keys({key for alternative in space for key in alternative})
        threads = max(1, int(arguments.cpus_per_trial))
        task = Task(str(sweep.model), sweep.dataset, sweep.fixed, keys, sweep.metrics, threads, ledger.drawing)
        search = running.Search(arguments.scheduler, sweep.valid_metric, arguments.max_failures)
        experiment = running.Experiment(ledger, task, {}, resources, search)
        running.evaluate_missing(experiment)
        whole = _run_missing(arguments, sweep, experiment, space, console)
        found = selected(
            candidates(list(ledger.outcomes().values()), sweep.model, sweep.fixed),
            sweep.objectives,
            sweep.max_loss,
            sweep.required,
        )
        tests = running.front_tests(experiment, found) if whole else {}
        methods, plan = compared_methods(sweep, found) if whole else ([], None)
        if plan:
            running.on_test_part(experiment, wanted_tests(plan, ledger.outcomes()), users=True)
    write_report(sweep, ledger, found, tests, console)
    if plan:
        write_methods(sweep, ledger, found, methods, plan, console)
    console.print(
        f"{time.time() - started:.0f} s; {ledger.folder} holds report.html, best.yaml, front.csv, trials.csv"
        + (" and the table of methods in methods/" if plan else ""),
        soft_wrap=True,
    )
    outcomes = list(ledger.outcomes().values())
    failed = sum(outcome["status"] == "failed" for outcome in outcomes)
    if failed:
        console.print(Text(f"{failed} of {len(outcomes)} trials failed; trials.csv gives the reasons", style="red"))
    if not whole:
        console.print(f"interrupted; recbole-ile sweep --resume={ledger.folder} goes on", soft_wrap=True)
        return 130
    return 1 if failed else 0


def _run_missing(
    arguments: argparse.Namespace, sweep: Sweep, experiment: Any, space: list[Alternative], console: Console
) -> bool:
    """Run the trials that have no outcome yet, or failed before; return whether they all ended."""
    from recbole_ile.experiments.engine import running
    from recbole_ile.experiments.sweep.suggestions import optuna_search

    ledger = experiment.ledger
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
    console.print(f"{count}; each takes {experiment.resources.cpus:g} CPU and {experiment.resources.gpus:g} GPU")
    with Progress(len(missing) + more, sweep.objectives, console) as progress:
        whole = True
        if whole and missing:
            whole = running.run(experiment, progress, trials=missing)
        if whole and more:
            known = list(ledger.outcomes().values())
            searcher = optuna_search(space, sweep.objectives, sweep.seed + suggested, known)
            whole = running.run(experiment, progress, searcher=searcher, num_samples=more)
    return whole
