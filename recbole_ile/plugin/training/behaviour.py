"""Parts of a trainer that act between its steps, each with a state of its own in the checkpoint."""

from __future__ import annotations

from logging import Logger
from typing import Any, NamedTuple, Protocol

import torch


class Training(Protocol):
    """What a behaviour may use of the trainer that it is a part of."""

    config: Any
    model: Any
    logger: Logger
    tensorboard: Any
    wandblogger: Any
    epoch: int
    cur_step: int
    """Validations without improvement so far; RecBole stops at ``stopping_step``."""
    best_valid_score: float
    valid_metric: str
    valid_metric_bigger: bool


class Validation(NamedTuple):
    """The score by which RecBole compares epochs, and the whole result, metrics by name."""

    score: float
    result: dict[str, float]


class Behaviour:
    """A part of a trainer: does nothing unless a subclass says otherwise.

    Attributes:
        key: its entry under ``other_parameter["recbole_ile"]`` of a checkpoint.
    """

    key: str

    def before_epoch(self, training: Training, epoch: int) -> None:
        """Act before an epoch of training."""

    def after_batch(self, training: Training, loss: torch.Tensor) -> None:
        """Look at the loss of a batch before it is differentiated."""

    def after_batches(self, training: Training, losses: torch.Tensor) -> None:
        """Look at the ``[S]`` losses of batches in their order, where many are trained before anybody can look."""
        if type(self).after_batch is not Behaviour.after_batch:
            for loss in losses:
                self.after_batch(training, loss)

    def after_epoch(self, training: Training, epoch: int, loss: Any) -> None:
        """Act after an epoch of training, whose mean loss is a number or a tuple of them."""

    def after_validation(self, training: Training, validation: Validation) -> Validation:
        """Return the validation as RecBole is to see it."""
        return validation

    def after_training(self, training: Training, result: dict[str, float]) -> None:
        """Act when the best epoch is known, with its validation result."""

    def report(self, valid: dict[str, float], test: dict[str, float]) -> dict[str, Any]:
        """Return what the result of a run says of it.

        Args:
            valid: validation result of the best epoch, empty if there is none.
            test: its test result, likewise.
        """
        return {}

    def state_dict(self) -> dict[str, Any]:
        """Return what a training that is continued has to know, as plain values and tensors; empty for nothing."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go back to what ``state_dict`` returned."""
