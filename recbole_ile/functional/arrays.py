"""NumPy in, NumPy out; torch in, torch out."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

Array = Any
"""A ``numpy.ndarray`` or a ``torch.Tensor``; a result is of the kind of the argument."""


def to_numpy(array: Array) -> np.ndarray:
    """Return ``array`` as a NumPy array, copied off the device only if it has to be.

    >>> to_numpy(torch.tensor([1, 2]))
    array([1, 2])
    """
    if isinstance(array, torch.Tensor):
        return array.detach().cpu().numpy()
    return np.asarray(array)


def same_kind_as(result: np.ndarray, reference: Array) -> Array:
    """Return ``result`` as the kind of array (and on the device) that ``reference`` is.

    >>> same_kind_as(np.array([1, 2]), torch.tensor([0.0]))
    tensor([1, 2])
    """
    if isinstance(reference, torch.Tensor):
        return torch.from_numpy(np.ascontiguousarray(result)).to(reference.device)
    return result


def distinct(values: np.ndarray) -> np.ndarray:
    """Return the ``[D]`` values of ``[N]`` whole numbers, each once, ascending.

    ``np.unique`` does it by hashing, which takes twenty times as long where most of millions are distinct.

    >>> distinct(np.array([3, 1, 3])).tolist()
    [1, 3]
    """
    ordered = np.sort(values, axis=None)
    first = np.ones(len(ordered), dtype=bool)
    first[1:] = ordered[1:] != ordered[:-1]
    return ordered[first]


def contained(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Tell of each whole number whether it is among others, as ``np.isin`` does, which hashes.

    Args:
        values: of any shape; faster where they almost ascend.
        known: ``[N]``, sorted or not.

    Returns:
        bool of the shape of ``values``.

    >>> contained(np.array([[1, 2], [3, 9]]), np.array([3, 1])).tolist()
    [[True, False], [True, False]]
    """
    if not len(known):
        return np.zeros(np.shape(values), dtype=bool)
    ordered = np.sort(known)
    places = np.searchsorted(ordered, values)
    return ordered[np.minimum(places, len(ordered) - 1)] == values
