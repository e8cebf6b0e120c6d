"""A RecBole trainer that stops, and says where and why, when the loss is no number any more."""

from __future__ import annotations

from typing import Any

import torch

from recbole_ile.errors import TrainingStopped


class WatchedTrainer:
    """Mixin of any RecBole trainer that counts the batches of an epoch, to name the one in which it stops."""

    _epoch, _batch = 0, 0

    def _train_epoch(self, train_data: Any, epoch_idx: int, *arguments: Any, **keywords: Any) -> Any:
        self._epoch, self._batch = epoch_idx, 0
        return super()._train_epoch(train_data, epoch_idx, *arguments, **keywords)  # type: ignore[misc]

    def _check_nan(self, loss: torch.Tensor) -> None:
        """Stop for NaN, as RecBole does, and for infinity, which leads to it.

        Raises:
            TrainingStopped: names the epoch, the batch, the parts of the loss and the settings that lead to them.
        """
        self._batch += 1
        if torch.isfinite(loss):
            return
        rate = f"learning_rate={self.config['learning_rate']:g}"  # type: ignore[attr-defined]
        parts = getattr(self.model, "last_loss_parts", None)  # type: ignore[attr-defined]
        raise TrainingStopped(
            f"the training loss is {loss.item()} in batch {self._batch} of epoch {self._epoch}, with "
            + (f"{parts} and {rate}" if parts else rate)
            + f"; a smaller learning_rate{' or ile_lambda' if parts else ''} may help, "
            "or clip_grad_norm={'max_norm': 5}"
        )
