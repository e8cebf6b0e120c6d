"""What ``help`` says of a mitigation, a metric, a distance, a model or an option: read from where each is declared."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from recbole.evaluator import register
from recbole.utils import EvaluatorType

from recbole_ile.commands.parsers import PROGRAM, parser_of
from recbole_ile.errors import InputError, near_miss
from recbole_ile.functional.distances import DISTANCES
from recbole_ile.metric import better_of, split_name
from recbole_ile.plugin.catalogue.metric_keys import takes_k
from recbole_ile.plugin.catalogue.mitigations import Mitigation, Stage, known_mitigations
from recbole_ile.plugin.catalogue.model_names import ModelName
from recbole_ile.plugin.catalogue.models import models_by_kind
from recbole_ile.plugin.catalogue.own_models import OWN_MODELS
from recbole_ile.plugin.catalogue.support import notes_on
from recbole_ile.plugin.config.explained import OURS, RECBOLE, Option, documented_options, options_of_models

Topics = Mapping[str, Callable[[], str]]


def explain(topic: str, commands: Mapping[str, str]) -> str:
    """Return the text on a topic.

    Args:
        topic: a command, a mitigation, a metric, a distance, a model or an option, in any case of letters; an option
            with or without its dashes, a metric with or without its ``@k``.
        commands: the module of every command by its name.

    Raises:
        InputError: if it is none of them; names the near miss.
    """
    topics = known_topics(commands)
    by_lower: dict[str, str] = {}
    for name in topics:
        by_lower.setdefault(name.lower(), name)
    wanted = topic.strip().lstrip("-").partition("=")[0].replace("-", "_")
    for name in (wanted, split_name(wanted)[0], wanted.split(".")[0]):
        if name in topics:
            return topics[name]()
        if name.lower() in by_lower:
            return topics[by_lower[name.lower()]]()
    if "_" in wanted and (parts := ModelName.parse(wanted).suffixes):
        return "\n\n".join(topics[part]() for part in (ModelName.parse(wanted).base, *parts) if part in topics)
    within = next((name for name in topics if wanted and wanted.lower() in name.lower().split("_")), wanted)
    raise InputError(
        f"nothing is known of {topic}{near_miss(within, topics)}; help takes a command, a mitigation "
        f"({', '.join(known_mitigations())}), a metric, a distance, a model or an option"
    )


def known_topics(commands: Mapping[str, str]) -> Topics:
    """Return every topic with the function that makes its text; of two with one name, the first of these kinds."""
    found: dict[str, Callable[[], str]] = {}

    def add(name: str, text: Callable[[], str]) -> None:
        found.setdefault(name, text)

    for name in commands:
        add(name, partial(of_command, name, commands))
    for each in known_mitigations().values():
        add(each.suffix, partial(of_mitigation, each))
    for name, kind in register.metrics_dict.items():
        add(kind.__name__, partial(of_metric, name))
    for name in DISTANCES:
        add(name, partial(of_distance, name))
    for kind, models in models_by_kind().items():
        for model in models:
            add(model, partial(of_model, model, kind))
    for option in documented_options().values():
        add(option.name, partial(of_option, option))
    for options in options_of_models().values():
        for option in options:
            add(option.name, partial(of_model_option, option.name))
    for command in commands:
        for action in parser_of(command, commands)._actions:
            for flag in action.option_strings:
                add(flag.lstrip("-"), partial(of_flag, flag, commands))
    return found


def of_command(name: str, commands: Mapping[str, str]) -> str:
    """Return the help of a command."""
    return parser_of(name, commands).format_help().rstrip()


def of_mitigation(mitigation: Mitigation) -> str:
    """Say what a mitigation does, when it acts, on which models, and its options."""
    models = [model for models in models_by_kind().values() for model in models]
    works = [model for model in models if not mitigation.refuses(model)]
    when = "in training" if mitigation.stage is Stage.TRAINING else "when lists are made, without training"
    neutral = mitigation.neutral
    off = (
        "always acts"
        if neutral is None
        else f"does nothing with {' and '.join(f'--{key}={value}' for key, value in neutral.items())}"
    )
    lines = [
        f"{mitigation.suffix}: a mitigation, as in --model=BPR_{mitigation.suffix}",
        _doc(mitigation.load()),
        f"It acts {when}, works on {len(works)} of {len(models)} models ({PROGRAM} doctor --models), and {off}.",
        *(of_option(documented_options()[key]) for key in mitigation.options),
    ]
    return "\n\n".join(lines)


def of_metric(name: str) -> str:
    """Say what a metric measures and where its better values lie.

    Args:
        name: in RecBole's registry, in lower case.
    """
    kind = register.metrics_dict[name]
    spelled = f"{kind.__name__}@k, at every k of topk" if takes_k(name) else kind.__name__
    of_lists = register.metric_types[name] is EvaluatorType.RANKING
    return "\n".join(
        (
            f"{spelled}: a metric of {'recommendation lists' if of_lists else 'predicted values'}, "
            f"{better_of(name).value} is better",
            "",
            _doc(kind),
            "",
            f"evaluated where metrics names it: --metrics=\"['NDCG','{kind.__name__}']\""
            if of_lists
            else f"evaluated where metrics names it, with others of values: --metrics=\"['{kind.__name__}']\"",
        )
    )


def of_distance(name: str) -> str:
    """Say what a distance of ILE is."""
    text = inspect.getdoc(DISTANCES[name]) or ""
    return f"{name}: a distance of ILE, --ile_distance={name}\n\n{text.partition('>>>')[0].strip()}"


def of_model(model: str, kind: str) -> str:
    """Say of a model which mitigations work on it, and its options."""
    refused: dict[str, list[str]] = {}
    works = []
    for each in known_mitigations().values():
        reason = each.refuses(model)
        if reason:
            refused.setdefault(reason, []).append(each.suffix)
        else:
            works.append(each.suffix)
    lines = [
        f"{model}: a {kind} model{'' if model in OWN_MODELS else ' of RecBole'}, --model={model}",
        f"Mitigations that work on it: {', '.join(works) or 'none'}.",
        *(f"{', '.join(names)} do not: it {reason}." for reason, names in refused.items()),
        *notes_on(model),
        *(of_option(option) for option in options_of_models().get(model, ())),
    ]
    return "\n\n".join(lines)


def of_option(option: Option) -> str:
    """Say what an option means, its default and what it takes."""
    owners = {OURS: "an option of every run", RECBOLE: "an option of RecBole"}
    owner = owners.get(option.owner, f"an option of {option.owner}")
    takes = f"; it takes {option.takes}" if option.takes else ""
    meaning = option.meaning.replace("`", "")
    return "\n".join(
        (
            f"--{option.name}  {owner}, {option.shown_default} by default{takes}",
            *([f"    {meaning}"] if meaning else []),
        )
    )


def of_model_option(name: str) -> str:
    """Say what an option of models means on each of them that has it."""
    found: dict[tuple[str, str], list[Option]] = {}
    for options in options_of_models().values():
        for option in options:
            if option.name == name:
                found.setdefault((option.shown_default, option.takes), []).append(option)
    lines = [f"--{name}  an option of models"]
    for (default, takes), alike in found.items():
        models = ", ".join(option.owner for option in alike)
        lines += [f"    {default} by default{f', it takes {takes}' if takes else ''}: {models}"]
    meanings = dict.fromkeys(option.meaning for alike in found.values() for option in alike if option.meaning)
    return "\n".join([*lines, *(f"    {meaning}" for meaning in list(meanings)[:1])])


def of_flag(flag: str, commands: Mapping[str, str]) -> str:
    """Say what an option of the command line that is no key of the configuration is for, in each command with it."""
    uses: dict[str, list[str]] = {}
    for command in commands:
        for action in parser_of(command, commands)._actions:
            if flag in action.option_strings:
                uses.setdefault(_help_of(action), []).append(command)
    name = flag.lstrip("-")
    return "\n".join(
        (f"--{name}  an option of commands", *(f"    {', '.join(names)}: {text}" for text, names in uses.items()))
    )


def _help_of(action: Any) -> str:
    default = "" if action.default in (None, False, [], "==SUPPRESS==") else f" ({action.default} by default)"
    return f"{action.help or 'see the help of the command'}{default}"


def _doc(kind: type[Any]) -> str:
    """Return the docstring of a class or of the nearest of its bases, without the sections for whoever programs."""
    text = inspect.getdoc(kind) or ""
    return text.partition("Attributes:")[0].strip().replace("``", "")
