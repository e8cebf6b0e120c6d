"""Put the parameters of a checkpoint into a model, or say in one line why they do not belong there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from recbole_ile.errors import DamagedCheckpoint
from recbole_ile.plugin.checkpoints.behaviour_states import without_states

PROGRESS_FIELDS = ("epoch", "cur_step", "best_valid_score", "optimizer")
"""What RecBole goes on with in addition to the parameters."""
NAMED = 3
"""Parameters that a line names."""


def load_parameters(model: Any, stored: dict[str, Any], checkpoint: str | Path) -> None:
    """Put the parameters of a checkpoint into a model, all or none.

    Args:
        model: made for the settings and the data of the checkpoint.
        stored: the content of the checkpoint.
        checkpoint: its path.

    Raises:
        DamagedCheckpoint: if a parameter is missing, unknown, of another shape, or not a number.
    """
    fresh, state = model.state_dict(), stored["state_dict"]
    missing, further = fresh.keys() - state.keys(), state.keys() - fresh.keys()
    if missing or further:
        told = [f"lacks {_named(missing)}"] if missing else []
        told += [f"has {_named(further)}, which the model has not"] if further else []
        raise DamagedCheckpoint(
            f"checkpoint {checkpoint} does not fit this model and data set: it {' and '.join(told)}"
        )
    for name, value in state.items():
        if value.shape != fresh[name].shape:
            raise DamagedCheckpoint(
                f"checkpoint {checkpoint} does not fit this model and data set: {name} is {list(value.shape)}, but "
                f"{list(fresh[name].shape)} here"
            )
    check_finite(state, fresh, checkpoint)
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        reason = " ".join(str(error).split())
        raise DamagedCheckpoint(f"checkpoint {checkpoint} does not fit this model and data set: {reason}") from error
    others = without_states(stored)["other_parameter"]
    own = getattr(model, "other_parameter_name", [])
    unknown = [name for name in others if name not in own]
    if unknown:
        raise DamagedCheckpoint(f"checkpoint {checkpoint} holds {_named(unknown)}, which this model does not know")
    model.load_other_parameter(others)


def first_member(state: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters of an ensemble's first member, those of any other model as they are."""
    return {name: value for name, value in state.items() if not name.startswith(("members.", "item_uncertainty"))}


def check_finite(state: dict[str, Any], fresh: dict[str, Any], checkpoint: str | Path) -> None:
    """Refuse parameters that are no numbers where those of a new model are.

    Args:
        state: parameters by name.
        fresh: those of a new model.
        checkpoint: the file that they come from.

    Raises:
        DamagedCheckpoint: names them.
    """
    wrong = [
        name
        for name, value in state.items()
        if value.is_floating_point() and not _is_finite(value) and _is_finite(fresh[name])
    ]
    if wrong:
        raise DamagedCheckpoint(
            f"checkpoint {checkpoint} has weights that are not finite numbers: {_named(wrong)}; train the model anew"
        )


def check_progress(stored: dict[str, Any], checkpoint: str | Path) -> None:
    """Refuse to go on from a checkpoint that does not say where its training was.

    Raises:
        DamagedCheckpoint: names what is missing.
    """
    missing = [name for name in PROGRESS_FIELDS if name not in stored]
    if missing:
        raise DamagedCheckpoint(f"checkpoint {checkpoint} cannot be continued: it lacks {_named(missing)}")
    for name in ("epoch", "cur_step"):
        if not isinstance(stored[name], int):
            raise DamagedCheckpoint(f"checkpoint {checkpoint} is damaged: its {name} is {stored[name]!r}")


def _is_finite(value: torch.Tensor) -> bool:
    return bool(torch.isfinite(value).all())


def _named(names: Any) -> str:
    ordered = sorted(names)
    return ", ".join(ordered[:NAMED]) + (", ..." if len(ordered) > NAMED else "")
