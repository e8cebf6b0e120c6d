"""``compare``: the paper's experiment, a model against the mitigations on it, with honest statistics."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from recbole_ile.commands import machines
from recbole_ile.commands import settings as common
from recbole_ile.commands.interruption import naming_folder
from recbole_ile.commands.options import parse_options
from recbole_ile.comparing.methods import Method, read_methods, split_texts
from recbole_ile.comparing.plan import Plan, make_plan
from recbole_ile.comparing.results import collect, wanted_tests
from recbole_ile.comparing.summary import Metric
from recbole_ile.errors import InputError
from recbole_ile.plugin.config import IleConfig
from recbole_ile.plugin.logs import quiet_recbole
from recbole_ile.plugin.pipeline import versions
from recbole_ile.plugin.properties import defaults
from recbole_ile.plugin.registry import parse_model_name
from recbole_ile.report.sweep_progress import Progress
from recbole_ile.sweeping.ledger import Ledger
from recbole_ile.sweeping.shared_data import data_keys

NAME = "compare"
HELP = "compare a model with the mitigations on it over several seeds, as the paper does"
PLACE = Path("saved") / "comparisons"
KIND = "comparison"
COLUMNS = ("ndcg", "upd", "ad", "ee")
KEPT = ("base", "methods", "seeds")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that are not keys of the configuration."""
    common.add_arguments(parser)
    parser.add_argument("--base", default="BPR", help="the model that the others are measured against; default BPR")
    parser.add_argument(
        "--methods",
        default="",
        metavar="METHOD,METHOD",
        help="models, each with what is its own after colons: BPR_CP,BPR_CP:cp_weight=0.5,BPR_ILE:std:ile_lambda=0.1; "
        "default, those of the paper: the base, IPS, CP, PUFR and ILE with std, ent and mad",
    )
    parser.add_argument("--seeds", type=int, default=3, help="how many, from --seed on; default 3")
    parser.add_argument("--name", help="folder below saved/comparisons; default <base>-<dataset>")
    parser.add_argument("--resume", metavar="FOLDER", help="continue an interrupted comparison")
    machines.add_arguments(parser, "jobs")


def main(arguments: argparse.Namespace, rest: list[str]) -> int:
    """Run a comparison and write its report; 1 if a training failed, 130 if it was interrupted."""
    console = Console()
    machines.check(arguments)
    if arguments.seeds < 1:
        raise InputError(f"option seeds={arguments.seeds} is not allowed; it is at least 1")
    options: dict[str, Any] = dict(parse_options(rest))
    if arguments.resume:
        options = _continued(arguments, options)
    if parse_model_name(arguments.base).mitigations and not arguments.methods:
        raise InputError(f"option base={arguments.base} is mitigated already; --methods says what to compare it with")
    settings = common.read_settings(arguments.base, arguments, options)
    methods = read_methods(split_texts(arguments.methods), settings.model, settings.dataset, settings.fixed)
    with quiet_recbole():
        for method in methods:
            IleConfig(method.model, settings.dataset, config_dict={**settings.fixed, **method.settings})
    metrics = _metrics(settings)
    ledger = Ledger(arguments.resume or PLACE / (arguments.name or f"{settings.model}-{settings.dataset}"), KIND)
    ledger.open(
        {"dataset": settings.dataset, "fixed": settings.fixed}, {name: getattr(arguments, name) for name in KEPT}
    )
    seeds = list(range(settings.seed, settings.seed + arguments.seeds))
    plan = make_plan(methods, seeds, ledger.planned())
    ledger.plan([trial._asdict() for trial in plan.trials])
    with naming_folder(NAME, ledger.folder):
        return _run(arguments, settings, methods, plan, metrics, ledger, console)


def _run(
    arguments: argparse.Namespace,
    settings: common.Settings,
    methods: list[Method],
    plan: Plan,
    metrics: list[Metric],
    ledger: Ledger,
    console: Console,
) -> int:
    """Train what is missing, test, report."""
    from recbole_ile.sweeping import running
    from recbole_ile.sweeping.machines import connected, fitting
    from recbole_ile.sweeping.trial import Task

    started = time.time()
    with connected(arguments.address, arguments.verbose):
        resources = fitting(arguments.cpus_per_trial, arguments.gpus_per_trial, arguments.at_once)
        keys = data_keys({key for trial in plan.trials for key in trial.training})
        threads = max(1, int(arguments.cpus_per_trial))
        task = Task(settings.model, settings.dataset, settings.fixed, keys, settings.metrics, threads)
        valid = settings.valid_metric
        search = running.Search("fifo", valid.metric, valid.higher, arguments.max_failures)
        stage = running.Stage(ledger, task, {}, resources, search)
        running.evaluate_missing(stage)
        if not _train_missing(stage, plan, metrics, console):
            done = len(ledger.finished().keys() & {trial.id for trial in plan.trials})
            console.print(
                f"interrupted; {done} of {len(plan.trials)} trainings are done, and "
                f"recbole-ile compare --resume={ledger.folder} goes on",
                soft_wrap=True,
            )
            return 130
        running.on_test_part(stage, wanted_tests(plan, ledger.outcomes()), users=True)
    return _report(arguments, settings, methods, plan, metrics, ledger, console, time.time() - started)


def _train_missing(stage: Any, plan: Plan, metrics: list[Metric], console: Console) -> bool:
    """Run the trainings that have no outcome yet, or failed before; return whether they all ended."""
    from recbole_ile.sweeping import running

    finished = stage.ledger.finished()
    missing = [trial._asdict() for trial in plan.trials if trial.id not in finished]
    there = len(plan.trials) - len(missing)
    if not missing:
        console.print(f"all {there} trainings are there already")
        return True
    count = f"{len(missing)} trainings" + (f", {there} are there already" if there else "")
    console.print(f"{count}; each takes {stage.resources.cpus:g} CPU and {stage.resources.gpus:g} GPU")
    shown = [metric.name for metric in metrics]
    with Progress(len(missing), shown, metrics[0].higher, console) as progress:
        return running.run(stage, progress, trials=missing)


def _report(
    arguments: argparse.Namespace,
    settings: common.Settings,
    methods: list[Method],
    plan: Plan,
    metrics: list[Metric],
    ledger: Ledger,
    console: Console,
    seconds: float,
) -> int:
    """Write all files of a comparison, and print its table."""
    from recbole_ile.report.comparison_files import write_comparison
    from recbole_ile.report.comparison_tables import print_comparison

    shared = {"dataset": settings.dataset, "base": settings.model, "seeds": arguments.seeds, **settings.fixed}
    title = f"{settings.model} on {settings.dataset}"
    comparison = collect(
        title, methods, plan, metrics, ledger, {**shared, **versions()}, _notes(methods, settings), settings.seed
    )
    failed = {trial.id for trial in plan.trials} - ledger.finished().keys()
    if not comparison.rows:
        reasons = "; ".join(comparison.notes)
        console.print(Text(f"every training failed: {reasons}", style="red"), soft_wrap=True)
        return 1
    write_comparison(ledger.folder, comparison)
    print_comparison(comparison, console)
    console.print(
        f"{seconds:.0f} s; {ledger.folder} holds report.html, table.csv, table.md, table.tex, per_user.parquet and "
        "the figures",
        soft_wrap=True,
    )
    return 1 if failed else 0


def _metrics(settings: common.Settings) -> list[Metric]:
    k = settings.valid_metric.metric.partition("@")[2] or settings.metrics[0].partition("@")[2]
    names = [f"{column}@{k}" for column in COLUMNS]
    found = [Metric(name, common.objective(name).higher, name.startswith("upd@")) for name in names]
    missing = [name for name in names if name not in settings.metrics]
    if missing:
        raise InputError(
            f"options metrics and topk leave out {missing[0]}, a column of the comparison; they give "
            f"{', '.join(settings.metrics)}"
        )
    return found


def _notes(methods: list[Method], settings: common.Settings) -> list[str]:
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
    usual = argparse.ArgumentParser()
    add_arguments(usual)
    unset = usual.parse_args([])
    for name in ("dataset", "config_files", "preset", "name", *KEPT):
        if getattr(arguments, name) != getattr(unset, name):
            raise InputError(f"option {name}: a comparison is continued as it was started; leave it out")
    for key in options:
        raise InputError(f"option {key}: a comparison is continued as it was started; leave it out")
    stored = Ledger(arguments.resume, KIND).settings()
    arguments.dataset = stored["dataset"]
    for name, value in stored["options"].items():
        setattr(arguments, name, value)
    return stored["fixed"]
