"""What a mitigation that adds a term to the loss tells of the two parts."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol, runtime_checkable

import torch


class LossParts(NamedTuple):
    """The two parts of a batch's loss, each a number, and what the second one came from.

    Attributes:
        own: the model's loss.
        term: what a mitigation adds.
        name: of the mitigation.
        weight: the option that weighs the term.
        settings: options of the mitigation by name, as they are now.
    """

    own: torch.Tensor
    term: torch.Tensor
    name: str
    weight: str
    settings: dict[str, Any]

    def __str__(self) -> str:
        """Return both parts and the settings."""
        settings = ", ".join(
            f"{key}={value:g}" if isinstance(value, float) else f"{key}={value}" for key, value in self.settings.items()
        )
        return f"base loss {self.own.item():g}, {self.name} term {self.term.item():g} ({settings})"


@runtime_checkable
class TellsLossParts(Protocol):
    """A model whose loss is its own and a term that a mitigation adds."""

    last_loss_parts: LossParts | None
    """Of the last batch, ``None`` before the first."""
