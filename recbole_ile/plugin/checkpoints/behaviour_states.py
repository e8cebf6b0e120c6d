"""The one entry of a checkpoint that holds what this plugin keeps of a training, and those of older versions."""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Iterator
from typing import Any

KEY = "recbole_ile"
"""The entry of ``other_parameter``, where stock RecBole does not look, that holds a state by the key of its owner."""
OLDER = ("group_loss_history", "training_progress", "ile_target_course", "valid_tolerance_choice", "trained_members")
"""The entries of version 0.1."""
_CONTROLLER = ("target_weight", "_validations", "_stalled", "_best", "_violated")
_added: contextvars.ContextVar[dict[str, Any] | None] = contextvars.ContextVar("states_of_behaviours", default=None)


@contextlib.contextmanager
def adding(states: dict[str, Any]) -> Iterator[None]:
    """Within this context, every checkpoint that is written holds ``states``."""
    token = _added.set(states)
    try:
        yield
    finally:
        _added.reset(token)


def with_states(other: dict[str, Any]) -> dict[str, Any]:
    """Return the ``other_parameter`` of a checkpoint that is about to be written, with what ``adding`` adds."""
    states = _added.get()
    return {**other, KEY: states} if states else other


def without_states(stored: dict[str, Any]) -> dict[str, Any]:
    """Return the content of a checkpoint with what belongs to the model alone among its ``other_parameter``."""
    other = stored.get("other_parameter") or {}
    own = {name: value for name, value in other.items() if name != KEY and name not in OLDER}
    return {**stored, "other_parameter": own}


def states_of(stored: dict[str, Any]) -> dict[str, Any]:
    """Return the states that a checkpoint holds, by the key of their owner; those of version 0.1 in today's form."""
    other = stored.get("other_parameter") or {}
    states = other.get(KEY)
    if isinstance(states, dict):
        return states
    found: dict[str, Any] = {}
    if "group_loss_history" in other:
        found["group_losses"] = {"epochs": other["group_loss_history"]}
    if "training_progress" in other:
        found["resuming"] = _progress(other["training_progress"])
    if "valid_tolerance_choice" in other:
        found["fairest_epoch"] = {"choice": other["valid_tolerance_choice"]}
    if "trained_members" in other:
        number, epoch = other["trained_members"]
        found["members"] = {"number": number, "epoch": epoch}
    if "ile_target_course" in other:
        found["fairness_target"] = _target(other)
    return found


def _progress(stored: dict[str, Any]) -> dict[str, Any]:
    """Return where a training was, without what the model knew of a fairness target."""
    attributes = stored.get("attributes", {})
    own = {name: value for name, value in attributes.get("", {}).items() if name not in _CONTROLLER}
    return {**stored, "attributes": {**attributes, "": own}}


def _target(other: dict[str, Any]) -> dict[str, Any]:
    """Return the state of the fairness target, whose controller was a part of the model."""
    changed = (other.get("training_progress") or {}).get("attributes", {}).get("", {})
    controller = {name: changed[name] for name in _CONTROLLER if name in changed}
    if "ile_lambda" in changed:
        controller["weight"] = changed["ile_lambda"]
    return {"course": other["ile_target_course"], "controller": controller}
