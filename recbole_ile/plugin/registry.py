"""Model names: ``<any RecBole model>_<mitigation>[_<mitigation>]`` and the classes composed for them."""

from __future__ import annotations

import functools
import importlib
import re
from pathlib import Path
from typing import Any, NamedTuple

import recbole

from recbole_ile.errors import InputError, near_miss

COMPOSED_MODULE = "recbole_ile.plugin.models"
_SOURCES = Path(recbole.__file__).parent / "model"
_SUBMODULES = (
    "general_recommender",
    "context_aware_recommender",
    "sequential_recommender",
    "knowledge_aware_recommender",
    "exlib_recommender",
)

MITIGATIONS = {"ILE": "recbole_ile.plugin.models.ile:ItemLossEqualization"}
"""Every mitigation's class by its suffix, in the order in which suffixes stand in a model's name."""


MODELS = {"BPR": "recbole_ile.plugin.models.bpr:BPR"}
"""The models of RecBole of which this plugin has a faster subclass."""


class ModelName(NamedTuple):
    """A model name in its parts: RecBole's model and the suffixes of the mitigations."""

    base: str
    mitigations: tuple[str, ...]


def parse_model_name(name: str) -> ModelName:
    """Split ``BPR_ILE`` into ``("BPR", ("ILE",))``; whatever is no mitigation belongs to the base.

    Raises:
        InputError: if a mitigation is named twice or out of order.
    """
    parts = name.split("_")
    first = len(parts)
    while first > 1 and parts[first - 1] in MITIGATIONS:
        first -= 1
    base, mitigations = "_".join(parts[:first]), tuple(parts[first:])
    ordered = tuple(sorted(set(mitigations), key=list(MITIGATIONS).index))
    if mitigations != ordered:
        raise InputError(f"model {name}: write it as {'_'.join((base, *ordered))}")
    return ModelName(base, mitigations)


@functools.cache
def get_model(name: str) -> type[Any]:
    """Return the model class of a name: RecBole's own, or the one composed from it and the mitigations.

    Raises:
        InputError: if there is no such model; names the near miss.
    """
    base_name, mitigations = parse_model_name(name)
    base = _load(MODELS[base_name]) if base_name in MODELS else _recbole_model(base_name, name)
    if not mitigations:
        return base
    mixins = tuple(_load(MITIGATIONS[mitigation]) for mitigation in reversed(mitigations))
    for mixin in mixins:
        mixin.check_base(name, base)
    return type(
        name,
        (*mixins, base),
        {"__module__": COMPOSED_MODULE, "__doc__": f"{base_name} with {' and '.join(mitigations)}."},
    )


def model_names() -> list[str]:
    """List the names of all models of the installed RecBole, read from its sources without importing them."""
    found = []
    for submodule in _SUBMODULES:
        for path in sorted(_SOURCES.joinpath(submodule).glob("*.py")):
            classes = re.findall(r"^class (\w+)\(", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
            found += [name for name in classes if name.lower() == path.stem]
    return found


def _recbole_model(base: str, name: str) -> type[Any]:
    for submodule in _SUBMODULES:
        if base.isidentifier() and _SOURCES.joinpath(submodule, f"{base.lower()}.py").is_file():
            try:
                model = getattr(importlib.import_module(f"recbole.model.{submodule}.{base.lower()}"), base, None)
            except ModuleNotFoundError as error:
                raise InputError(f"model {base} needs a package that is not installed: {error.name}") from error
            if model is not None:
                return model
    known = model_names()
    suffixed = [f"{model}_{mitigation}" for model in known for mitigation in MITIGATIONS]
    raise InputError(
        f"unknown model {name}{near_miss(name, [*known, *suffixed])}; "
        f"a model is any of RecBole's, followed by nothing or by _{' or _'.join(MITIGATIONS)}"
    )


def _load(path: str) -> type[Any]:
    module, _, attribute = path.partition(":")
    return getattr(importlib.import_module(module), attribute)
