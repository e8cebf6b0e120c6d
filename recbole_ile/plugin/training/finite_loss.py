"""A behaviour that stops, and says where and why, when the loss is no finite number any more."""

from __future__ import annotations

import torch

from recbole_ile.errors import TrainingStopped
from recbole_ile.plugin.losses.loss_parts import TellsLossParts
from recbole_ile.plugin.training.behaviour import Behaviour, Training


class FiniteLoss(Behaviour):
    """Counts the batches of an epoch, to name the one whose loss is not finite."""

    key = "finite_loss"

    def __init__(self) -> None:
        self._batch = 0

    def before_epoch(self, training: Training, epoch: int) -> None:
        """Count from the beginning."""
        self._batch = 0

    def after_batches(self, training: Training, losses: torch.Tensor) -> None:
        """Stop at the first of ``[S]`` losses that is not finite, as ``after_batch`` does."""
        if torch.isfinite(losses).all():
            self._batch += len(losses)
        else:
            super().after_batches(training, losses)

    def after_batch(self, training: Training, loss: torch.Tensor) -> None:
        """Stop for NaN, as RecBole does, and for infinity, which leads to it.

        Raises:
            TrainingStopped: names the epoch, the batch, the parts of the loss and the settings that lead to them.
        """
        self._batch += 1
        if torch.isfinite(loss):
            return
        rate = f"learning_rate={training.config['learning_rate']:g}"
        parts = training.model.last_loss_parts if isinstance(training.model, TellsLossParts) else None
        raise TrainingStopped(
            f"the training loss is {loss.item()} in batch {self._batch} of epoch {training.epoch}, with "
            + (f"{parts} and {rate}" if parts else rate)
            + f"; a smaller learning_rate{f' or {parts.weight}' if parts else ''} may help, "
            "or clip_grad_norm={'max_norm': 5}"
        )


def looks_at_no_batch(behaviour: Behaviour) -> bool:
    """Tell whether a behaviour looks at no batch, but for whether its loss is finite."""
    return type(behaviour).after_batch in (Behaviour.after_batch, FiniteLoss.after_batch)
