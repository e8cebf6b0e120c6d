"""``sweep``: search for the weight with the best trade-off, with Ray Tune."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.text import Text

from recbole_ile.commands import machines
from recbole_ile.commands import settings as common
from recbole_ile.commands.interruption import naming_folder
from recbole_ile.commands.options import parse_options
from recbole_ile.comparing.methods import Method
from recbole_ile.comparing.of_sweep import as_methods
from recbole_ile.comparing.plan import Plan
from recbole_ile.comparing.results import collect, wanted_tests
from recbole_ile.comparing.summary import Metric
from recbole_ile.errors import InputError, near_miss
from recbole_ile.files import write_text
from recbole_ile.functional.fairness_target import Target, parse_target
from recbole_ile.plugin.pipeline import versions
from recbole_ile.plugin.registry import IN_RANKING, parse_model_name
from recbole_ile.report.sweep_progress import Progress
from recbole_ile.report.tables import print_front, print_volumes
from recbole_ile.sweeping.ledger import Ledger
from recbole_ile.sweeping.selection import (
    Candidate,
    MethodVolume,
    Objective,
    best_of_methods,
    candidates,
    dominated_volume,
    method_volumes,
    missed,
    selected,
    worst_values,
)
from recbole_ile.sweeping.shared_data import data_keys
from recbole_ile.sweeping.space import (
    Alternative,
    grid_points,
    merged,
    random_points,
    read_option,
    read_space,
)
from recbole_ile.sweeping.trials import TRAINED, Trial, baselines, check_keys, keys_of, make_trials

NAME = "sweep"
HELP = "search for the weight with the best trade-off between accuracy and fairness, with Ray Tune"
SAMPLES = {"grid": 1, "random": 20, "optuna": 20}
DRAWN = ("choice", "uniform", "loguniform")
OBJECTIVES = "ndcg@10,upd@10"
MAX_LOSS = 0.05
PLACE = Path("saved") / "sweeps"
FAIRNESS = ("upd", "ad", "ee")


class Sweep(NamedTuple):
    """What all trials of a sweep have in common, and what is looked for."""

    model: str
    dataset: str
    fixed: dict[str, Any]
    seed: int
    metrics: list[str]
    valid_metric: Objective
    objectives: list[Objective]
    max_loss: float
    required: list[Target]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that are not keys of the configuration."""
    parser.add_argument("--model", "-m", help="a model with a mitigation, BPR_ILE say, or any other")
    common.add_arguments(parser)
    parser.add_argument("--name", help="folder below saved/sweeps; default <model>-<dataset>")
    space = parser.add_argument_group("what to try; by default, what suits the model's mitigations")
    space.add_argument("--space", help="a YAML file, a hyper.test file of RecBole, or a ready-made one: paper")
    space.add_argument("--grid", action="append", default=[], metavar="KEY=V,V", help="every value")
    space.add_argument("--choice", action="append", default=[], metavar="KEY=V,V", help="one of the values at random")
    space.add_argument("--uniform", action="append", default=[], metavar="KEY=LOW,HIGH", help="any number between")
    space.add_argument("--loguniform", action="append", default=[], metavar="KEY=LOW,HIGH", help="its logarithm")
    search = parser.add_argument_group("how to search")
    search.add_argument("--search", default="grid", help="grid, random or optuna (multi-objective)")
    search.add_argument("--scheduler", default="fifo", help="fifo trains all to the end; asha stops inaccurate ones")
    search.add_argument("--num_samples", type=int, help="draws: for each point of the grid (1), or in all (20)")
    search.add_argument(
        "--resume", metavar="FOLDER", help="continue an interrupted sweep; failed trials are tried again"
    )
    machines.add_arguments(parser, "max_concurrent")
    chosen = parser.add_argument_group("what to recommend")
    chosen.add_argument("--objectives", default=OBJECTIVES, help=f"accuracy first; default {OBJECTIVES}")
    chosen.add_argument(
        "--max_loss", type=float, help=f"share of the baseline's accuracy that may be lost; default {MAX_LOSS:g}"
    )
    chosen.add_argument(
        "--require",
        metavar="BOUND,BOUND",
        help="recommend the most accurate setting that meets bounds, upd@10<=0.07,ad@10>=0.5 say, instead",
    )


def main(arguments: argparse.Namespace, rest: list[str]) -> int:
    """Run a sweep and write its report; 1 if a trial failed, 130 if it was interrupted."""
    console = Console()
    _check(arguments)
    if arguments.resume:
        ledger = Ledger(arguments.resume)
        rest = _continued(arguments, rest, ledger.settings())
    sweep = _sweep(arguments, parse_options(rest))
    folder = arguments.resume or PLACE / (arguments.name or f"{sweep.model}-{sweep.dataset}")
    ledger = Ledger(folder)
    space = _space(arguments, sweep)
    check_keys(space, sweep.model, sweep.fixed)
    planned = _planned(arguments, sweep, space)
    ledger.open({"model": sweep.model, "dataset": sweep.dataset, "fixed": sweep.fixed}, _kept(arguments))
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
        named, plan = _methods(sweep, found) if whole else ([], None)
        if plan:
            running.on_test_part(stage, wanted_tests(plan, ledger.outcomes()), users=True)
    write_report(sweep, ledger, found, tests, console)
    if plan:
        write_methods(sweep, ledger, found, named, plan, console)
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


def _methods(sweep: Sweep, found: list[Candidate]) -> tuple[list[Method], Plan | None]:
    """Return what each method would be recommended with, if there are several, behind the most accurate baseline."""
    from recbole_ile.report.sweep_files import label

    chosen = best_of_methods(found, sweep.objectives, sweep.max_loss, sweep.required)
    bases = [each for each in found if each.baseline]
    if len(chosen) < 2 or not bases:
        return [], None
    base = _most_accurate(bases, sweep.objectives[0])
    return as_methods([(label(each), each) for each in (base, *chosen.values()) if each], sweep.seed)


def write_methods(
    sweep: Sweep, ledger: Ledger, found: list[Candidate], methods: list[Method], plan: Plan, console: Console
) -> None:
    """Write and print how the methods compare on the test part, each with what it would be recommended with."""
    from recbole_ile.report.comparison_files import write_comparison
    from recbole_ile.report.comparison_tables import print_comparison

    metrics = [Metric(*each, each.metric.startswith("upd@")) for each in (sweep.objectives[0], *_fairness(sweep))]
    chosen = best_of_methods(found, sweep.objectives, sweep.max_loss, sweep.required)
    without = [method for method, each in chosen.items() if each is None]
    notes = [f"{_rule(sweep)}, chosen on the validation part."]
    if without:
        notes.append(f"Nothing that was tried of {', '.join(without)} is.")
    title = f"The methods of {sweep.model} on {sweep.dataset}"
    shared = {"dataset": sweep.dataset, **sweep.fixed, **versions()}
    comparison = collect(title, methods, plan, metrics, ledger, shared, notes, sweep.seed)
    write_comparison(ledger.folder / "methods", comparison)
    print_comparison(comparison, console)


def _rule(sweep: Sweep) -> str:
    """Say which setting of a method stands for it."""
    if sweep.required:
        return f"Of each method the most accurate setting that is {', '.join(map(str, sweep.required))}"
    first, second = sweep.objectives[:2]
    return f"Of each method the setting best in {second.metric} that is within {sweep.max_loss:.0%} of {first.metric}"


def write_report(sweep: Sweep, ledger: Ledger, found: list[Candidate], tests: dict[int, Any], console: Console) -> None:
    """Write the files of a sweep's front, and print it."""
    from recbole_ile.report import sweep_files

    outcomes = list(ledger.outcomes().values())
    points = [
        {**entry["training"], **point["ranking"]}
        for entry in outcomes
        for point in entry["points"] or [{"ranking": {}}]
    ]
    keys = list(dict.fromkeys(key for point in points for key in point))
    sweep_files.write_trials(ledger.folder / "trials.csv", outcomes, keys)
    if not any(each.recommended for each in found):
        console.print("no trial has a result to choose from")
        return
    fairness = _fairness(sweep)
    title = f"{sweep.model} on {sweep.dataset}"
    best = next(each for each in found if each.recommended)
    volume = dominated_volume(found, sweep.objectives, worst_values(found, sweep.objectives))
    sweep_files.write_front(ledger.folder / "front.csv", found, keys, tests)
    write_text(ledger.folder / "best.yaml", sweep_files.best_config(best, sweep.model, sweep.dataset, sweep.fixed))
    sweep_files.write_figures(ledger.folder, found, sweep.objectives, fairness, title)
    summary = [
        f"Recommended: {sweep_files.label(best)}, {_verdict(sweep, found, best)}.",
        f"Chosen on the validation part; test figures are those of the front alone. Hypervolume of the front in "
        f"{' by '.join(each.metric for each in sweep.objectives)}: {volume:.3g}.",
    ]
    dimensions = [sweep.objectives[0], *fairness]
    volumes = method_volumes(found, dimensions)
    if volumes:
        summary.append(_of_volumes(volumes, dimensions, worst_values(found, dimensions)))
    content = sweep_files.page_content(title, summary, found, tests, sweep.objectives, fairness, sweep)
    sweep_files.write_page(ledger.folder / "report.html", content)
    shown = [each.metric for each in (sweep.objectives[0], *fairness)]
    print_front([(sweep_files.label(each), each) for each in found], tests, shown, title, console)
    if volumes:
        print_volumes(volumes, console)
    for line in summary:
        console.print(line, soft_wrap=True)


def _fairness(sweep: Sweep) -> list[Objective]:
    """Return what is shown beside the accuracy: the other objectives, and UPD, AD and EE where they are evaluated."""
    k = sweep.objectives[0].metric.partition("@")[2]
    known = [f"{name}@{k}" for name in FAIRNESS if f"{name}@{k}" in sweep.metrics]
    return list(dict.fromkeys([*sweep.objectives[1:], *map(common.objective, known)]))


def _of_volumes(volumes: list[MethodVolume], dimensions: list[Objective], reference: list[float]) -> str:
    """Say how much each method dominates alone, and all together."""
    worst = ", ".join(f"{each.metric} {value:.4f}" for each, value in zip(dimensions, reference, strict=True))
    shares = ", ".join(f"{each.method} {each.volume:.3g}" for each in volumes)
    return f"Hypervolume of each method with the baseline, measured from the worst of all settings ({worst}): {shares}."


def _verdict(sweep: Sweep, found: list[Candidate], best: Candidate) -> str:
    """Say what the recommendation costs and gains against the best baseline."""
    accuracy = sweep.objectives[0]
    bases = [each for each in found if each.baseline]
    if sweep.required:
        bounds = ", ".join(str(target) for target in sweep.required)
        miss = missed(best, sweep.required)
        met = f"the closest to {bounds}, which no setting meets: it misses by {miss:.1%}"
        return (met if miss else f"the most accurate that meets {bounds}") + _change(sweep, bases, best)
    if best.baseline:
        return f"the base model: nothing fairer is within {sweep.max_loss:.0%} of its {accuracy.metric}"
    if not bases:
        return f"within {sweep.max_loss:.0%} of the best {accuracy.metric}"
    return _change(sweep, bases, best)[2:]


def _change(sweep: Sweep, bases: list[Candidate], best: Candidate) -> str:
    """Return what a setting changes in each objective against the most accurate baseline, nothing without one."""
    if not bases:
        return ""
    base = _most_accurate(bases, sweep.objectives[0])
    changes = (
        f"{each.metric} {best.mean[each.metric]:.4f} ({best.mean[each.metric] / base.mean[each.metric] - 1:+.0%})"
        for each in sweep.objectives
        if base.mean[each.metric]
    )
    return f", against the baseline {', '.join(changes)}"


def _most_accurate(found: list[Candidate], accuracy: Objective) -> Candidate:
    pick = max if accuracy.higher else min
    return pick(found, key=lambda each: each.mean[accuracy.metric])


def _check(arguments: argparse.Namespace) -> None:
    for option, allowed in (("search", tuple(SAMPLES)), ("scheduler", ("fifo", "asha"))):
        value = getattr(arguments, option)
        if value not in allowed:
            miss = near_miss(value, allowed)
            raise InputError(f"option {option}={value} is not allowed{miss}; it is one of {', '.join(allowed)}")
    for option, lowest in (("num_samples", 1), ("max_loss", 0.0)):
        value = getattr(arguments, option)
        if value is not None and value < lowest:
            raise InputError(f"option {option}={value} is not allowed; it is at least {lowest}")
    machines.check(arguments)
    if arguments.max_loss is not None and arguments.max_loss > 1:
        raise InputError(f"option max_loss={arguments.max_loss:g} is a share, at most 1")
    if arguments.max_loss is not None and arguments.require:
        raise InputError("options max_loss and require: each says what to recommend; leave out one")


TRIED = ("space", "grid", *DRAWN, "search", "scheduler", "num_samples")
RECOMMENDED = ("objectives", "max_loss", "require")


def _kept(arguments: argparse.Namespace) -> dict[str, Any]:
    kept = {name: getattr(arguments, name) for name in (*TRIED, *RECOMMENDED)}
    if arguments.space and Path(arguments.space).is_file():
        kept["space"] = str(Path(arguments.space).resolve())
    return kept


def _continued(arguments: argparse.Namespace, rest: list[str], settings: dict[str, Any]) -> list[str]:
    """Take from the folder of a sweep what its command said; only what to recommend may be told anew."""
    defaults = argparse.ArgumentParser()
    add_arguments(defaults)
    usual = defaults.parse_args([])
    anew = {name for name in RECOMMENDED if getattr(arguments, name) != getattr(usual, name)}
    anew |= {"max_loss", "require"} if anew & {"max_loss", "require"} else set()
    for name in ("model", "dataset", "config_files", "preset", "name", *TRIED):
        if getattr(arguments, name) != getattr(usual, name):
            raise InputError(f"option {name}: a sweep is continued as it was started; leave it out beside --resume")
    if rest:
        raise InputError(f"option {rest[0]}: a sweep is continued as it was started; leave it out beside --resume")
    arguments.model, arguments.dataset = settings["model"], settings["dataset"]
    for name, value in settings["options"].items():
        if name not in anew:
            setattr(arguments, name, value)
    arguments.fixed = settings["fixed"]
    return []


def _sweep(arguments: argparse.Namespace, options: dict[str, str]) -> Sweep:
    settings = common.read_settings(arguments.model, arguments, {**options, **getattr(arguments, "fixed", {})})
    objectives = []
    for name in (each.strip().lower() for each in arguments.objectives.split(",")):
        if name not in settings.metrics:
            miss = near_miss(name, settings.metrics)
            raise InputError(
                f"option objectives={arguments.objectives}: {name} is not evaluated{miss}; "
                f"metrics and topk give {', '.join(settings.metrics)}"
            )
        objectives.append(common.objective(name))
    if len(set(objectives)) < 2:
        raise InputError(f"option objectives={arguments.objectives}: a trade-off has two metrics at least")
    max_loss = MAX_LOSS if arguments.max_loss is None else arguments.max_loss
    return Sweep(*settings, objectives, max_loss, _required(arguments.require, settings.metrics))


def _required(text: str | None, metrics: list[str]) -> list[Target]:
    required = []
    for part in text.split(",") if text else ():
        try:
            target = parse_target(part)
        except ValueError as error:
            raise InputError(f"option require={text}: {part} is not allowed; {error}") from error
        if target.metric not in metrics:
            miss = near_miss(target.metric, metrics)
            raise InputError(
                f"option require={text}: {target.metric} is not evaluated{miss}; metrics and topk give "
                f"{', '.join(metrics)}"
            )
        if target.higher != common.objective(target.metric).higher:
            better = "less is better; write <=" if target.higher else "more is better; write >="
            raise InputError(f"option require={text}: of {target.metric} {better}")
        required.append(target)
    return required


def _space(arguments: argparse.Namespace, sweep: Sweep) -> list[Alternative]:
    options: Alternative = {}
    for kind in ("grid", *DRAWN):
        for text in getattr(arguments, kind):
            for key, domain in read_option(kind, text).items():
                if key in options:
                    raise InputError(f"option --{kind} {text}: {key} is given twice")
                options[key] = domain
    mitigations = parse_model_name(sweep.model).mitigations
    spaces: list[list[Alternative]] = []
    if arguments.space:
        spaces = [read_space(arguments.space, exhaustive=arguments.search == "grid")]
    elif set(options) <= {"seed"}:
        spaces = [_within(read_space(name, exhaustive=True), sweep.fixed) for name in mitigations]
    if options:
        spaces.append([options])
    space = merged(spaces)
    if not any(space):
        raise InputError(f"model {sweep.model} has no mitigation to be swept by default; say what, --grid key=v,v")
    return space


def _within(space: list[Alternative], fixed: dict[str, Any]) -> list[Alternative]:
    """Return what is left of a ready-made space when some of its keys have one value."""
    fitting = [
        alternative
        for alternative in space
        if all(fixed[key] in domain.values for key, domain in alternative.items() if key in fixed and len(space) > 1)
    ]
    return [{key: domain for key, domain in alternative.items() if key not in fixed} for alternative in fitting]


def _planned(arguments: argparse.Namespace, sweep: Sweep, space: list[Alternative]) -> list[Trial]:
    samples = arguments.num_samples or SAMPLES[arguments.search]
    exhaustive = arguments.search == "grid"
    points = grid_points(space, samples, sweep.seed) if exhaustive else random_points(space, samples, sweep.seed)
    bases = baselines(points, space, sweep.model, exhaustive)
    if arguments.search == "optuna":
        for mitigation in parse_model_name(sweep.model).mitigations:
            for key in {key for alternative in space for key in alternative} & keys_of(mitigation):
                if mitigation in IN_RANKING and key not in TRAINED:
                    raise InputError(
                        f"option search=optuna suggests trainings, and {key} acts in ranking: with grid or random "
                        "all of its values are tried on each trained model"
                    )
        points = []
    return make_trials([*bases, *points], sweep.model)
