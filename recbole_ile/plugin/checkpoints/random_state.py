"""The states of Python's, NumPy's and PyTorch's random generators as numbers and tensors, for a checkpoint."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import torch


def random_state(device: torch.device) -> dict[str, Any]:
    """Return the state of Python's, NumPy's and torch's generators, on the CPU and on the device if it is a GPU."""
    kind, numbers, *place = np.random.get_state()
    return {
        "python": random.getstate(),
        "numpy": [kind, torch.from_numpy(np.asarray(numbers, dtype=np.int64)), *place],
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state(device) if device.type == "cuda" else None,
    }


def set_random_state(state: dict[str, Any], device: torch.device) -> None:
    """Go back to what ``random_state`` returned; a GPU's generator stays where it is if there was none then."""
    version, numbers, gauss = state["python"]
    random.setstate((version, tuple(numbers), gauss))
    kind, words, *place = state["numpy"]
    np.random.set_state((kind, words.cpu().numpy().astype(np.uint32), *place))
    torch.set_rng_state(state["torch"].cpu())
    if device.type == "cuda" and state["cuda"] is not None:
        torch.cuda.set_rng_state(state["cuda"].cpu(), device)
