"""An error while a model is made or trained, told with the options that differ from what RecBole chooses."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import torch

from recbole_ile.errors import InputError, TrainingStopped
from recbole_ile.plugin.catalogue.rule import shown
from recbole_ile.plugin.config.eval_rules import ENTRIES
from recbole_ile.plugin.config.option_rules import shared_rules

OF_TRAINING = {
    *("train_neg_sample_args", "train_batch_size", "learner", "learning_rate", "weight_decay", "clip_grad_norm"),
    *("enable_amp", "enable_scaler", "require_pow", "transform", "MAX_ITEM_LIST_LENGTH", "numerical_features"),
}
"""Options of no model that decide how one is made and trained."""
NO_MEMORY = ("allocate memory", "out of memory", "invalid buffer size", "Storage size calculation overflowed")
LIBRARY = (
    RuntimeError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    AssertionError,
    MemoryError,
)
"""What libraries raise where a value leads nowhere."""
Function = TypeVar("Function", bound=Callable[..., Any])


def naming_options(doing: str) -> Callable[[Function], Function]:
    """Decorate a function of a configuration so that its errors name the options that were given.

    An error that no given option can have led to stays as it is.

    Args:
        doing: what the function does to a model, ``"training"`` say.
    """

    def decorate(function: Function) -> Function:
        @functools.wraps(function)
        def call(config: Any, *arguments: Any, **keywords: Any) -> Any:
            try:
                return function(config, *arguments, **keywords)
            except TrainingStopped as error:
                raise TrainingStopped(f"{error}{options_given(config)}") from error
            except InputError:
                raise
            except LIBRARY as error:
                given = options_given(config)
                if is_out_of_memory(error):
                    given = given or f"; given were train_batch_size={config['train_batch_size']}"
                    message = f"{doing} {config['model']} takes more memory than there is"
                elif not given:
                    raise
                else:
                    reason = " ".join(str(error).split()) or "no reason given"
                    message = f"{doing} {config['model']} fails with {type(error).__name__}: {reason}"
                raise InputError(message + given) from error

        return call  # type: ignore[return-value]

    return decorate


def options_given(config: Any, names: Iterable[str] = ()) -> str:
    """Return ``"; given were a=1 (default 2), ..."`` for the options that may be at fault, or an empty text.

    Args:
        config: the configuration.
        names: the options in question, by default those of the model and its training.
    """
    usual = config.internal_config_dict
    known = set(names) or OF_TRAINING | (usual.keys() - shared_rules().keys() - ENTRIES.keys())
    parts = [
        f"{key}={shown(value)} (default {shown(_entry(usual, key))})"
        for key, value in sorted(config.external_config_dict.items())
        if key.partition(".")[0] in known and value != _entry(usual, key)
    ]
    return f"; given were {', '.join(parts)}" if parts else ""


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether an error says that memory is full."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in NO_MEMORY)


def _entry(settings: dict[str, Any], dotted: str) -> Any:
    """Return what stands under ``eval_args.order``, say."""
    found: Any = settings
    for part in dotted.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found
