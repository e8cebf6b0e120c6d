"""Model names: ``<any RecBole model>_<mitigation>[_<mitigation>]`` and the classes composed for them."""

from __future__ import annotations

import functools
import importlib
import re
from pathlib import Path
from typing import Any, NamedTuple

import recbole

from recbole_ile.errors import InputError, near_miss
from recbole_ile.plugin.support import LOSS_IN_ONE, why_not

COMPOSED_MODULE = "recbole_ile.plugin.models"
_SOURCES = Path(recbole.__file__).parent / "model"
_SUBMODULES = {
    "general": "general_recommender",
    "context-aware": "context_aware_recommender",
    "sequential": "sequential_recommender",
    "knowledge-aware": "knowledge_aware_recommender",
    "external": "exlib_recommender",
}

MITIGATIONS = {
    "LA": "recbole_ile.plugin.models.la:LogitAdjustment",
    "ILE": "recbole_ile.plugin.models.ile:ItemLossEqualization",
    "IPS": "recbole_ile.plugin.models.ips:InversePropensityScoring",
    "PUFR": "recbole_ile.plugin.models.pufr:PredictiveUncertainty",
    "CP": "recbole_ile.plugin.models.cp:CalibratedPopularity",
}
"""Every mitigation's class by its suffix, in the order in which suffixes stand in a model's name, and act."""

IN_RANKING = ("PUFR", "CP")
"""The mitigations that act when lists are made, and leave training as it is."""


_ADAPTED = "recbole_ile.plugin.models.adapters"
_ADAPTERS = {
    "autoencoders": ("CDAE", "LDiffRec", "MacridVAE", "MultiDAE", "MultiVAE", "RaCT", "RecVAE"),
    "diffrec": ("DiffRec",),
    "enmf": ("ENMF",),
    "knowledge": ("CFKG", "KGNNLS", "MKR"),
    "pairs": ("LINE", "SGL", "SimpleX"),
    "sequences": ("BERT4Rec", "RepeatNet", "S3Rec"),
}
MODELS = {
    "BPR": "recbole_ile.plugin.models.bpr:BPR",
    "LightGCN": "recbole_ile.plugin.models.graphs:LightGCN",
    "NCL": "recbole_ile.plugin.models.graphs:NCL",
    **{
        name: f"recbole_ile.plugin.models.adapters.{file}:{name}" for file, names in _ADAPTERS.items() for name in names
    },
}
"""The models of RecBole of which this plugin has a subclass, faster or with its losses to be seen."""


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
    for mitigation in mitigations:
        reason = why_not(mitigation, base_name)
        if reason:
            works = ", ".join(model for model in _of_the_same_kind(base_name) if not why_not(mitigation, model))
            raise InputError(f"{name}: {base_name} {reason}, so that {mitigation} cannot act on it; try {works}")
    base = _load(MODELS[base_name]) if base_name in MODELS else _recbole_model(base_name, name)
    if not mitigations:
        return base
    mixins = tuple(_load(MITIGATIONS[mitigation]) for mitigation in reversed(mitigations))
    return type(
        name,
        (*mixins, base),
        {
            "__module__": COMPOSED_MODULE,
            "__doc__": f"{base_name} with {' and '.join(mitigations)}.",
            "base_name": base_name,
            "loss_in_parts": base_name not in LOSS_IN_ONE,
            "member_class": property(lambda _: get_model(trained_name(name))),
        },
    )


def trained_name(name: str) -> str:
    """Return the name of what is trained of a model: ``BPR_ILE`` for ``BPR_ILE_CP``."""
    base, mitigations = parse_model_name(name)
    return "_".join([base, *(each for each in mitigations if each not in IN_RANKING)])


def models_by_kind() -> dict[str, list[str]]:
    """List the names of all models of the installed RecBole by kind, read from its sources without importing them."""
    found: dict[str, list[str]] = {}
    for kind, submodule in _SUBMODULES.items():
        found[kind] = []
        for path in sorted(_SOURCES.joinpath(submodule).glob("*.py")):
            classes = re.findall(r"^class (\w+)\(", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
            found[kind] += [name for name in classes if name.lower() == path.stem]
    return found


def model_names() -> list[str]:
    """List the names of all models of the installed RecBole."""
    return [name for names in models_by_kind().values() for name in names]


def _of_the_same_kind(base: str) -> list[str]:
    kinds = models_by_kind()
    return next((names for kind, names in kinds.items() if base in names and kind != "external"), kinds["general"])


def _recbole_model(base: str, name: str) -> type[Any]:
    for submodule in _SUBMODULES.values():
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
