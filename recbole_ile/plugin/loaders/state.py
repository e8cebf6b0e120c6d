"""How far a loader has come in its random numbers: what it draws next follows from that."""

from __future__ import annotations

from typing import Any

from recbole_ile.plugin.loaders.evaluation import SampledLoader

PARTS = ("general_dataloader", "kg_dataloader")
"""The loaders that RecBole's loader for knowledge graphs consists of."""


def loader_state(loader: Any) -> list[dict[str, Any]]:
    """Return, for a loader and those it consists of, the state of its generator and the number of evaluations.

    The batches of ``TrainingBatches`` follow from the seed and the epoch; it has no state.
    """
    states = []
    for part in _parts(loader):
        generator = getattr(part, "generator", None)
        states.append(
            {
                "generator": None if generator is None else generator.get_state(),
                "evaluations": part.evaluations if isinstance(part, SampledLoader) else 0,
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


def _parts(loader: Any) -> list[Any]:
    return [loader, *(getattr(loader, name) for name in PARTS if hasattr(loader, name))]
