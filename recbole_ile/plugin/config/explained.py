"""What every option means, its default and what it takes, from the YAML files and the rules that are kept anyway."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import recbole

from recbole_ile.plugin.catalogue.mitigations import known_mitigations
from recbole_ile.plugin.catalogue.properties import defaults, properties_dir
from recbole_ile.plugin.catalogue.rule import Rule, of_kind
from recbole_ile.plugin.config.eval_rules import EVALUATION, MODE, NEGATIVES
from recbole_ile.plugin.config.model_rules import rule_of
from recbole_ile.plugin.config.option_rules import shared_rules
from recbole_ile.yaml_files import read_yaml

OURS = "recbole_ile"
RECBOLE = "RecBole"
_RECBOLE_FILES = Path(recbole.__file__).parent / "properties"
_ENTRIES = {"eval_args": {**EVALUATION, "mode": MODE}, "train_neg_sample_args": NEGATIVES}
_NOTED = re.compile(r"(\s*)([A-Za-z_][\w-]*)\s*:(?:.*?\s#\s*(?:\([^)]*\)\s*)?(.*)|.*)")


@dataclass(frozen=True)
class Option:
    """An option of a configuration.

    Attributes:
        name: with a dot for an entry of a dictionary, ``eval_args.mode`` say.
        default: as its YAML file has it.
        takes: what it may be, as the object of a sentence; empty where nothing is known.
        meaning: its line in the YAML file, empty if there is none.
        owner: the suffix of a mitigation, the name of a model, ``recbole_ile`` or ``RecBole``.
        names: the texts that it takes, where these are all.
    """

    name: str
    default: Any
    takes: str
    meaning: str
    owner: str
    names: tuple[str, ...] = ()

    @property
    def shown_default(self) -> str:
        """The default as a command line or a YAML file has it."""
        return "none" if self.default is None else str(self.default)


def option_notes(path: Path) -> dict[str, str]:
    """Return what the comments of a YAML file say of its keys, those of one dictionary deeper with a dot.

    Args:
        path: lines ``key: value  # (type) meaning``.
    """
    notes: dict[str, str] = {}
    above = ""
    for line in path.read_text(encoding="utf-8").splitlines():
        found = _NOTED.fullmatch(line)
        if found is None:
            continue
        indent, key, note = found.groups()
        above = above if indent else key
        notes[f"{above}.{key}" if indent else key] = (note or "").strip()
    return notes


@functools.cache
def documented_options() -> Mapping[str, Option]:
    """Return the options that belong to no model, by name: of mitigations, of this package, of RecBole."""
    ours = defaults("overall.yaml")
    found: dict[str, Option] = {}
    for each in known_mitigations().values():
        found |= {option.name: option for option in _of_file(each.options, each.defaults, each.suffix)}
    found |= {option.name: option for option in _of_file(ours, properties_dir() / "overall.yaml", OURS)}
    for path in (_RECBOLE_FILES / "overall.yaml", _RECBOLE_FILES / "dataset" / "sample.yaml"):
        values = {key: value for key, value in read_yaml(path, "file of RecBole").items() if key not in found}
        found |= {option.name: option for option in _of_file(values, path, RECBOLE)}
    return found


@functools.cache
def options_of_models() -> Mapping[str, tuple[Option, ...]]:
    """Return the options of each of RecBole's models by its name."""
    found = {}
    for path in sorted((_RECBOLE_FILES / "model").glob("*.yaml")):
        values = read_yaml(path, "file of RecBole") or {}
        notes = option_notes(path)
        found[path.stem] = tuple(
            _option(key, value, rule_of(path.stem, key, value), notes, path.stem) for key, value in values.items()
        )
    return found


def _of_file(values: Mapping[str, Any], path: Path, owner: str) -> Iterator[Option]:
    notes, rules = option_notes(path), shared_rules()
    for key, value in values.items():
        yield _option(key, value, rules.get(key) or of_kind(value), notes, owner)
        entries = _ENTRIES.get(key, {})
        for entry, rule in entries.items():
            yield _option(f"{key}.{entry}", value.get(entry), rule, notes, owner)


def _option(name: str, default: Any, rule: Rule | None, notes: Mapping[str, str], owner: str) -> Option:
    takes, names = (rule.takes, rule.names) if rule else ("", ())
    return Option(name, default, takes, notes.get(name, ""), owner, names)
