"""The class of a model's name: RecBole's own, ours where there is one, or composed from it and mitigations."""

from __future__ import annotations

import functools
import importlib
import re
from pathlib import Path
from typing import Any

import recbole

from recbole_ile.errors import InputError, near_miss
from recbole_ile.plugin.catalogue.closed_models import close_model
from recbole_ile.plugin.catalogue.mitigations import known_mitigations
from recbole_ile.plugin.catalogue.model_names import ModelName
from recbole_ile.plugin.catalogue.own_models import OWN_MODELS
from recbole_ile.plugin.catalogue.support import LOSS_IN_ONE, missing_packages
from recbole_ile.plugin.compat import importing_models

COMPOSED_MODULE = "recbole_ile.plugin.models"
_SOURCES = Path(recbole.__file__).parent / "model"
_SUBMODULES = {
    "general": "general_recommender",
    "context-aware": "context_aware_recommender",
    "sequential": "sequential_recommender",
    "knowledge-aware": "knowledge_aware_recommender",
    "external": "exlib_recommender",
}

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
    "IALS": "recbole_ile.plugin.models.ials:IALS",
    "LightGCN": "recbole_ile.plugin.models.graphs:LightGCN",
    "NCL": "recbole_ile.plugin.models.graphs:NCL",
    **{name: f"recbole_ile.plugin.models.mended:{name}" for name in ("GRU4RecKG", "KSR", "KTUP", "NGCF")},
    **{name: f"recbole_ile.plugin.models.baselines:{name}" for name in ("ADMMSLIM", "Pop", "Random")},
    **{
        name: f"recbole_ile.plugin.models.adapters.{file}:{name}" for file, names in _ADAPTERS.items() for name in names
    },
}
"""Our own models, and those of RecBole of which we have a subclass: faster, with its losses to be seen, or mended."""


def get_model(name: str | ModelName) -> type[Any]:
    """Return the model class of a name: RecBole's own, or the one composed from it and the mitigations.

    Raises:
        InputError: if there is no such model; names the near miss.
    """
    return _class_of(ModelName.parse(name) if isinstance(name, str) else name)


@functools.cache
def _class_of(name: ModelName) -> type[Any]:
    refusal = name.refusal()
    if refusal:
        mitigation, reason = refusal
        works = ", ".join(model for model in _of_the_same_kind(name.base) if not mitigation.refuses(model))
        raise InputError(f"{name}: {name.base} {reason}, so that {mitigation.suffix} cannot act on it; try {works}")
    missing = missing_packages(name.base)
    if missing:
        raise InputError(
            f"model {name.base} needs a package that is not installed: {' and '.join(missing)}; install it, or choose "
            "another model"
        )
    base = _load(MODELS[name.base]) if name.base in MODELS else _recbole_model(name)
    close_model(base)
    if not name.mitigations:
        return base
    mixins = tuple(each.load() for each in reversed(name.mitigations))
    return type(
        str(name),
        (*mixins, base),
        {
            "__module__": COMPOSED_MODULE,
            "__doc__": f"{name.base} with {' and '.join(name.suffixes)}.",
            "base_name": name.base,
            "loss_in_parts": name.base not in LOSS_IN_ONE,
            "member_class": property(lambda _: _class_of(name.trained)),
        },
    )


def models_by_kind() -> dict[str, list[str]]:
    """List the names of all models by kind: RecBole's, read from its sources without importing them, and ours."""
    found: dict[str, list[str]] = {}
    for kind, submodule in _SUBMODULES.items():
        found[kind] = []
        for path in sorted(_SOURCES.joinpath(submodule).glob("*.py")):
            classes = re.findall(r"^class (\w+)\(", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
            found[kind] += [name for name in classes if name.lower() == path.stem]
        own = [name for name, of_kind in OWN_MODELS.items() if of_kind == kind and name not in found[kind]]
        found[kind] = sorted([*found[kind], *own], key=str.lower) if own else found[kind]
    return found


def model_names() -> list[str]:
    """List the names of all models, RecBole's and ours."""
    return [name for names in models_by_kind().values() for name in names]


def known_bases() -> frozenset[str]:
    """Return the names of all models that ``get_model`` knows, without their mitigations."""
    return frozenset((*MODELS, *model_names()))


def _of_the_same_kind(base: str) -> list[str]:
    kinds = models_by_kind()
    return next((names for kind, names in kinds.items() if base in names and kind != "external"), kinds["general"])


def _recbole_model(name: ModelName) -> type[Any]:
    base = name.base
    for submodule in _SUBMODULES.values():
        if base.isidentifier() and _SOURCES.joinpath(submodule, f"{base.lower()}.py").is_file():
            try:
                with importing_models():
                    model = getattr(importlib.import_module(f"recbole.model.{submodule}.{base.lower()}"), base, None)
            except ModuleNotFoundError as error:
                raise InputError(f"model {base} needs a package that is not installed: {error.name}") from error
            if model is not None:
                return model
    known, mitigations = model_names(), known_mitigations()
    suffixed = [f"{model}_{mitigation}" for model in known for mitigation in mitigations]
    raise InputError(
        f"unknown model {name}{near_miss(str(name), [*known, *suffixed])}; "
        f"a model is any of RecBole's or {', '.join(OWN_MODELS)}, followed by nothing or by "
        f"_{' or _'.join(mitigations)}"
    )


def _load(path: str) -> type[Any]:
    module, _, attribute = path.partition(":")
    return getattr(importlib.import_module(module), attribute)
