"""A behaviour that keeps the mean loss of each item group over the epochs."""

from __future__ import annotations

from typing import Any

from recbole_ile.plugin.processes.group import gather_all
from recbole_ile.plugin.training.behaviour import Behaviour, Training


class GroupLossHistory(Behaviour):
    """Keeps the group losses that a model adds up, if it does, for the result, TensorBoard and Weights & Biases.

    Attributes:
        epochs: for each epoch ``{"epoch": int, "losses": [G] floats or None}``.
    """

    key = "group_losses"

    def __init__(self) -> None:
        self.epochs: list[dict[str, Any]] = []

    def before_epoch(self, training: Training, epoch: int) -> None:
        """Have the model begin anew."""
        if training.model.group_losses is not None:
            training.model.group_losses.start_epoch()

    def after_epoch(self, training: Training, epoch: int, loss: Any) -> None:
        """Keep the means, unless a process could not tell the losses apart."""
        observed = training.model.group_losses
        if not all(gather_all(observed is not None)):
            training.model.group_losses = None
            return
        means = observed.epoch_means()
        self.epochs.append({"epoch": epoch, "losses": means})
        known = {
            f"Group_loss/{name}": mean for name, mean in zip(observed.names, means, strict=True) if mean is not None
        }
        for name, mean in known.items():
            training.tensorboard.add_scalar(name, mean, epoch)
        training.wandblogger.log_metrics({**known, "train_step": epoch}, head="train", commit=False)

    def report(self, valid: dict[str, float], test: dict[str, float]) -> dict[str, Any]:
        """Return ``group_losses``."""
        return {"group_losses": self.epochs}

    def state_dict(self) -> dict[str, Any]:
        """Return the epochs so far."""
        return {"epochs": self.epochs}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take the epochs so far."""
        self.epochs = list(state["epochs"])
