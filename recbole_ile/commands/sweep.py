"""``sweep``: search for the weight with the best trade-off."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from recbole_ile.commands import stored
from recbole_ile.commands.arguments import fill_in, parse_options, trial_workers
from recbole_ile.commands.interruption import naming_folder, waiting
from recbole_ile.commands.sweep_models import (
    Request,
    kept_space,
    named_models,
    read_request,
    settings_of,
    trials_of_request,
)
from recbole_ile.commands.sweep_report import compared_methods, write_methods, write_report
from recbole_ile.commands.sweep_request import (
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
    samples_of,
)
from recbole_ile.commands.sweep_trials import Ended, evaluation_limit, found_so_far, run_missing, with_unevaluated
from recbole_ile.experiments.comparison.results import wanted_tests
from recbole_ile.experiments.engine.ledger import Ledger
from recbole_ile.experiments.engine.points import check_keys
from recbole_ile.experiments.engine.shared_data import data_keys
from recbole_ile.experiments.sweep.budget import Budget, read_budget
from recbole_ile.experiments.sweep.models import AUTO, Swept
from recbole_ile.experiments.sweep.selection import selected
from recbole_ile.experiments.sweep.space import Alternative
from recbole_ile.files import write_text
from recbole_ile.plugin.config.known_keys import check_known
from recbole_ile.report.terminal import Terminal, words

NAME = "sweep"
HELP = "search for the weight with the best trade-off between accuracy and fairness, here or on a Ray cluster"
EXAMPLE = "recbole-ile sweep --model=BPR_ILE --dataset=ml-100k"
__all__ = ["HELP", "NAME", "add_arguments", "main"]
DEFAULT_FOLDER = Path("saved") / "sweeps"


def main(arguments: argparse.Namespace, rest: list[str]) -> int:
    """Run a sweep and write its report; 1 if a trial failed, 130 if it was interrupted."""
    console, started = Terminal(), time.time()
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
        text = arguments.model
        request, planned = _read(arguments, options)
    sweep = request.sweep
    folder = arguments.resume or DEFAULT_FOLDER / (arguments.name or _folder_name(text, sweep))
    ledger = Ledger(folder, metrics=sweep.metrics)
    with naming_folder(NAME, ledger.folder):
        if arguments.resume:
            ledger.make()
        else:
            ledger.open(settings_of(sweep), resumable_options(arguments))
            kept = kept_space(arguments, request)
            if kept:
                write_text(ledger.folder / SPACE_FILE, kept)
            ledger.plan(planned)
        with ledger.running(lambda: console.print(waiting(NAME, ledger.folder), soft_wrap=True)):
            if arguments.resume and not ledger.plan_is_whole:  # killed before it had a plan, or damaged since
                ledger.plan(planned)
            for note in request.notes:
                console.print(words(note), soft_wrap=True)
            budget = Budget(read_budget(arguments.budget) if arguments.budget else None, started)
            return run_sweep(arguments, request, ledger, console, budget)


def _read(arguments: argparse.Namespace, options: dict[str, str]) -> tuple[Request, list[dict[str, Any]]]:
    """Read what is tried, and check it before anything runs; return it with the trials that are known beforehand."""
    names = named_models(arguments)
    if names is None:
        sweep = read_sweep(arguments, options)
        request = Request(sweep, [Swept(sweep.model, chosen_space(arguments, sweep))], [])
    else:
        arguments.several = True
        request = read_request(arguments, names, options)
    for each in request.swept:
        check_keys(each.space, each.name, request.sweep.fixed)
        for alternative in each.space:
            stored.check_allowed(dict.fromkeys(alternative), "a sweep")
    if names is None:
        trials = planned_trials(arguments, request.sweep, request.swept[0].space)
    else:
        trials = trials_of_request(arguments, request, samples_of(arguments))
    return request, [trial._asdict() for trial in trials]


def _folder_name(text: str, sweep: Sweep) -> str:
    """Return what a sweep is called that nobody named."""
    models = AUTO if text == AUTO else "+".join(map(str, sweep.models)) or str(sweep.model)
    return f"{models}-{sweep.dataset}"


def run_sweep(arguments: argparse.Namespace, request: Request, ledger: Ledger, console: Console, budget: Budget) -> int:
    """Run what is missing in a sweep's ledger, and report on all that is there."""
    from recbole_ile.experiments.engine import running
    from recbole_ile.experiments.engine.trial import Task
    from recbole_ile.experiments.engine.workers import Experiment, Search

    sweep = request.sweep
    space: list[Alternative] = [alternative for each in request.swept for alternative in each.space]
    stopping = arguments.scheduler != "fifo"
    with trial_workers(arguments, needs_ray=stopping or arguments.search == "optuna") as workers:
        keys = data_keys({key for alternative in space for key in alternative})
        threads = max(1, int(arguments.cpus_per_trial))
        limit = evaluation_limit(budget, workers.at_once, len({each.name.base for each in request.swept}))
        task = Task(
            str(sweep.model), sweep.dataset, sweep.fixed, keys, sweep.metrics, threads, ledger.drawing, stopping, limit
        )
        search = Search(arguments.scheduler, sweep.valid_metric, arguments.max_failures)
        experiment = Experiment(ledger, task, workers, search)
        evaluated = running.evaluate_missing(experiment)
        ended = run_missing(arguments, sweep, experiment, space, console, budget, evaluated)
        found = selected(found_so_far(sweep, ledger), sweep.objectives, sweep.max_loss, sweep.required)
        methods, plan = ([], None) if ended.interrupted or ended.left else compared_methods(sweep, found)
        compared = wanted_tests(plan, ledger.outcomes()) if plan else {}
        tests = {} if ended.interrupted else running.front_tests(experiment, found, compared, budget.end_of_tests)
        if not ended.interrupted:
            ended = with_unevaluated(ended, ledger, found, tests, arguments.budget)
    write_report(sweep, ledger, found, tests, [*request.notes, *ended.notes], arguments.words, console)
    if plan:
        write_methods(sweep, ledger, found, methods, plan, arguments.words, console)
    return _closing(ledger, bool(found), bool(plan), ended, time.time() - budget.started, console)


def _closing(ledger: Ledger, reported: bool, compared: bool, ended: Ended, seconds: float, console: Console) -> int:
    """Say what the folder holds, what failed and how to go on; return the exit status."""
    files = "report.html, best.yaml, front.csv, trials.csv" if reported else "trials.csv"
    console.print(
        f"{seconds:.0f} s; {ledger.folder} holds {files}"
        + (" and the table of methods in methods/" if compared else ""),
        soft_wrap=True,
    )
    outcomes = list(ledger.outcomes().values())
    failed = sum(outcome["status"] == "failed" for outcome in outcomes)
    if failed:
        console.print(Text(f"{failed} of {len(outcomes)} trials failed; trials.csv gives the reasons", style="red"))
    if ended.left or ended.unevaluated:
        console.print(f"recbole-ile sweep --resume={ledger.folder} goes on with what was left out", soft_wrap=True)
    if ended.interrupted:
        console.print(f"interrupted; recbole-ile sweep --resume={ledger.folder} goes on", soft_wrap=True)
        return 130
    return 1 if failed else 0
