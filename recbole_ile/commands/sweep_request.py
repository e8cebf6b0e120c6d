"""What a sweep was asked for: its settings, its space and its trials, read from the command line."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, NamedTuple

from recbole_ile.commands import machines
from recbole_ile.commands import settings as common
from recbole_ile.errors import InputError, near_miss
from recbole_ile.functional.fairness_target import Target, parse_target
from recbole_ile.plugin.registry import IN_RANKING, parse_model_name
from recbole_ile.sweeping.selection import Objective
from recbole_ile.sweeping.space import Alternative, grid_points, merged, random_points, read_option, read_space
from recbole_ile.sweeping.trials import TRAINED, Trial, baselines, keys_of, make_trials

SAMPLES = {"grid": 1, "random": 20, "optuna": 20}
DRAWN = ("choice", "uniform", "loguniform")
OBJECTIVES = "ndcg@10,upd@10"
MAX_LOSS = 0.05
TRIED = ("space", "grid", *DRAWN, "search", "scheduler", "num_samples")
RECOMMENDED = ("objectives", "max_loss", "require")
"""The options that say what is tried, and what of it is recommended."""


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
    space.add_argument("--space", help="a YAML file, a hyper.test file of RecBole, or a ready-made one: paper, front")
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


def check(arguments: argparse.Namespace) -> None:
    """Refuse what no sweep can be.

    Raises:
        InputError: names the option, its value and what is allowed.
    """
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


def kept(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the options that a resumed sweep has again."""
    kept = {name: getattr(arguments, name) for name in (*TRIED, *RECOMMENDED)}
    if arguments.space and Path(arguments.space).is_file():
        kept["space"] = str(Path(arguments.space).resolve())
    return kept


def continued(arguments: argparse.Namespace, rest: list[str], settings: dict[str, Any]) -> list[str]:
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


def read_sweep(arguments: argparse.Namespace, options: dict[str, str]) -> Sweep:
    """Return what all trials have in common, and what is looked for.

    Args:
        arguments: of the command line.
        options: keys of the configuration.

    Raises:
        InputError: for whatever is not known or not allowed.
    """
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


def chosen_space(arguments: argparse.Namespace, sweep: Sweep) -> list[Alternative]:
    """Return what is to be tried: the space that was named, or those of the model's mitigations, and single options.

    Raises:
        InputError: if there is nothing, or a key is given twice.
    """
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


def planned_trials(arguments: argparse.Namespace, sweep: Sweep, space: list[Alternative]) -> list[Trial]:
    """Return the trials that are known beforehand, the baselines first.

    Raises:
        InputError: if Optuna is to suggest what acts in ranking.
    """
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
