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
