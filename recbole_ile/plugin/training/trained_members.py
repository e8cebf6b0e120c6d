"""Which members of an ensemble are trained, so that an interrupted training of them goes on."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

from torch import nn

from recbole_ile.plugin.training.behaviour import Behaviour


@runtime_checkable
class Ensemble(Protocol):
    """A model that is the first member of an ensemble and holds the others."""

    members: nn.ModuleList

    def estimate_item_uncertainty(self, batches: Any) -> None:
        """Set what the members say together, from all users in batches."""


class TrainedMembers(Behaviour):
    """Keeps in the file of an unfinished run how many members are trained, and the best epoch of the first.

    Attributes:
        number: how many are; ``None`` if all.
        epoch: the best of the first, -1 before it is known.
    """

    key = "members"

    def __init__(self) -> None:
        self.number: int | None = None
        self.epoch = -1

    def state_dict(self) -> dict[str, Any]:
        """Return both, nothing of a whole ensemble."""
        return {} if self.number is None else {"number": self.number, "epoch": self.epoch}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take both."""
        self.number, self.epoch = int(state["number"]), int(state["epoch"])
