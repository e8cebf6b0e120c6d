"""The models that RecBole does not have, and their options."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

from recbole_ile.plugin.catalogue.mitigations import SEARCH
from recbole_ile.plugin.catalogue.properties import defaults, properties_dir

OWN_MODELS = {"IALS": "general"}
"""Each with its kind; its class is in ``MODELS``, its options and what ``sweep`` tries in ``properties/model``."""


def own_model_file(model: str) -> Path:
    """Return the path of the YAML file of one of our models."""
    return properties_dir() / "model" / f"{model}.yaml"


@functools.cache
def own_model_options(model: str) -> dict[str, Any]:
    """Return the options of a model with their defaults; none of one of RecBole's."""
    return {key: value for key, value in _content(model).items() if key != SEARCH}


def own_model_search(model: str) -> Any:
    """Return what ``sweep`` tries of one of our models, as a file of a space says it."""
    return _content(model).get(SEARCH)


def _content(model: str) -> dict[str, Any]:
    return defaults(f"model/{model}.yaml") if model in OWN_MODELS else {}
