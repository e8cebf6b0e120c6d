"""RecBole's trainers, which also keep the mean loss of each item group over the epochs."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Any

import recbole.utils

from recbole_ile.plugin.parallel_trainer import ParallelTrainer
from recbole_ile.plugin.process_group import of_all
from recbole_ile.plugin.registry import parse_model_name

HISTORY = "group_loss_history"


class GroupLossTrainer:
    """Mixin of any RecBole trainer: group losses per epoch, and checkpoints that are whole or not there.

    Attributes:
        group_losses: for each epoch ``{"epoch": int, "losses": [G] floats or None}``.
    """

    def __init__(self, config: Any, model: Any) -> None:
        super().__init__(config, model)  # type: ignore[call-arg]
        self.group_losses: list[dict[str, Any]] = []

    def _train_epoch(self, train_data: Any, epoch_idx: int, *arguments: Any, **keywords: Any) -> Any:
        observed = getattr(self.model, "group_losses", None)  # type: ignore[attr-defined]
        if observed is None:
            return super()._train_epoch(train_data, epoch_idx, *arguments, **keywords)  # type: ignore[misc]
        observed.start_epoch()
        loss = super()._train_epoch(train_data, epoch_idx, *arguments, **keywords)  # type: ignore[misc]
        if not all(of_all(self.model.group_losses is not None)):  # type: ignore[attr-defined]
            self.model.group_losses = None  # type: ignore[attr-defined]
            return loss
        means = observed.epoch_means()
        self.group_losses.append({"epoch": epoch_idx, "losses": means})
        for name, mean in zip(observed.names, means, strict=True):
            if mean is not None:
                self.tensorboard.add_scalar(f"Group_loss/{name}", mean, epoch_idx)  # type: ignore[attr-defined]
        return loss

    def _save_checkpoint(self, epoch: int, verbose: bool = True, **keywords: Any) -> None:
        final = keywords.pop("saved_model_file", self.saved_model_file)  # type: ignore[attr-defined]
        partial = f"{final}.{os.getpid()}.partial"
        with _kept_in(self.model, {HISTORY: self.group_losses}):  # type: ignore[attr-defined]
            super()._save_checkpoint(epoch, verbose=False, saved_model_file=partial, **keywords)  # type: ignore[misc]
        if os.path.exists(partial):  # only the first of several processes writes
            os.replace(partial, final)
            if verbose:
                self.logger.info(f"{recbole.utils.set_color('Saving current', 'blue')}: {final}")  # type: ignore[attr-defined]

    def resume_checkpoint(self, resume_file: Any) -> None:
        """Continue from a checkpoint, with the group losses of the epochs before it."""
        super().resume_checkpoint(resume_file)  # type: ignore[misc]
        self.group_losses = list(getattr(self.model, HISTORY, []))  # type: ignore[attr-defined]


@contextlib.contextmanager
def _kept_in(model: Any, further: dict[str, Any]) -> Iterator[None]:
    """Within this context, RecBole stores ``further`` with the model's own ``other_parameter``."""
    own = model.other_parameter
    model.other_parameter = lambda: {**(own() or {}), **further}
    try:
        yield
    finally:
        del model.other_parameter


def get_trainer(config: Any) -> type[Any]:
    """Return RecBole's trainer of the base model, with the mixins before it."""
    base = recbole.utils.get_trainer(config["MODEL_TYPE"], parse_model_name(config.model).base)
    if not hasattr(base, "_train_epoch"):
        return base
    parts = (GroupLossTrainer, base) if config["single_spec"] else (GroupLossTrainer, ParallelTrainer, base)
    return type(base.__name__, parts, {"__module__": __name__})
