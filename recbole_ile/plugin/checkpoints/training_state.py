"""Save and restore what a training needs, in addition to RecBole's own, to continue after an interruption."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import torch

from recbole_ile.plugin.checkpoints.changed_attributes import set_attributes
from recbole_ile.plugin.checkpoints.loader_state import loader_state, set_loader_state
from recbole_ile.plugin.checkpoints.random_state import random_state, set_random_state
from recbole_ile.plugin.processes.group import gather_all, rank

PROGRESS = "training_progress"
"""The entry of a checkpoint's ``other_parameter`` that holds it, where stock RecBole does not look."""


def training_progress(trainer: Any, loaders: list[Any]) -> dict[str, Any]:
    """Return what the epochs after this one follow from; all processes of a training have to ask together.

    Args:
        trainer: of which the last validation is the best so far.
        loaders: those of the training and, if there is any, the validation part.
    """
    own = {"random": random_state(trainer.device), "loaders": [loader_state(loader) for loader in loaders]}
    result = trainer.last_valid_result
    return {
        "best_valid_result": result and OrderedDict((name, float(value)) for name, value in result.items()),
        "attributes": trainer.changed_attributes.now(),
        "optimizers": {name: each.state_dict() for name, each in _optimizers(trainer).items()},
        "processes": gather_all(own),
    }


def restore_progress(trainer: Any, loaders: list[Any], progress: dict[str, Any]) -> bool:
    """Go back to what ``training_progress`` returned.

    Returns:
        Whether the epochs that follow are those of an uninterrupted training, to the bit. They are not if the
        number of processes is another one, or if RecBole's loaders took the place of this plugin's.
    """
    trainer.best_valid_result = trainer.last_valid_result = progress["best_valid_result"]
    set_attributes(trainer.model, progress["attributes"])
    for name, state in progress["optimizers"].items():
        getattr(trainer, name).load_state_dict(state)
    states = progress["processes"]
    if len(states) != len(gather_all(None)):
        return False
    own = states[rank()]
    try:
        for loader, state in zip(loaders, own["loaders"], strict=True):
            set_loader_state(loader, state)
    except ValueError:
        return False
    set_random_state(own["random"], trainer.device)
    return True


def _optimizers(trainer: Any) -> dict[str, torch.optim.Optimizer]:
    """Return the optimisers that a trainer has in addition to RecBole's own."""
    return {
        name: value
        for name, value in vars(trainer).items()
        if isinstance(value, torch.optim.Optimizer) and name != "optimizer" and value is not trainer.own_optimizer
    }
