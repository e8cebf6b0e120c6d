"""A behaviour that saves and restores everything a training needs to continue bit for bit after an interruption."""

from __future__ import annotations

from typing import Any

from recbole_ile.errors import InputError
from recbole_ile.plugin.checkpoints.training_state import restore_progress, training_progress
from recbole_ile.plugin.training.behaviour import Behaviour, Training, Validation


class Resuming(Behaviour):
    """Keeps where the random numbers, the loaders, the optimisers and the model's own counters are.

    As in RecBole, the checkpoint is that of the best epoch so far; the epochs after it are repeated as they were.

    Args:
        trainer: that it is a part of.
    """

    key = "resuming"

    def __init__(self, trainer: Any) -> None:
        self._trainer = trainer
        self._loaders: list[Any] = []
        self._resumed: str | None = None
        self._progress: dict[str, Any] | None = None

    def after_validation(self, training: Training, validation: Validation) -> Validation:
        """Remember the result, which RecBole forgets where it is not the best."""
        self._trainer.last_valid_result = validation.result
        return validation

    def begin(self, loaders: list[Any]) -> bool:
        """Go back to where the checkpoint that was read left off, with loaders whose state is stored from now on.

        Returns:
            Whether a checkpoint was read.

        Raises:
            InputError: if what it says of the training is damaged.
        """
        self._loaders = loaders
        if self._resumed is None:
            return False
        reason = "it was not written by this version of recbole_ile"
        if self._progress is not None:
            try:
                whole = restore_progress(self._trainer, self._loaders, self._progress)
            except (ValueError, TypeError, LookupError, AttributeError, RuntimeError) as error:
                raise InputError(
                    f"checkpoint {self._resumed} is damaged: where its training was cannot be restored: {error}"
                ) from error
            reason = "" if whole else "its run had other loaders"
        if reason:
            self._trainer.logger.warning(
                f"checkpoint {self._resumed} does not tell where the random numbers were, because {reason}: "
                "what follows is not bit by bit what an uninterrupted run would have done"
            )
        self._progress = None
        return True

    def resumed_from(self, checkpoint: str) -> None:
        """Remember that a checkpoint was read."""
        self._resumed = checkpoint

    def state_dict(self) -> dict[str, Any]:
        """Return what the epochs after this one follow from; all processes of a training have to ask together."""
        return training_progress(self._trainer, self._loaders)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Remember where the training was until ``begin`` knows the loaders."""
        self._progress = state
