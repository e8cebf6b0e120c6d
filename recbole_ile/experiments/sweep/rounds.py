"""In which order the models of a sweep are trained if it is to stop spending on those that are dominated."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from recbole_ile.plugin.catalogue.model_names import ModelName
from recbole_ile.plugin.catalogue.support import without_loss


def base_of(trial: dict[str, Any]) -> str:
    """Return the base model of a planned trial of a sweep across models."""
    return ModelName.parse(trial["training"]["model"]).base


def next_trainings(
    missing: list[dict[str, Any]], begun: Collection[str], dominated: Collection[str], baseline: str
) -> list[dict[str, Any]]:
    """Return what is to be trained next: cheap models before dear ones, one training of each before the others.

    Cheap are the models without a loss to be trained by, in closed form say. The first training of the baseline comes
    with theirs: without it, nothing can be recommended as it should be.

    Args:
        missing: the planned trials that were not run yet, in their order.
        begun: base models of which something was trained.
        dominated: base models that get no further trainings.
        baseline: base model that the others are measured against.

    Returns:
        Trials that need not wait for each other; none if nothing is left.
    """
    left = [trial for trial in missing if base_of(trial) not in begun or base_of(trial) not in dominated]
    early = [trial for trial in left if without_loss(base_of(trial)) or base_of(trial) == baseline not in begun]
    left = early or left
    first: dict[str, dict[str, Any]] = {}
    for trial in left:
        if base_of(trial) not in begun:
            first.setdefault(base_of(trial), trial)
    return list(first.values()) or left
