"""The places of the largest values of each row, found by counting instead of by sorting."""

from __future__ import annotations

import numpy as np
import torch

from recbole_ile.functional.prices import first_best
from recbole_ile.kernels.compiling import compiled
from recbole_ile.kernels.row_threads import over_rows

_SHIFTS = (21, 10, 0)
"""Where the parts of 32 bits begin that are looked at together, the highest first."""
_PARTS = 1 << 11


def best_places(values: torch.Tensor, k: int) -> torch.Tensor:
    """Return the ``[B, k]`` places of the ``k`` largest of ``[B, n]`` values in each row, ascending.

    The first of equal values are taken. NaN counts as the least where the values are float32 in main memory, and as
    torch has it elsewhere. ``k`` is at most ``n``.

    >>> best_places(torch.tensor([[2.0, 3.0, -1.0, 2.0]]), 2).tolist()
    [[0, 1]]
    """
    if values.device.type != "cpu" or values.dtype is not torch.float32 or k == 0:
        return first_best(values, k)[0].sort(dim=1).values
    found = torch.empty(len(values), k, dtype=torch.int64)
    bits, places = values.contiguous().numpy().view(np.int32), found.numpy()
    over_rows(lambda _, rows: write_best_places(bits[rows], places[rows]), *bits.shape)
    return found


@compiled
def write_best_places(bits: np.ndarray, found: np.ndarray) -> None:
    """Write the places of the ``k`` largest values of each row, ascending; of equal values the first are taken.

    Args:
        bits: ``[B, n]`` int32, the bits of float32 values; NaN counts as the least.
        found: ``[B, k]`` int64, is filled in; ``k`` is at least 1 and at most ``n``.

    >>> values, found = np.array([[2.0, 3.0, -1.0, 2.0]], np.float32), np.empty((1, 2), np.int64)
    >>> write_best_places(values.view(np.int32), found)
    >>> found.tolist()
    [[0, 1]]
    """
    n_rows, n = bits.shape
    keys, like, counts = np.empty(n, np.uint32), np.empty(n, np.uint32), np.empty(_PARTS, np.int64)
    for row in range(n_rows):
        for place in range(n):
            keys[place] = like[place] = _rising(bits[row, place])
        # Part after part of the k-th largest key becomes known; only keys that are like it so far are looked at again.
        last, left, n_like = np.uint32(0), found.shape[1], n
        for shift in _SHIFTS:
            counts[:] = 0
            for place in range(n_like):
                counts[_part(like[place], shift)] += 1
            part = _PARTS - 1
            while counts[part] < left:
                left -= counts[part]
                part -= 1
            last |= np.uint32(part) << np.uint32(shift)
            kept = 0
            for place in range(n_like):
                if _part(like[place], shift) == part:
                    like[kept] = like[place]
                    kept += 1
            n_like = kept
        rank = 0
        for place in range(n):
            if keys[place] >= last:
                equal = keys[place] == last
                if not equal or left > 0:
                    found[row, rank] = place
                    rank += 1
                    left -= equal


@compiled
def _part(key: np.uint32, shift: int) -> int:
    return int((key >> np.uint32(shift)) & np.uint32(_PARTS - 1 if shift else 1023))


@compiled
def _rising(bits: int) -> np.uint32:
    """Return a number that is larger for a larger value, 0 for NaN; -0 is 0."""
    magnitude = np.uint32(bits & 0x7FFFFFFF)
    if magnitude > np.uint32(0x7F800000):
        return np.uint32(0)
    middle = np.uint32(0x80000000)
    return middle - magnitude if bits < 0 else middle + magnitude
