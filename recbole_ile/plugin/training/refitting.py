"""A behaviour that has a checkpoint say that it was trained on all interactions, with what another one had found."""

from __future__ import annotations

from typing import Any

from recbole_ile.plugin.training.behaviour import Behaviour


class Refitting(Behaviour):
    """Keeps which checkpoint's setting was trained on everything, so that nobody evaluates the model on what it knows.

    Attributes:
        of: path of that checkpoint, ``None`` for a training as any other.
        epochs: that its validation found.
    """

    key = "refit"

    def __init__(self) -> None:
        self.of: str | None = None
        self.epochs = 0

    def report(self, valid: dict[str, float], test: dict[str, float]) -> dict[str, Any]:
        """Return ``refit``: the checkpoint and the number of epochs; nothing of another training."""
        return {self.key: self.state_dict()} if self.of else {}

    def state_dict(self) -> dict[str, Any]:
        """Return both, nothing of another training."""
        return {} if self.of is None else {"of": self.of, "epochs": self.epochs}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take both."""
        self.of, self.epochs = str(state["of"]), int(state["epochs"])
