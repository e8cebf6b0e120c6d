"""Which models a sweep is about: one, several, or those that suit the data."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from recbole_ile.commands.arguments import read_settings
from recbole_ile.commands.sweep_request import Sweep, given_options, read_sweep, space_of_options, within
from recbole_ile.errors import InputError, near_miss
from recbole_ile.experiments.engine.points import Trial, check_owned
from recbole_ile.experiments.sweep.models import (
    AUTO,
    WIDE,
    Swept,
    auto_models,
    check_named,
    check_together,
    fitting_space,
    space_of,
    too_wide,
    trials_of,
)
from recbole_ile.experiments.sweep.space import Alternative, by_model, merged, read_space, space_text, spaces_text
from recbole_ile.plugin.catalogue.model_names import ModelName
from recbole_ile.plugin.catalogue.model_options import has_option
from recbole_ile.plugin.catalogue.models import get_model, known_bases


class Request(NamedTuple):
    """What a sweep across models was asked for.

    Attributes:
        sweep: what its trials have in common.
        swept: the models and what is tried of each.
        notes: sentences on what is left out.
    """

    sweep: Sweep
    swept: list[Swept]
    notes: list[str]


def named_models(arguments: argparse.Namespace) -> list[ModelName] | None:
    """Return the models of a sweep across models, ``None`` if the sweep is of one.

    Raises:
        InputError: for a list with a hole in it, or that is more than ``auto``.
    """
    if not arguments.model:
        return None
    texts = [text.strip() for text in arguments.model.split(",")]
    if not all(texts):
        raise InputError(f"option model={arguments.model}: there is nothing between two commas; write MODEL,MODEL")
    if AUTO in texts and len(texts) > 1:
        raise InputError(f"option model={arguments.model}: {AUTO} chooses the models; it stands alone")
    if texts == [AUTO]:
        return [each.name for each in auto_models()]
    if len(texts) == 1 and texts[0] not in known_bases() and near_miss(texts[0], (AUTO,)):
        raise InputError(f"unknown model {texts[0]}{near_miss(texts[0], (AUTO,))}")
    names = [ModelName.parse(text) for text in texts]
    other = arguments.baseline is not None and _plain(arguments.baseline).base != names[0].base
    return names if len(names) > 1 or other or arguments.several else None


def read_request(arguments: argparse.Namespace, names: list[ModelName], options: dict[str, str]) -> Request:
    """Read what a sweep across models tries, leave out what cannot be, and say so.

    Args:
        arguments: of the command line.
        names: of the models.
        options: keys of the configuration.

    Raises:
        InputError: for whatever is not known or not allowed.
    """
    if arguments.search == "optuna":
        raise InputError("option search=optuna suggests settings of one model; make a sweep for each, or take random")
    check_together(names)
    arguments.sparing = arguments.sparing or arguments.model == AUTO
    fixed = {**options, **getattr(arguments, "fixed", {})}
    for name in names:
        read_settings(str(name), arguments, fixed)
    arguments.model = str(names[0])
    sweep = read_sweep(arguments, options)
    notes: list[str] = []
    if not arguments.resume:
        names = _of_the_data(sweep, names, notes)
    baseline = _plain(arguments.baseline) if arguments.baseline else ModelName(names[0].base)
    swept = _spaces(arguments, sweep, names, notes)
    if baseline.base not in {name.base for name in names}:
        read_settings(str(baseline), arguments, fixed)
        check_together([*names, baseline])
        swept.insert(0, Swept(baseline, [{}]))
    arguments.model, arguments.baseline = ",".join(map(str, names)), str(baseline)
    across = {"model": names[0], "models": tuple(names), "baseline": baseline, "sparing": arguments.sparing}
    return Request(replace(sweep, **across), swept, notes)


def trials_of_request(arguments: argparse.Namespace, request: Request, samples: int) -> list[Trial]:
    """Return the trials of all models, those of the baseline first unless cheap models come before dear ones."""
    swept, baseline = request.swept, request.sweep.baseline
    if not request.sweep.sparing and baseline is not None:
        swept = sorted(swept, key=lambda each: each.name.base != baseline.base)
    return trials_of(swept, arguments.search == "grid", samples, request.sweep.seed)


def kept_space(arguments: argparse.Namespace, request: Request) -> str | None:
    """Return what the folder keeps of a space in a file, ``None`` if the space is none."""
    if not arguments.space or not Path(arguments.space).is_file():
        return None
    if not request.sweep.models:
        return space_text(request.swept[0].space)
    return spaces_text({str(each.name): each.space for each in request.swept if any(each.space)})


def _plain(text: str) -> ModelName:
    """Return the base model that others are measured against."""
    name = ModelName.parse(text)
    if name.mitigations:
        raise InputError(f"option baseline={text}: a baseline is a model without mitigations, {name.base} say")
    try:
        get_model(name)
    except InputError as error:
        raise InputError(f"option baseline={text}: {error}") from error
    return name


def _of_the_data(sweep: Sweep, names: list[ModelName], notes: list[str]) -> list[ModelName]:
    """Return the models that can be computed on the data."""
    if not any(name.base in WIDE for name in names):
        return names
    from recbole_ile.experiments.engine.shared_data import size_of
    from recbole_ile.plugin.config.config import IleConfig
    from recbole_ile.plugin.output.logs import quiet_recbole

    with quiet_recbole():
        size = size_of(IleConfig(str(names[0]), sweep.dataset, config_dict=dict(sweep.fixed)))
    reasons = {name: too_wide(name, *size) for name in names}
    for name, reason in reasons.items():
        if reason:
            notes.append(f"{name} is left out: {name.base} {reason}.")
    left = [name for name, reason in reasons.items() if reason is None]
    if not left:
        raise InputError(f"option model: {' '.join(notes)} No model is left")
    return left


def _spaces(arguments: argparse.Namespace, sweep: Sweep, names: list[ModelName], notes: list[str]) -> list[Swept]:
    """Return what is tried of each model, and note the keys that a model has not."""
    options = given_options(arguments)
    ready = {str(each.name): each.space for each in auto_models()} if arguments.sparing else {}
    common: list[Alternative] = []
    if arguments.space:
        named = by_model(Path(arguments.space))
        if named is None:
            common = read_space(arguments.space, exhaustive=arguments.search == "grid")
        else:
            check_named(named, names, arguments.space)
            ready = named
    tried = dict.fromkeys(key for each in (*common, options) for key in each)
    nobodys = [key for key in tried if not any(has_option(name, key) for name in names)]
    check_owned(nobodys, names[0])
    if nobodys:
        raise InputError(f"{nobodys[0]} is an option of none of the models {', '.join(map(str, names))}")
    found = []
    for name in names:
        own, without = fitting_space(common, name)
        chosen, further = fitting_space([options], name)
        without = list(dict.fromkeys([*without, *further]))
        if without:
            notes.append(f"{name} has no {' and no '.join(without)}: left out for it.")
        given = own if own else space_of(ready, name)
        found.append(Swept(name, _whole_space(sweep, name, given, chosen)))
    return found


def _whole_space(
    sweep: Sweep, name: ModelName, given: list[Alternative] | None, options: list[Alternative]
) -> list[Alternative]:
    """Return a model's own space with single options over it, or what suits its mitigations where it has none."""
    if given:
        space = merged([each for each in (within(given, sweep.fixed), options) if each])
    else:
        space = space_of_options(name, sweep.fixed, options[0] if options else {})
    return space if any(space) else [{}]


def settings_of(sweep: Sweep) -> dict[str, Any]:
    """Return what makes a sweep another one if it changes."""
    return {
        "model": ",".join(map(str, sweep.models)) or str(sweep.model),
        "dataset": sweep.dataset,
        "fixed": sweep.fixed,
    }
