"""What a RecBole trainer stores and reads so that an interrupted training goes on as if it had not been."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from recbole.trainer.trainer import PretrainTrainer

from recbole_ile.errors import InputError
from recbole_ile.plugin.models.attributes import ChangedAttributes
from recbole_ile.plugin.progress import PROGRESS, restore_progress, training_progress

HISTORY = "group_loss_history"
"""The entry of a checkpoint's ``other_parameter`` that holds the group losses of the epochs so far."""


class ContinuedTrainer:
    """Mixin of any RecBole trainer that continues a training bit for bit.

    As in RecBole, the checkpoint is that of the best epoch so far; the epochs after it are repeated as they were.

    Attributes:
        last_valid_result: of the last validation, ``None`` before the first.
        own_optimizer: RecBole's of all parameters, which RecVAE replaces by two others.
        changed_attributes: what training changes in the model beside its parameters.
    """

    group_losses: list[dict[str, Any]]
    model: Any
    optimizer: Any

    def __init__(self, config: Any, model: Any) -> None:
        super().__init__(config, model)  # type: ignore[call-arg]
        self.last_valid_result: Any = None
        self.own_optimizer = self.optimizer
        self.changed_attributes = ChangedAttributes(self.model)
        self._loaders: list[Any] = []
        self._resumed: str | None = None
        self._progress: dict[str, Any] | None = None

    def fit(self, train_data: Any, valid_data: Any = None, *arguments: Any, **keywords: Any) -> Any:
        """Train as RecBole does, or go on after the checkpoint that was read; where no epoch is left, there is none.

        Returns:
            The validation score and result of the best epoch.
        """
        if self.go_back(train_data, valid_data) and self.start_epoch >= self.epochs:  # type: ignore[attr-defined]
            return self.best_valid_score, self.best_valid_result  # type: ignore[attr-defined]
        return super().fit(train_data, valid_data, *arguments, **keywords)  # type: ignore[misc]

    def go_back(self, train_data: Any, valid_data: Any = None) -> bool:
        """Go back to where the checkpoint that was read left off, with loaders whose state is stored from now on.

        Returns:
            Whether a checkpoint was read.
        """
        self._loaders = [loader for loader in (train_data, valid_data) if loader]
        if self._resumed is None:
            return False
        reason = "it was not written by this version of recbole_ile"
        if self._progress is not None:
            reason = "" if restore_progress(self, self._loaders, self._progress) else "its run had other loaders"
        if reason:
            self.logger.warning(  # type: ignore[attr-defined]
                f"checkpoint {self._resumed} does not tell where the random numbers were, because {reason}: "
                "what follows is not bit by bit what an uninterrupted run would have done"
            )
        self._progress = None
        return True

    def _valid_epoch(self, *arguments: Any, **keywords: Any) -> Any:
        score, self.last_valid_result = super()._valid_epoch(*arguments, **keywords)  # type: ignore[misc]
        return score, self.last_valid_result

    def _save_checkpoint(
        self, epoch: int, verbose: bool = True, further: dict[str, Any] | None = None, **keywords: Any
    ) -> None:
        """Save what RecBole does and what continues the run; ``further`` are entries of ``other_parameter``."""
        further = {
            HISTORY: self.group_losses,
            PROGRESS: training_progress(self, self._loaders),
            **(further or {}),
        }
        at_work, self.optimizer = self.optimizer, self.own_optimizer
        try:
            with _kept_in(self.model, further):
                super()._save_checkpoint(epoch, verbose, **keywords)  # type: ignore[misc]
        finally:
            self.optimizer = at_work

    def resume_checkpoint(self, resume_file: Any) -> None:
        """Read a checkpoint, to continue after its epoch, with the group losses of the epochs before.

        Raises:
            InputError: if it was written by a pre-training.
        """
        try:
            super().resume_checkpoint(resume_file)  # type: ignore[misc]
        except KeyError as error:
            if isinstance(self, PretrainTrainer):
                raise InputError(
                    f"checkpoint {resume_file} was written by a pre-training, which cannot be continued; "
                    "train_stage=finetune can start from it"
                ) from error
            raise
        self._resumed = str(resume_file)
        kept = vars(self.model)
        self.group_losses = list(kept.get(HISTORY, []))
        self._progress = kept.pop(PROGRESS, None)


@contextlib.contextmanager
def _kept_in(model: Any, further: dict[str, Any]) -> Iterator[None]:
    """Within this context, RecBole stores ``further`` with the model's own ``other_parameter``."""
    own = model.other_parameter
    model.other_parameter = lambda: {**(own() or {}), **further}
    try:
        yield
    finally:
        del model.other_parameter
