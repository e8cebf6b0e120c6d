"""What a sweep was asked for: its settings, its space and its trials, read from the command line."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recbole_ile.commands import stored
from recbole_ile.commands.arguments import (
    Settings,
    add_machine_arguments,
    add_settings_arguments,
    check_machine_arguments,
    first_given,
    parse_options,
    read_settings,
)
from recbole_ile.errors import InputError, near_miss
from recbole_ile.experiments.engine.ledger import Ledger
from recbole_ile.experiments.engine.points import Trial, baselines, make_trials
from recbole_ile.experiments.sweep.budget import read_budget
from recbole_ile.experiments.sweep.space import (
    Alternative,
    grid_points,
    merged,
    mitigation_space,
    random_points,
    read_option,
    read_space,
)
from recbole_ile.files import check_folder_name
from recbole_ile.metric import Better, Bound, Metric
from recbole_ile.plugin.catalogue.model_names import ModelName

SAMPLES = {"grid": 1, "random": 20, "optuna": 20}
DRAWN = ("choice", "uniform", "loguniform")
OBJECTIVES = "ndcg@10,upd@10"
MAX_LOSS = 0.05
TRIED = ("space", "grid", *DRAWN, "search", "scheduler", "num_samples")
RECOMMENDED = ("objectives", "max_loss", "require")
"""The options that say what is tried, and what of it is recommended."""
KINDS = {
    "space": str | None,
    **dict.fromkeys(("grid", *DRAWN), list),
    **dict.fromkeys(("search", "scheduler", "objectives"), str),
    "num_samples": int | None,
    "max_loss": float | int | None,
    "require": str | None,
}
"""What each of them is in the file that a sweep is continued from."""
ACROSS = {"baseline": str, "sparing": bool}
"""What a sweep across models keeps besides."""
USUAL: dict[str, Any] = {
    **{option: [] for option in ("grid", *DRAWN)},
    "search": "grid",
    "scheduler": "fifo",
    "objectives": OBJECTIVES,
}
"""What they are if neither the command line nor a folder has them; the others are nothing then."""
BETTER = {Better.HIGHER: "more", Better.LOWER: "less", Better.ZERO: "what is nearer 0"}
SPACE_FILE = "space.yaml"


@dataclass(frozen=True)
class Sweep(Settings):
    """What all trials of a sweep have in common, and what is looked for."""

    objectives: list[Metric]
    max_loss: float
    required: list[Bound]
    models: tuple[ModelName, ...] = ()
    """All of them in a sweep across models, none in a sweep of one."""
    baseline: ModelName | None = None
    """What the others are measured against in a sweep across models; otherwise what the mitigations are on."""
    sparing: bool = False
    """Whether models that are dominated get no further trainings."""

    @property
    def title(self) -> str:
        """What it is about, for a reader."""
        return f"{', '.join(map(str, self.models)) or self.model} on {self.dataset}"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that are not keys of the configuration."""
    parser.add_argument(
        "--model",
        "-m",
        help="a model with a mitigation, BPR_ILE say, or any other; several with commas between, or auto",
    )
    parser.add_argument("--baseline", metavar="MODEL", help="measured against; default the first model, plain")
    add_settings_arguments(parser)
    parser.add_argument("--name", help="folder below saved/sweeps; default <model>-<dataset>")
    space = parser.add_argument_group("what to try; by default, what suits the model's mitigations")
    space.add_argument("--space", help="a YAML file, a hyper.test file of RecBole, or a ready-made one: paper, front")
    space.add_argument("--grid", action="append", metavar="KEY=V,V", help="every value")
    space.add_argument("--choice", action="append", metavar="KEY=V,V", help="one of the values at random")
    space.add_argument("--uniform", action="append", metavar="KEY=LOW,HIGH", help="any number between")
    space.add_argument("--loguniform", action="append", metavar="KEY=LOW,HIGH", help="its logarithm")
    search = parser.add_argument_group("how to search")
    search.add_argument("--search", help="grid, random or optuna (multi-objective)")
    search.add_argument("--scheduler", help="fifo trains all to the end; asha stops inaccurate ones")
    search.add_argument("--num_samples", type=int, help="draws: for each point of the grid (1), or in all (20)")
    search.add_argument(
        "--budget", metavar="TIME", help="30m say: the best answer within it; --resume goes on with what is left out"
    )
    search.add_argument(
        "--resume", metavar="FOLDER", help="continue an interrupted sweep; failed trials are tried again"
    )
    parser.set_defaults(several=False, sparing=False)
    add_machine_arguments(parser, "max_concurrent")
    chosen = parser.add_argument_group("what to recommend")
    chosen.add_argument("--objectives", help=f"accuracy first; default {OBJECTIVES}")
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

    Args:
        arguments: of the command line, or those of an earlier one from the folder.

    Raises:
        InputError: names the option, its value and what is allowed.
    """
    for option, allowed in (("search", tuple(SAMPLES)), ("scheduler", ("fifo", "asha"))):
        value = getattr(arguments, option)
        if value is not None and value not in allowed:
            miss = near_miss(value, allowed)
            raise InputError(f"option {option}={value} is not allowed{miss}; it is one of {', '.join(allowed)}")
    for option, lowest in (("num_samples", 1), ("max_loss", 0.0)):
        value = getattr(arguments, option)
        if value is not None and value < lowest:
            raise InputError(f"option {option}={value} is not allowed; it is at least {lowest}")
    if arguments.budget is not None:
        read_budget(arguments.budget)
    check_machine_arguments(arguments)
    if arguments.name is not None:
        check_folder_name("name", arguments.name)
    if arguments.max_loss is not None and arguments.max_loss > 1:
        raise InputError(f"option max_loss={arguments.max_loss:g} is a share, at most 1")
    if arguments.max_loss is not None and arguments.require:
        raise InputError("options max_loss and require: each says what to recommend; leave out one")


def resumable_options(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the options that a resumed sweep has again; of a space in a file, the sweep keeps a copy."""
    kept = {name: getattr(arguments, name) for name in (*TRIED, *RECOMMENDED)}
    if arguments.several:
        kept |= {name: getattr(arguments, name) for name in ACROSS}
    if arguments.space and Path(arguments.space).is_file():
        kept["space"] = SPACE_FILE
    return kept


def continued(arguments: argparse.Namespace, rest: list[str], ledger: Ledger) -> bool:
    """Take from the folder of a sweep what its command said; only what to recommend may be told anew.

    Returns:
        Whether all of it is from the folder.

    Raises:
        InputError: for any other option, and if the folder says what no command can.
    """
    settings = ledger.settings()
    anew = {name for name in RECOMMENDED if first_given(arguments, [name])}
    anew |= {"max_loss", "require"} if anew & {"max_loss", "require"} else set()
    given = first_given(arguments, ("model", "dataset", "config_files", "preset", "name", "baseline", *TRIED))
    given = given or next(iter(parse_options(rest)), None)
    if given:
        raise InputError(f"option {given}: a sweep is continued as it was started; leave it out")
    arguments.model = stored.value(ledger, settings, "model", str)
    arguments.dataset = stored.value(ledger, settings, "dataset", str)
    options = stored.value(ledger, settings, "options", dict)
    for name, kind in KINDS.items():
        value = stored.value(ledger, options, name, kind)
        if isinstance(value, list) and not all(isinstance(each, str) for each in value):
            raise stored.damaged(ledger, name, value)
        if name not in anew:
            setattr(arguments, name, value)
    if options.keys() & ACROSS.keys():
        arguments.several = True
        for name, kind in ACROSS.items():
            setattr(arguments, name, stored.value(ledger, options, name, kind))
    own = ledger.folder / SPACE_FILE
    if arguments.space == SPACE_FILE and own.is_file():
        arguments.space = str(own)
    arguments.fixed = stored.fixed(ledger, settings)
    return not anew


def read_sweep(arguments: argparse.Namespace, options: dict[str, str]) -> Sweep:
    """Return what all trials have in common, and what is looked for.

    Args:
        arguments: of the command line.
        options: keys of the configuration.

    Raises:
        InputError: for whatever is not known or not allowed.
    """
    settings = read_settings(arguments.model, arguments, {**options, **getattr(arguments, "fixed", {})})
    objectives = []
    for name in (each.strip().lower() for each in arguments.objectives.split(",")):
        if name not in settings.metrics:
            miss = near_miss(name, settings.metrics)
            raise InputError(
                f"option objectives={arguments.objectives}: {name} is not evaluated{miss}; "
                f"metrics and topk give {', '.join(settings.metrics)}"
            )
        objectives.append(Metric.parse(name))
    if len(set(objectives)) < 2:
        raise InputError(f"option objectives={arguments.objectives}: a trade-off has two metrics at least")
    max_loss = MAX_LOSS if arguments.max_loss is None else arguments.max_loss
    required = _required(arguments.require, settings.metrics)
    return Sweep(**vars(settings), objectives=objectives, max_loss=max_loss, required=required)


def _required(text: str | None, metrics: list[str]) -> list[Bound]:
    required = []
    for part in text.split(",") if text else ():
        try:
            bound = Bound.parse(part)
        except ValueError as error:
            raise InputError(f"option require={text}: {part} is not allowed; {error}") from error
        name = str(bound.metric)
        if name not in metrics:
            raise InputError(
                f"option require={text}: {name} is not evaluated{near_miss(name, metrics)}; metrics and topk give "
                f"{', '.join(metrics)}"
            )
        if not bound.is_sensible:
            better = bound.metric.better
            raise InputError(f"option require={text}: of {name} {BETTER[better]} is better; write {better.operator}")
        required.append(bound)
    return required


def chosen_space(arguments: argparse.Namespace, sweep: Sweep) -> list[Alternative]:
    """Return what is to be tried: the space that was named, or those of the model's mitigations, and single options.

    Raises:
        InputError: if there is nothing, or a key is given twice.
    """
    options = given_options(arguments)
    if arguments.space:
        spaces = [read_space(arguments.space, exhaustive=arguments.search == "grid")]
        space = merged([*spaces, *([[options]] if options else [])])
    else:
        space = space_of_options(sweep.model, sweep.fixed, options)
    if not any(space):
        raise InputError(f"model {sweep.model} has no mitigation to be swept by default; say what, --grid key=v,v")
    return space


def given_options(arguments: argparse.Namespace) -> Alternative:
    """Return what ``--grid``, ``--choice``, ``--uniform`` and ``--loguniform`` say.

    Raises:
        InputError: if a key is given twice.
    """
    options: Alternative = {}
    for kind in ("grid", *DRAWN):
        for text in getattr(arguments, kind):
            for key, domain in read_option(kind, text).items():
                if key in options:
                    raise InputError(f"option --{kind} {text}: {key} is given twice")
                options[key] = domain
    return options


def space_of_options(name: ModelName, fixed: dict[str, Any], options: Alternative) -> list[Alternative]:
    """Return the space of single options, and of a model's mitigations if they say nothing but the seeds."""
    spaces: list[list[Alternative]] = []
    if set(options) <= {"seed"}:
        spaces = [within(found, fixed) for found in map(mitigation_space, name.mitigations) if found]
    if options:
        spaces.append([options])
    return merged(spaces)


def within(space: list[Alternative], fixed: dict[str, Any]) -> list[Alternative]:
    """Return what is left of a ready-made space when some of its keys have one value."""
    fitting = [
        alternative
        for alternative in space
        if all(fixed[key] in domain.values for key, domain in alternative.items() if key in fixed and len(space) > 1)
    ]
    return [{key: domain for key, domain in alternative.items() if key not in fixed} for alternative in fitting]


def samples_of(arguments: argparse.Namespace) -> int:
    """Return how often is drawn what is no grid."""
    return int(arguments.num_samples or SAMPLES[arguments.search])


def planned_trials(arguments: argparse.Namespace, sweep: Sweep, space: list[Alternative]) -> list[Trial]:
    """Return the trials that are known beforehand, the baselines first.

    Raises:
        InputError: if Optuna is to suggest what acts in ranking.
    """
    samples = samples_of(arguments)
    exhaustive = arguments.search == "grid"
    points = grid_points(space, samples, sweep.seed) if exhaustive else random_points(space, samples, sweep.seed)
    bases = baselines(points, space, sweep.model, exhaustive)
    if arguments.search == "optuna":
        for key in sorted({key for alternative in space for key in alternative} & sweep.model.ranking_keys):
            raise InputError(
                f"option search=optuna suggests trainings, and {key} acts in ranking: with grid or random "
                "all of its values are tried on each trained model"
            )
        points = []
    return make_trials([*bases, *points], sweep.model)
