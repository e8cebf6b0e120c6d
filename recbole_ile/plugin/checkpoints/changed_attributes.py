"""What a model changes as it trains in addition to its parameters: counters, centroids, attention that it keeps."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import torch

DRAWN_ANEW = ("sub_graph1", "sub_graph2")
"""SGL's two copies of the whole graph, which it draws again before it looks at them."""
_OWN = frozenset(vars(torch.nn.Module()))
_NUMBERS = (type(None), bool, int, float, str, np.number)

Values = dict[str, dict[str, Any]]
"""By the name of a module, empty for the model itself, and the name of an attribute."""


class ChangedAttributes:
    """Tells which plain attributes of a model have changed since it was made.

    Numbers, texts, arrays and tensors are plain. A tensor with a gradient is what is left of the last batch, and
    what no training can come back to.

    Args:
        model: as it was made; the same configuration, data and seed make it the same again.
    """

    def __init__(self, model: torch.nn.Module) -> None:
        self._model = model
        self._before = {key: (value, _content(value)) for key, value in _plain_attributes(model)}

    def now(self) -> Values:
        """Return the attributes that are not what they were."""
        found: Values = {}
        for (module, name), value in _plain_attributes(self._model):
            earlier, content = self._before.get((module, name), (_OWN, None))
            same_object = value is earlier or not isinstance(value, torch.Tensor)
            if not (same_object and type(value) is type(earlier) and _content(value) == content):
                found.setdefault(module, {})[name] = value
        return found


def set_attributes(model: torch.nn.Module, values: Values) -> None:
    """Give a model the attributes that ``ChangedAttributes.now`` returned of one like it.

    Raises:
        ValueError: for anything that is no plain attribute, a method's name for example.
    """
    modules = dict(model.named_modules())
    for module, attributes in values.items():
        for name, value in attributes.items():
            usual = getattr(type(modules[module]), name, None)
            if callable(usual) or isinstance(usual, property) or name in _OWN or not _is_plain(value):
                raise ValueError(f"{name} is no attribute that a training changes")
            setattr(modules[module], name, value)


def _plain_attributes(model: torch.nn.Module) -> Any:
    for module_name, module in model.named_modules():
        for name, value in vars(module).items():
            if name not in _OWN and name not in DRAWN_ANEW and _is_plain(value):
                yield (module_name, name), value


def _is_plain(value: Any) -> bool:
    if isinstance(value, torch.Tensor):
        return not value.requires_grad
    if isinstance(value, np.ndarray):
        return value.dtype.kind in "biuf"
    return isinstance(value, _NUMBERS)


def _content(value: Any) -> Any:
    """Return what differs between two values, or for a tensor, how often it was written to."""
    if isinstance(value, torch.Tensor):
        return value._version
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, hashlib.sha256(np.ascontiguousarray(value).tobytes()).digest()
    return repr(value)
