"""The random state of a data loader, from which its next draws follow."""

from __future__ import annotations

from typing import Any

from recbole_ile.plugin.data.loaders.evaluation import SampledLoader
from recbole_ile.plugin.data.loaders.training import TORCH, TrainingBatches

PARTS = ("general_dataloader", "kg_dataloader")
"""The loaders that RecBole's loader for knowledge graphs consists of."""


def loader_state(loader: Any) -> list[dict[str, Any]]:
    """Return, for a loader and those it consists of, the state of its generator and the number of evaluations.

    The batches of ``TrainingBatches`` follow from the seed, the epoch and the way of drawing.
    """
    states = []
    for part in _parts(loader):
        generator = getattr(part, "generator", None)
        states.append(
            {
                "generator": None if generator is None else generator.get_state(),
                "evaluations": part.evaluations if isinstance(part, SampledLoader) else 0,
                "drawing": part.drawing if isinstance(part, TrainingBatches) else None,
            }
        )
    return states


def set_loader_state(loader: Any, states: list[dict[str, Any]]) -> None:
    """Go back to what ``loader_state`` returned for a loader of the same kind.

    Raises:
        ValueError: if it was of another kind.
    """
    for part, state in zip(_parts(loader), states, strict=True):
        if state["generator"] is not None:
            part.generator.set_state(state["generator"].cpu())
        if isinstance(part, SampledLoader):
            part.evaluations = state["evaluations"]
        if isinstance(part, TrainingBatches):
            part.draw_as(state.get("drawing") or TORCH)  # as version 0.1, which did not say so


def _parts(loader: Any) -> list[Any]:
    return [loader, *(getattr(loader, name) for name in PARTS if hasattr(loader, name))]
