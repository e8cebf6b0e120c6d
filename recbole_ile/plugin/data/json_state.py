"""The attributes of a RecBole data set as JSON and arrays, and back, exactly or not at all."""

from __future__ import annotations

import json
from collections import defaultdict
from enum import Enum
from typing import Any

import numpy as np
import torch
from recbole.data.interaction import Interaction
from recbole.utils import FeatureSource, FeatureType

from recbole_ile.plugin.data.checksummed_file import is_storable

_ENUMS: dict[str, type[Enum]] = {kind.__name__: kind for kind in (FeatureType, FeatureSource)}
_SCALARS: dict[str, type[Any]] = {kind.__name__: kind for kind in (np.int64, np.float64, np.str_)}


class NotStorable(TypeError):
    """Something is held that cannot be written as JSON and arrays."""


def to_json_state(value: Any) -> tuple[str, list[np.ndarray]]:
    """Return a value as JSON and the arrays that it refers to.

    Takes what data sets of RecBole consist of: tables (``Interaction``), tensors, arrays, dictionaries, lists,
    tuples, numbers, texts and RecBole's types of features. An object that is held twice is held twice again.

    Raises:
        NotStorable: names the type of anything else.
    """
    writer = _Writer()
    return json.dumps(writer.plain(value)), writer.arrays


def from_json_state(text: str, arrays: list[np.ndarray]) -> Any:
    """Return the value that ``to_json_state`` was given.

    Raises:
        ValueError, KeyError, TypeError, IndexError: if the text was written by something else.
    """
    return _Reader(arrays).value(json.loads(text))


class _Writer:
    def __init__(self) -> None:
        self.arrays: list[np.ndarray] = []
        self._seen: dict[int, tuple[int, Any]] = {}  # keeps what it has seen alive, so that an id stays its own

    def plain(self, value: Any) -> Any:
        kind = type(value)
        if value is None or kind in (bool, int, float, str):
            return value
        if kind.__name__ in _ENUMS and kind is _ENUMS[kind.__name__]:
            return [kind.__name__, value.name]
        if kind.__name__ in _SCALARS and kind is _SCALARS[kind.__name__]:
            return [kind.__name__, value.item()]
        if id(value) in self._seen:
            return ["same", self._seen[id(value)][0]]
        entry = self._compound(kind, value)
        self._seen[id(value)] = len(self._seen), value
        return entry

    def _compound(self, kind: type[Any], value: Any) -> list[Any]:
        if kind is list or kind is tuple:
            return [kind.__name__, [self.plain(entry) for entry in value]]
        if kind is dict and _numbers_its_keys(value):
            return ["numbered", self._array(np.array(list(value)))]
        if kind is dict or (kind is defaultdict and value.default_factory is int):
            return [kind.__name__, [[self.plain(key), self.plain(entry)] for key, entry in value.items()]]
        if kind is Interaction:
            return ["Interaction", self.plain(value.interaction)]
        if kind is torch.Tensor and value.device.type == "cpu" and value.layout is torch.strided:
            return ["Tensor", self._array(value.numpy())]
        if kind is np.ndarray:
            return ["ndarray", self._array(value)]
        raise NotStorable(kind.__name__)

    def _array(self, array: np.ndarray) -> int:
        if not is_storable(array):
            raise NotStorable(f"array of {array.dtype}")
        self.arrays.append(array)
        return len(self.arrays) - 1


class _Reader:
    def __init__(self, arrays: list[np.ndarray]) -> None:
        self._arrays = arrays
        self._seen: list[Any] = []

    def value(self, plain: Any) -> Any:
        if not isinstance(plain, list):
            return plain
        kind, content = plain
        if kind in _ENUMS:
            return _ENUMS[kind][content]
        if kind in _SCALARS:
            return _SCALARS[kind](content)
        if kind == "same":
            return self._seen[content]
        value = self._compound(kind, content)
        self._seen.append(value)
        return value

    def _compound(self, kind: str, content: Any) -> Any:
        if kind in ("list", "tuple"):
            entries = [self.value(entry) for entry in content]
            return entries if kind == "list" else tuple(entries)
        if kind == "numbered":
            return {token: number for number, token in enumerate(self._arrays[content])}
        if kind in ("dict", "defaultdict"):
            pairs = {self.value(key): self.value(entry) for key, entry in content}
            return pairs if kind == "dict" else defaultdict(int, pairs)
        if kind == "Interaction":
            return Interaction(self.value(content))
        if kind == "Tensor":
            return torch.from_numpy(self._arrays[content])
        if kind == "ndarray":
            return self._arrays[content]
        raise ValueError(f"unknown kind {kind!r}")


def _numbers_its_keys(table: dict[Any, Any]) -> bool:
    """Return whether a dictionary gives 0, 1, 2 ... to its keys, texts of NumPy, as RecBole's tokens have."""
    return (
        len(table) > 0
        and all(type(key) is np.str_ for key in table)
        and all(type(number) is int for number in table.values())
        and list(table.values()) == list(range(len(table)))
    )
