"""Mitigations as mixins of RecBole's models; ``recbole_ile.plugin.models.BPR_ILE`` is composed when asked for."""

from __future__ import annotations

from typing import Any


def __getattr__(name: str) -> Any:
    """Return the composed model class of that name, which is how a pickle or a checkpoint finds it."""
    from recbole_ile.errors import InputError
    from recbole_ile.plugin.catalogue.model_names import ModelName
    from recbole_ile.plugin.catalogue.models import get_model

    try:
        if (parsed := ModelName.parse(name)).mitigations:
            return get_model(parsed)
    except InputError as error:
        raise AttributeError(str(error)) from error
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
