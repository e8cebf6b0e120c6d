"""Every key that a configuration may have, and what is said of one that it may not."""

from __future__ import annotations

import functools
import logging
import re
from collections.abc import Iterable
from pathlib import Path

import recbole

from recbole_ile.errors import InputError, near_miss
from recbole_ile.plugin.catalogue.mitigations import known_mitigations
from recbole_ile.plugin.catalogue.own_models import OWN_MODELS, own_model_options
from recbole_ile.plugin.catalogue.properties import properties_dir

GROUP_KEYS = ("nproc", "ip", "port", "world_size", "offset", "local_rank")
"""What only holds while the processes of one run talk to each other."""
NO_OPTIONS = ("compare", "fetch", "mitigation", "model", "sweep_models")
"""Folders of ``properties`` whose keys are names of data sets and methods, or options of mitigations and models."""
LIKENESS = 0.8
"""How alike a key of a file and a known one are at least, for the one to be taken for the other misspelt."""
RUN_KEYS = ("model", "dataset", "config_files", *GROUP_KEYS)


@functools.cache
def known_keys() -> frozenset[str]:
    """Return every key of RecBole's and our own YAML files."""
    own = (path for path in properties_dir().rglob("*.yaml") if path.parent.name not in NO_OPTIONS)
    files = [*Path(recbole.__file__).parent.joinpath("properties").rglob("*.yaml"), *own]
    keys = {*RUN_KEYS, *(key for each in known_mitigations().values() for key in each.keys)}
    keys.update(key for model in OWN_MODELS for key in own_model_options(model))
    for file in files:
        keys.update(re.findall(r"^([A-Za-z_][\w-]*)\s*:", file.read_text(encoding="utf-8"), flags=re.MULTILINE))
    return frozenset(keys)


@functools.cache
def _keys_in_sources() -> frozenset[str]:
    """Return the keys that RecBole's code reads from its configuration, which not every YAML file lists."""
    keys: set[str] = set()
    for file in Path(recbole.__file__).parent.rglob("*.py"):
        keys.update(
            re.findall(r"""config(?:_dict)?(?:\[|\.get\(\s*)["']([\w-]+)["']""", file.read_text(encoding="utf-8"))
        )
    return frozenset(keys)


def check_known(settings: Iterable[str]) -> None:
    """Refuse a key that neither RecBole nor this plugin knows, as on a command line.

    Raises:
        InputError: names the key and the near miss.
    """
    for key in _unknown(settings):
        raise InputError(f"unknown option {key}{near_miss(key, known_keys() | _keys_in_sources())}")


def check_own_keys(settings: Iterable[str]) -> None:
    """Refuse a key that is nearly one that is known; name those that are like no other, a user's own, in a warning.

    Raises:
        InputError: names the key and the near miss.
    """
    unknown = _unknown(settings)
    for key in unknown:
        miss = near_miss(key.split(".")[0], known_keys() | _keys_in_sources(), LIKENESS)
        if miss:
            raise InputError(f"unknown option {key}{miss}")
    if unknown:
        _tell_own_keys(tuple(unknown))


@functools.cache
def _tell_own_keys(keys: tuple[str, ...]) -> None:
    """Warn once in a process: a sweep or comparison reads the same settings many times."""
    logging.getLogger().warning(
        f"the configuration has keys that neither RecBole nor this plugin reads: {', '.join(keys)}"
    )


def _unknown(settings: Iterable[str]) -> list[str]:
    unknown = [key for key in settings if key.split(".")[0] not in known_keys()]
    return [key for key in unknown if key.split(".")[0] not in _keys_in_sources()] if unknown else []
