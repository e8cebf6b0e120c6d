"""``compare``: the paper's experiment, a model against the mitigations on it, with honest statistics."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

from rich.console import Console

from recbole_ile.commands import stored
from recbole_ile.commands.arguments import (
    Settings,
    add_machine_arguments,
    add_settings_arguments,
    check_machine_arguments,
    fill_in,
    first_given,
    parse_options,
    read_settings,
    trial_workers,
)
from recbole_ile.commands.interruption import naming_folder, waiting
from recbole_ile.errors import InputError
from recbole_ile.experiments.comparison.methods import Method, read_methods, split_texts
from recbole_ile.experiments.comparison.plan import Plan, make_plan
from recbole_ile.experiments.comparison.results import collect, wanted_tests
from recbole_ile.experiments.engine.ledger import Ledger
from recbole_ile.experiments.engine.shared_data import data_keys
from recbole_ile.files import check_folder_name
from recbole_ile.metric import Metric
from recbole_ile.plugin.catalogue.model_names import ModelName
from recbole_ile.plugin.catalogue.properties import defaults
from recbole_ile.plugin.config.config import IleConfig
from recbole_ile.plugin.config.known_keys import check_known
from recbole_ile.plugin.output.logs import quiet_recbole
from recbole_ile.plugin.runs.versions import versions
from recbole_ile.report.sweep.progress import Progress
from recbole_ile.report.terminal import Terminal, words

NAME = "compare"
HELP = "compare a model with the mitigations on it over several seeds, as the paper does"
EXAMPLE = "recbole-ile compare --dataset=ml-100k"
DEFAULT_FOLDER = Path("saved") / "comparisons"
KIND = "comparison"
COLUMNS = ("ndcg", "upd", "ad", "ee")
KEPT = {"base": str, "methods": str, "seeds": int}
"""The options that a resumed comparison has again, and what each of them is."""
USUAL = {"base": "BPR", "methods": "", "seeds": 3}
"""What they are if neither the command line nor a folder has them."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that are not keys of the configuration."""
    add_settings_arguments(parser)
    parser.add_argument("--base", help="the model that the others are measured against; default BPR")
    parser.add_argument(
        "--methods",
        metavar="METHOD,METHOD",
        help="models, each with what is its own after colons: BPR_CP,BPR_CP:cp_weight=0.5,BPR_ILE:std:ile_lambda=0.1; "
        "default, those of the paper: the base, IPS, CP, PUFR and ILE with std, ent and mad; all: every mitigation",
    )
    parser.add_argument("--seeds", type=int, help="how many, from --seed on; default 3")
    parser.add_argument("--name", help="folder below saved/comparisons; default <base>-<dataset>")
    parser.add_argument("--resume", metavar="FOLDER", help="continue an interrupted comparison")
    add_machine_arguments(parser, "jobs")


def main(arguments: argparse.Namespace, rest: list[str]) -> int:
    """Run a comparison and write its report; 1 if a training failed, 130 if it was interrupted."""
    console = Terminal()
    check_machine_arguments(arguments)
    if arguments.name is not None:
        check_folder_name("name", arguments.name)
    options: dict[str, Any] = dict(parse_options(rest))
    check_known(options)
    if "model" in options:
        raise InputError(f"option model={options['model']}: a comparison takes --base={options['model']}, or --methods")
    if arguments.resume:
        options = _continued(arguments, options)
    fill_in(arguments, USUAL)
    with stored.naming_file(Ledger(arguments.resume, KIND).settings_file if arguments.resume else None):
        settings, methods = _read(arguments, options)
        metrics = columns(settings)
    folder = arguments.resume or DEFAULT_FOLDER / (arguments.name or f"{settings.model}-{settings.dataset}")
    ledger = Ledger(folder, KIND, settings.metrics)
    seeds = list(range(settings.seed, settings.seed + arguments.seeds))
    with naming_folder(NAME, ledger.folder):
        if arguments.resume:
            ledger.make()
        else:
            options = {name: getattr(arguments, name) for name in KEPT}
            ledger.open({"dataset": settings.dataset, "fixed": settings.fixed}, options)
        with ledger.running(lambda: console.print(waiting(NAME, ledger.folder), soft_wrap=True)):
            plan = make_plan(methods, seeds, ledger.planned())
            ledger.plan([trial._asdict() for trial in plan.trials])
            return _run(arguments, settings, methods, plan, metrics, ledger, console)


def _read(arguments: argparse.Namespace, options: dict[str, Any]) -> tuple[Settings, list[Method]]:
    """Read what is compared, and check it before anything runs."""
    if arguments.seeds < 1:
        raise InputError(f"option seeds={arguments.seeds} is not allowed; it is at least 1")
    if ModelName.parse(arguments.base).mitigations and not arguments.methods:
        raise InputError(f"option base={arguments.base} is mitigated already; --methods says what to compare it with")
    settings = read_settings(arguments.base, arguments, options)
    methods = read_methods(split_texts(arguments.methods), settings.model, settings.dataset, settings.fixed)
    with quiet_recbole():
        for method in methods:
            stored.check_allowed(method.settings, f"option methods: {method.label}")
            IleConfig(str(method.model), settings.dataset, config_dict={**settings.fixed, **method.settings})
    return settings, methods


def _run(
    arguments: argparse.Namespace,
    settings: Settings,
    methods: list[Method],
    plan: Plan,
    metrics: list[Metric],
    ledger: Ledger,
    console: Console,
) -> int:
    """Train what is missing, test, report."""
    from recbole_ile.experiments.engine import running
    from recbole_ile.experiments.engine.trial import Task
    from recbole_ile.experiments.engine.workers import Experiment, Search

    started = time.time()
    with trial_workers(arguments) as workers:
        keys = data_keys({key for trial in plan.trials for key in trial.training})
        threads = max(1, int(arguments.cpus_per_trial))
        task = Task(
            str(settings.model), settings.dataset, settings.fixed, keys, settings.metrics, threads, ledger.drawing
        )
        search = Search("fifo", settings.valid_metric, arguments.max_failures)
        experiment = Experiment(ledger, task, workers, search)
        running.evaluate_missing(experiment)
        if not _train_missing(experiment, plan, metrics, console):
            done = len(ledger.finished().keys() & {trial.id for trial in plan.trials})
            console.print(
                f"interrupted; {done} of {len(plan.trials)} trainings are done, and "
                f"recbole-ile compare --resume={ledger.folder} goes on",
                soft_wrap=True,
            )
            return 130
        running.on_test_part(experiment, {}, wanted_tests(plan, ledger.outcomes()))
    return _report(arguments, settings, methods, plan, metrics, ledger, console, time.time() - started)


def _train_missing(experiment: Any, plan: Plan, metrics: list[Metric], console: Console) -> bool:
    """Run the trainings that have no outcome yet, or failed before; return whether they all ended."""
    from recbole_ile.experiments.engine.workers import Order

    finished = experiment.ledger.finished()
    missing = [trial._asdict() for trial in plan.trials if trial.id not in finished]
    there = len(plan.trials) - len(missing)
    if not missing:
        console.print(f"all {there} trainings are there already")
        return True
    each = experiment.workers.resources
    count = f"{len(missing)} trainings" + (f", {there} are there already" if there else "")
    console.print(f"{count}; each takes {each.cpus:g} CPU and {each.gpus:g} GPU")
    with Progress(len(missing), metrics, console) as progress:
        return bool(experiment.workers.run(experiment, progress, Order(missing)))


def _report(
    arguments: argparse.Namespace,
    settings: Settings,
    methods: list[Method],
    plan: Plan,
    metrics: list[Metric],
    ledger: Ledger,
    console: Console,
    seconds: float,
) -> int:
    """Write all files of a comparison, and print its table."""
    from recbole_ile.report.comparison.files import write_comparison
    from recbole_ile.report.comparison.tables import print_comparison
    from recbole_ile.report.pages.frame import Made, data_in_words, typed

    shared = {"dataset": settings.dataset, "base": str(settings.model), "seeds": arguments.seeds, **settings.fixed}
    title = f"{settings.model} on {settings.dataset}"
    comparison = collect(title, methods, plan, metrics, ledger, shared, _notes(methods, settings), settings.seed)
    failed = {trial.id for trial in plan.trials} - ledger.finished().keys()
    if not comparison.rows:
        reasons = "; ".join(comparison.notes)
        console.print(words(f"every training failed: {reasons}", "red"), soft_wrap=True)
        return 1
    made = Made(typed(arguments.words, ledger.folder), data_in_words(settings.dataset, settings.fixed), versions())
    write_comparison(ledger.folder, comparison, made)
    print_comparison(comparison, console)
    console.print(
        f"{seconds:.0f} s; {ledger.folder} holds report.html, table.csv, table.md, table.tex, per_user.parquet and "
        "the figures",
        soft_wrap=True,
    )
    return 1 if failed else 0


def columns(settings: Settings) -> list[Metric]:
    """Return the columns of the table: the usual ones, and what ``metrics`` asks for beyond the default."""
    k = settings.valid_metric.k or Metric.parse(settings.metrics[0]).k
    found = [Metric.named(column, k) for column in COLUMNS]
    missing = [str(each) for each in found if str(each) not in settings.metrics]
    if missing:
        raise InputError(
            f"options metrics and topk leave out {missing[0]}, a column of the comparison; they give "
            f"{', '.join(settings.metrics)}"
        )
    default = {name.lower() for name in defaults("overall.yaml")["metrics"]}
    evaluated = map(Metric.parse, settings.metrics)
    return [*found, *(each for each in evaluated if each.name not in default and each.k in (k, None))]


def _notes(methods: list[Method], settings: Settings) -> list[str]:
    known = defaults("compare/paper.yaml")["weights"]
    weighed = [each.label for each in methods if "ile_distance" in each.settings and each.label.count(":") == 1]
    if not weighed or settings.dataset in known or "ile_lambda" in settings.fixed:
        return []
    return [
        f"The weights of {', '.join(weighed)} are those that were published for ml-1m; recbole-ile sweep finds those "
        f"of {settings.dataset}."
    ]


def _continued(arguments: argparse.Namespace, options: dict[str, Any]) -> dict[str, Any]:
    """Take from the folder of a comparison what its command said; refuse to be told anything else."""
    given = first_given(arguments, ("dataset", "config_files", "preset", "name", *KEPT)) or next(iter(options), None)
    if given:
        raise InputError(f"option {given}: a comparison is continued as it was started; leave it out")
    ledger = Ledger(arguments.resume, KIND)
    settings = ledger.settings()
    arguments.dataset = stored.value(ledger, settings, "dataset", str)
    kept = stored.value(ledger, settings, "options", dict)
    for name, kind in KEPT.items():
        setattr(arguments, name, stored.value(ledger, kept, name, kind))
    return stored.fixed(ledger, settings)
