"""Take from RecBole's models the ways in which a file or an option could run code."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable
from typing import Any

import numpy as np

from recbole_ile.errors import InputError, near_miss
from recbole_ile.plugin.patching import StandIn
from recbole_ile.plugin.trust import is_trusting


def close_model(model: type[Any]) -> None:
    """Take from a model of RecBole the ways in which a file or an option could run code.

    KD_DAGFM evaluates the text of ``teacher``, LDiffRec unpickles arrays in ``item_emb.npy``. Each class is looked at
    when ``get_model`` returns it. Can go when RecBole looks the teacher up by its name, and reads numbers alone.

    Args:
        model: any class; those of other modules are left alone.
    """
    for kind in model.__mro__:
        change = _CLOSED.get(kind.__module__)
        if change is not None:
            change(sys.modules[kind.__module__])


def _name_teacher(module: types.ModuleType) -> None:
    networks = {name: kind for name, kind in vars(module).items() if hasattr(kind, "FeatureInteraction")}
    teachers = {name: kind for name, kind in networks.items() if name != "KD_DAGFM"}

    def find(name: str) -> Any:
        if name not in teachers:
            raise InputError(
                f"option teacher={name!r} is not allowed{near_miss(name, teachers)}; it takes {', '.join(teachers)}"
            )
        return teachers[name]

    vars(module)["eval"] = find


def _read_numbers(module: types.ModuleType) -> None:
    def load_numbers(file: Any, *arguments: Any, **keywords: Any) -> Any:
        try:
            return np.load(file, *arguments, **{**keywords, "allow_pickle": is_trusting()})
        except ValueError as error:
            raise InputError(f"file {file} does not hold an array of numbers: {error}") from error

    vars(module)["np"] = StandIn(np, load=load_numbers)


_CLOSED: dict[str, Callable[[types.ModuleType], None]] = {
    "recbole.model.context_aware_recommender.kd_dagfm": _name_teacher,
    "recbole.model.general_recommender.ldiffrec": _read_numbers,
}
