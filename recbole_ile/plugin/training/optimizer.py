"""The optimiser that RecBole chose, in the form that updates all parameters in one pass."""

from __future__ import annotations

import inspect
from typing import Any

import torch

FUSED_DEVICES = ("cpu", "cuda")


def fused(optimizer: torch.optim.Optimizer) -> torch.optim.Optimizer:
    """Return a fused optimiser of the same class, parameters and settings, or the same one where there is none.

    Fused and plain updates are the same up to the rounding of floats.
    """
    kind: Any = type(optimizer)
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    possible = "fused" in inspect.signature(kind).parameters and all(
        parameter.device.type in FUSED_DEVICES and torch.is_floating_point(parameter) for parameter in parameters
    )
    if not possible:
        return optimizer
    groups = [
        {name: value for name, value in group.items() if name not in ("fused", "foreach", "initial_lr")}
        for group in optimizer.param_groups
    ]
    return kind(groups, fused=True)
