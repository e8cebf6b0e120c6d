"""What a sweep may try: for each key a list of values or a range, in one or several alternatives."""

from __future__ import annotations

import ast
import itertools
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import yaml

from recbole_ile.errors import InputError, near_miss
from recbole_ile.plugin.catalogue.mitigations import Mitigation, known_mitigations
from recbole_ile.plugin.catalogue.own_models import OWN_MODELS, own_model_file, own_model_search
from recbole_ile.plugin.catalogue.properties import properties_dir
from recbole_ile.plugin.config.values import read_literal
from recbole_ile.yaml_files import read_yaml

KINDS = ("grid", "choice", "uniform", "quniform", "loguniform")
LISTS = ("grid", "choice")


class Domain(NamedTuple):
    """The values of a key: all of a ``grid`` one after the other, or what is drawn from the other kinds."""

    kind: str
    values: tuple[Any, ...]

    def draw(self, generator: np.random.Generator) -> Any:
        """Draw a value; that of a list is one of its values."""
        if self.kind in LISTS:
            return self.values[int(generator.integers(len(self.values)))]
        low, high, *step = self.values
        if self.kind == "loguniform":
            return math.exp(generator.uniform(math.log(low), math.log(high)))
        value = float(generator.uniform(low, high))
        return round(value / step[0]) * step[0] if step else value


Alternative = dict[str, Domain]
"""A space of its own: the domain of each key."""
Point = dict[str, Any]
"""One value of each key."""


def make_domain(kind: str, values: Any, where: str) -> Domain:
    """Return a checked domain.

    Raises:
        InputError: names the place, the values and what is allowed.
    """
    if kind not in KINDS:
        raise InputError(f"{where}: unknown kind {kind}{near_miss(kind, KINDS)}; there are {', '.join(KINDS)}")
    entries = tuple(values) if isinstance(values, Sequence) and not isinstance(values, str) else (values,)
    if not entries:
        raise InputError(f"{where}: {kind} has no values")
    if kind not in LISTS:
        wanted = 3 if kind == "quniform" else 2
        numbers = [each for each in entries if isinstance(each, int | float) and not isinstance(each, bool)]
        if len(entries) != wanted or len(numbers) != wanted or not entries[0] < entries[1]:
            names = "low,high,step" if wanted == 3 else "low,high"
            raise InputError(f"{where}: {kind} takes {names} with low < high, not {list(entries)}")
        if kind == "loguniform" and entries[0] <= 0:
            raise InputError(f"{where}: loguniform takes a range above 0, not {list(entries)}")
    return Domain(kind, entries)


def read_option(kind: str, text: str) -> Alternative:
    """Read ``ile_lambda=0.1,0.25``, the value of ``--grid``, ``--choice``, ``--uniform`` or ``--loguniform``.

    Raises:
        InputError: if it is not ``key=values``.
    """
    key, equals, values = text.partition("=")
    if not equals or not key or not values:
        raise InputError(f"option --{kind} {text} is not of the form --{kind} key=value,value")
    try:
        entries = list(ast.literal_eval(f"[{values}]"))
    except (ValueError, SyntaxError):
        entries = [read_literal(each.strip()) for each in values.split(",")]
    return {key: make_domain(kind, entries, f"option --{kind} {text}")}


def read_space(name: str, exhaustive: bool) -> list[Alternative]:
    """Read a ready-made space by its name, a YAML file, or a ``hyper.test`` file of RecBole.

    Args:
        name: ``paper``, say, or a path.
        exhaustive: whether ``choice`` in a file of RecBole is a grid, as it is for its exhaustive search.

    Raises:
        InputError: if there is no such space, or it is not what a space looks like.
    """
    mitigations = {suffix: each for suffix, each in known_mitigations().items() if each.search}
    if name in mitigations and not Path(name).is_file():
        return mitigation_space(mitigations[name])
    if name in OWN_MODELS and not Path(name).is_file():
        return _alternatives(own_model_search(name), own_model_file(name))
    ready = {path.stem: path for path in sorted((properties_dir() / "sweep").glob("*.yaml"))}
    path = ready.get(name, Path(name))
    if not path.is_file():
        known = [*mitigations, *OWN_MODELS, *ready]
        raise InputError(f"space {name} is neither a file nor one of {', '.join(known)}{near_miss(name, known)}")
    if path.suffix not in (".yaml", ".yml"):
        try:
            return [_of_hyper_test(path.read_text(encoding="utf-8"), path, exhaustive)]
        except (UnicodeDecodeError, OSError) as error:
            raise InputError(f"space {path} cannot be read: {' '.join(str(error).split())}") from error
    return _alternatives(read_yaml(path, "space"), path)


def by_model(path: Path) -> dict[str, list[Alternative]] | None:
    """Return the spaces of a YAML file that has one for each model, ``None`` if it is another file.

    Raises:
        InputError: if one of them is not what a space looks like.
    """
    if path.suffix not in (".yaml", ".yml") or not path.is_file():
        return None
    content = read_yaml(path, "space")
    if not isinstance(content, dict) or not content or not all(map(_is_space, content.values())):
        return None
    return {str(model): _alternatives(space, path) for model, space in content.items()}


def _is_space(content: Any) -> bool:
    """Tell whether an entry is a space rather than a domain."""
    return isinstance(content, list) or (
        isinstance(content, dict) and bool(content) and all(isinstance(entry, dict) for entry in content.values())
    )


def mitigation_space(mitigation: Mitigation) -> list[Alternative]:
    """Return what suits a mitigation, nothing if its declaration does not say."""
    return _alternatives(mitigation.search, mitigation.defaults) if mitigation.search else []


def _alternatives(content: Any, path: Path) -> list[Alternative]:
    alternatives = content if isinstance(content, list) else [content]
    return [_of_mapping(alternative, path) for alternative in alternatives]


def space_text(space: list[Alternative]) -> str:
    """Return a space as the text of a YAML file that ``read_space`` reads."""
    return yaml.safe_dump(_as_content(space), sort_keys=False)


def spaces_text(spaces: dict[str, list[Alternative]]) -> str:
    """Return the spaces of models as the text of a YAML file that ``by_model`` reads."""
    return yaml.safe_dump({model: _as_content(space) for model, space in spaces.items()}, sort_keys=False)


def _as_content(space: list[Alternative]) -> list[dict[str, Any]]:
    return [{key: {domain.kind: list(domain.values)} for key, domain in each.items()} for each in space]


def merged(spaces: Sequence[list[Alternative]]) -> list[Alternative]:
    """Return every combination of alternatives, the keys of a later space over those of an earlier one."""
    return [
        {key: domain for part in parts for key, domain in part.items()} for parts in itertools.product(*spaces) if parts
    ]


def grid_points(space: list[Alternative], num_samples: int, seed: int) -> list[Point]:
    """Return all combinations of the grids, each with ``num_samples`` draws of what is no grid, without repetition."""
    generator = np.random.default_rng(seed)
    points = (point for alternative in space for point in _combinations(alternative, num_samples, generator))
    return unique(points)


def random_points(space: list[Alternative], num_samples: int, seed: int) -> list[Point]:
    """Return up to ``num_samples`` different points, every key drawn, from alternatives drawn alike."""
    generator = np.random.default_rng(seed)
    drawn = (space[int(generator.integers(len(space)))] for _ in range(num_samples))
    return unique({key: domain.draw(generator) for key, domain in alternative.items()} for alternative in drawn)


def unique(points: Any) -> list[Any]:
    """Return the points without those that were there before."""
    return list({repr(sorted(point.items())): point for point in points}.values())


def _combinations(alternative: Alternative, num_samples: int, generator: np.random.Generator) -> Iterator[Point]:
    grids = {key: domain for key, domain in alternative.items() if domain.kind == "grid"}
    others = {key: domain for key, domain in alternative.items() if domain.kind != "grid"}
    for values in itertools.product(*(domain.values for domain in grids.values())):
        for _ in range(num_samples if others else 1):
            drawn = {key: domain.draw(generator) for key, domain in others.items()}
            yield {key: drawn[key] if key in drawn else values[list(grids).index(key)] for key in alternative}


def _of_mapping(content: Any, path: Path) -> Alternative:
    if not isinstance(content, dict) or not content:
        raise InputError(f"space {path} holds no `key: {{grid: [values]}}` lines")
    space = {}
    for key, entry in content.items():
        if not isinstance(entry, dict) or len(entry) != 1:
            raise InputError(
                f"space {path}: {key} is {entry!r}; write it as {{grid: [...]}}, with one of {', '.join(KINDS)}"
            )
        ((kind, values),) = entry.items()
        space[str(key)] = make_domain(str(kind), values, f"space {path}: {key}")
    return space


def _of_hyper_test(text: str, path: Path, exhaustive: bool) -> Alternative:
    """Read RecBole's lines ``key kind values``; the ends of its ``loguniform`` are natural logarithms."""
    space = {}
    for line in text.splitlines():
        key, *rest = line.split(maxsplit=2)[:3] or [""]
        if len(rest) < 2:
            continue
        kind, values = rest[0], read_literal(rest[1])
        if isinstance(values, str):
            values = [read_literal(each.strip(" []")) for each in values.split(",")]
        if kind == "loguniform" and all(isinstance(each, int | float) for each in values):
            values = [math.exp(each) for each in values]
        if kind == "choice" and exhaustive:
            kind = "grid"
        space[key] = make_domain(kind, values, f"space {path}: {key}")
    if not space:
        raise InputError(f"space {path} holds no lines such as `learning_rate choice [0.01,0.001]`")
    return space


def spread_out(numbers: list[int]) -> list[int]:
    """Return numbers so that however many are taken from the start, they lie about evenly in the list.

    >>> spread_out([0, 1, 2, 3, 4, 5, 6])
    [3, 1, 5, 0, 2, 4, 6]
    """
    parts, found = [numbers], []
    while parts:
        halves = []
        for part in filter(None, parts):
            middle = len(part) // 2
            found.append(part[middle])
            halves += [part[:middle], part[middle + 1 :]]
        parts = halves
    return found
