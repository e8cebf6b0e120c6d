"""RecBole's trainers with behaviours between their steps."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import recbole.utils
import torch
from recbole.trainer.trainer import PretrainTrainer, Trainer

from recbole_ile.errors import InputError
from recbole_ile.metric import Better, Metric
from recbole_ile.plugin.checkpoints.behaviour_states import adding, states_of, without_states
from recbole_ile.plugin.checkpoints.changed_attributes import ChangedAttributes
from recbole_ile.plugin.checkpoints.files import already_read, read_checkpoint, update_checkpoint
from recbole_ile.plugin.checkpoints.parameters import load_parameters
from recbole_ile.plugin.data.identity import IDENTITY, DataIdentity
from recbole_ile.plugin.data.loaders.training import TrainingBatches
from recbole_ile.plugin.evaluation.evaluator import Evaluator, RanksItself
from recbole_ile.plugin.evaluation.training_users import LearnsRanking, TrainingUsers
from recbole_ile.plugin.processes.group import barrier, rank
from recbole_ile.plugin.training.behaviour import Behaviour, Validation
from recbole_ile.plugin.training.fairest_epoch import FairestEpoch
from recbole_ile.plugin.training.fairness_target import FairnessTarget, WeighsItemLosses
from recbole_ile.plugin.training.finite_loss import FiniteLoss
from recbole_ile.plugin.training.group_loss_history import GroupLossHistory
from recbole_ile.plugin.training.learned_ranking import LearnedRanking, learns_ranking
from recbole_ile.plugin.training.optimizer import fused
from recbole_ile.plugin.training.pair_training import PairTraining
from recbole_ile.plugin.training.parallel import ParallelTrainer
from recbole_ile.plugin.training.refitting import Refitting
from recbole_ile.plugin.training.resuming import Resuming
from recbole_ile.plugin.training.rowwise_epoch import stepping_by_rows
from recbole_ile.plugin.training.trained_members import Ensemble, TrainedMembers
from recbole_ile.signals import stop_if_interrupted

if TYPE_CHECKING:
    from recbole.trainer import Trainer as Base
else:
    Base = object


class BehavingTrainer(Base):
    """Mixin of any RecBole trainer that lets its behaviours act, and stores their states.

    Attributes:
        behaviours: in the order in which they act.
        history: the group losses of the epochs.
        resuming: where an interrupted training was.
        refitting: whether this trains the setting of a checkpoint on everything.
        members: of an ensemble, which are trained.
        epoch: that is trained, or was trained last.
        last_valid_result: of the last validation, ``None`` before the first.
        ranking: what the ranking of the model was learned from, if it learns it.
        training_users: whom it was learned from.
        own_optimizer: RecBole's of all parameters, which RecVAE replaces by two others.
        changed_attributes: what training changes in the model in addition to its parameters.
        data_identity: returns the ``DataIdentity`` of what is trained on, ``None`` where nobody said.
    """

    optimizer: torch.optim.Optimizer
    eval_step: int
    training_users: TrainingUsers | None

    def __init__(self, config: Any, model: Any) -> None:
        super().__init__(config, model)
        # RecBole lowers it to the epochs that are asked for, of which some of its trainers take one whatever is asked.
        self.eval_step = min(self.eval_step, self.epochs)
        self.epoch = 0
        self.last_valid_result: Any = None
        self.own_optimizer = self.optimizer
        self.changed_attributes = ChangedAttributes(model)
        self.data_identity: Callable[[], DataIdentity] | None = None
        self._identity: dict[str, Any] | None = None
        self.history, self.resuming = GroupLossHistory(), Resuming(self)
        self.refitting = Refitting()
        self.behaviours: list[Behaviour] = [self.resuming, self.history, FiniteLoss(), self.refitting]
        if config["valid_tolerance"]:
            self.behaviours.append(FairestEpoch(config))
        if config["ile_target"] and isinstance(model, WeighsItemLosses):
            self.behaviours.append(FairnessTarget(config, model))
        self.members, self.training_users = TrainedMembers(), None
        self._pair_training: PairTraining | None = None
        self.ranking = LearnedRanking(model) if isinstance(model, LearnsRanking) else None
        if self.ranking:
            self.behaviours.append(self.ranking)
        if isinstance(model, Ensemble):
            self.behaviours.append(self.members)

    def fit(self, train_data: Any, valid_data: Any = None, *arguments: Any, **keywords: Any) -> Any:
        """Train as RecBole does, or go on after the checkpoint that was read; where no epoch is left, there is none.

        A model that ranks itself is trained, and its best epoch chosen, by the scores of its base: one training
        therefore serves every setting of the ranking, and that without any.

        Returns:
            The validation score and result of the best epoch, of the lists that are recommended.
        """
        loaders = [loader for loader in (train_data, valid_data) if loader]
        if self.resuming.begin(loaders) and self.start_epoch >= self.epochs:
            best, result = self.best_valid_score, self.best_valid_result
        else:
            try:
                with self.ranking_as_trained():
                    best, result = super().fit(train_data, valid_data, *arguments, **keywords)
            finally:
                if self._pair_training is not None:
                    self._pair_training.close()
                    self._pair_training = None
        saved = keywords.get("saved", True)
        if isinstance(self.model, RanksItself) and (not saved or os.path.exists(self.saved_model_file)):
            result = self._rank_best(train_data, valid_data, saved) or result
            self._tell_loss(best, result)
        if not result:
            return best, result
        for behaviour in self.behaviours:
            behaviour.after_training(self, result)
        return recbole.utils.calculate_valid_score(result, self.valid_metric), result

    def settle_ranking(self, config: Any, train_data: Any, valid_data: Any = None, anew: bool = False) -> None:
        """Have the model learn its ranking from the training users, unless it has under these settings.

        Args:
            config: its options of the ranking.
            train_data: whose data set is the training part.
            valid_data: on which weights of ``auto`` are chosen.
            anew: whether to learn again what is there.
        """
        if self.ranking is None or not learns_ranking(self.model, config):
            return
        if self.training_users is None:
            self.training_users = TrainingUsers(self.model, self.config, train_data._dataset)
        if not anew and self.ranking.is_current(config):
            self.ranking.check_rows(self.training_users.digest)
            return
        validate = (lambda: self.evaluate(valid_data, load_best_model=False)) if valid_data else None
        self.ranking.settle(config, self.training_users, validate)

    def _rank_best(self, train_data: Any, valid_data: Any, saved: bool) -> Any:
        """Return the validation result of the best epoch as the model ranks, once the ranking is learned and kept."""
        if self.ranking is None or not learns_ranking(self.model, self.config):
            return self.evaluate(valid_data, load_best_model=saved) if valid_data else None
        stored: dict[str, Any] = {}
        if saved:
            stored = read_checkpoint(self.saved_model_file, map_location=self.device)
            state = {**self.model.state_dict(), **stored["state_dict"]}
            load_parameters(self.model, {**stored, "state_dict": state}, self.saved_model_file)
        self.training_users = None
        self.settle_ranking(self.config, train_data, valid_data, anew=True)
        if saved and rank() == 0:
            buffers = {name: self.model.state_dict()[name] for name in self.config.name.learned}
            update_checkpoint(self.saved_model_file, stored, buffers, {self.ranking.key: self.ranking.state_dict()})
        barrier()  # what the others read from now on is what was written
        return self.evaluate(valid_data, load_best_model=False) if valid_data else None

    def _tell_loss(self, before: Any, result: Any) -> None:
        """Say so if the mitigations in ranking halve the accuracy of what was trained."""
        metric = Metric.parse(self.config["valid_metric"])
        if not result or str(metric) not in result or before is None:
            return
        after = float(result[str(metric)])
        if metric.better is Better.HIGHER and after < 0.5 * float(before):
            weights = ", ".join(f"{key}={self.config[key]}" for key in sorted(self.config.name.neutral()))
            share = after / float(before)
            self.logger.warning(
                f"{metric} on the validation part is {after:.4f}, {share:.0%} of what it is without the mitigations in "
                f"ranking ({weights}): a smaller weight keeps more of it"
            )

    def report(self, valid: dict[str, float] | None, test: dict[str, float] | None) -> dict[str, Any]:
        """Return what the result of a run says of the behaviours, from the results of the best epoch."""
        reports = [behaviour.report(valid or {}, test or {}) for behaviour in self.behaviours]
        return {key: value for report in reports for key, value in report.items()}

    def resume_checkpoint(self, resume_file: Any) -> None:
        """Read a checkpoint, to continue after its epoch, with the states of the behaviours.

        Raises:
            InputError: if it was written by a pre-training.
        """
        stored = read_checkpoint(resume_file, map_location=self.device)
        try:
            with already_read(resume_file, without_states(stored)):
                super().resume_checkpoint(resume_file)
        except KeyError as error:
            if isinstance(self, PretrainTrainer):
                raise InputError(
                    f"checkpoint {resume_file} was written by a pre-training, which cannot be continued; "
                    "train_stage=finetune can start from it"
                ) from error
            raise
        self.load_states(stored)
        self.resuming.resumed_from(str(resume_file))

    def load_states(self, stored: dict[str, Any]) -> None:
        """Take the states of the behaviours from the content of a checkpoint."""
        states = states_of(stored)
        for behaviour in self.behaviours:
            if behaviour.key in states:
                behaviour.load_state_dict(states[behaviour.key])

    def _build_optimizer(self, **keywords: Any) -> Any:
        optimizer = super()._build_optimizer(**keywords)
        return fused(optimizer) if self.config["fast_loader"] else optimizer

    def _train_epoch(self, train_data: Any, epoch_idx: int, *arguments: Any, **keywords: Any) -> Any:
        stop_if_interrupted()
        self.epoch = epoch_idx
        if isinstance(train_data, TrainingBatches):
            train_data.set_epoch(epoch_idx)
        for behaviour in self.behaviours:
            behaviour.before_epoch(self, epoch_idx)
        loss = self._compiled_epoch(train_data, epoch_idx, *arguments, **keywords)
        if loss is None:
            loss = self._autograd_epoch(train_data, epoch_idx, *arguments, **keywords)
        for behaviour in self.behaviours:
            behaviour.after_epoch(self, epoch_idx, loss)
        return loss

    def _compiled_epoch(
        self, train_data: Any, epoch: int, loss_func: Any = None, show_progress: bool = False
    ) -> float | tuple[float, float] | None:
        """Return the loss of an epoch trained in compiled loops, ``None`` where it cannot be."""
        if loss_func is not None or not PairTraining.supports(self, train_data):
            return None
        if self._pair_training is None:
            self._pair_training = PairTraining(self)
        self.model.train()
        return self._pair_training.train_epoch(train_data, epoch, show_progress)

    def _autograd_epoch(self, train_data: Any, epoch: int, loss_func: Any = None, show_progress: bool = False) -> Any:
        """Return the loss of an epoch trained in RecBole's loop."""
        if getattr(super()._train_epoch, "__func__", None) is not Trainer._train_epoch:
            return super()._train_epoch(train_data, epoch, loss_func, show_progress)
        with stepping_by_rows(self, loss_func or self.model.calculate_loss) as watched_loss:
            return super()._train_epoch(train_data, epoch, watched_loss, show_progress)

    def _check_nan(self, loss: torch.Tensor) -> None:
        for behaviour in self.behaviours:
            behaviour.after_batch(self, loss)

    def _valid_epoch(self, *arguments: Any, **keywords: Any) -> Any:
        validation = Validation(*super()._valid_epoch(*arguments, **keywords))
        for behaviour in self.behaviours:
            validation = behaviour.after_validation(self, validation)
        return validation

    def _save_checkpoint(self, epoch: int, verbose: bool = True, **keywords: Any) -> None:
        """Save what RecBole does and the states of the behaviours."""
        states = {behaviour.key: state for behaviour in self.behaviours if (state := behaviour.state_dict())}
        at_work, self.optimizer = self.optimizer, self.own_optimizer
        try:
            with adding({**states, **self._identity_state()}):
                super()._save_checkpoint(epoch, verbose, **keywords)
        finally:
            self.optimizer = at_work

    def _identity_state(self) -> dict[str, Any]:
        if self._identity is None and self.data_identity is not None:
            self._identity = self.data_identity().state()
        return {} if self._identity is None else {IDENTITY: self._identity}


def watching(trainer: Any, watch: Callable[[int, dict[str, float]], None]) -> Callable[[int, float], None]:
    """Return a callback of RecBole's ``fit`` that tells ``watch`` the epoch and its whole validation result."""
    return lambda epoch, _: watch(epoch, trainer.last_valid_result)


def get_trainer(config: Any) -> type[Any]:
    """Return RecBole's trainer of the base model, with the mixins before it."""
    base = recbole.utils.get_trainer(config["MODEL_TYPE"], config.name.base)
    if not hasattr(base, "_train_epoch"):
        return base
    parallel = () if config["single_spec"] else (ParallelTrainer,)
    return type(base.__name__, (BehavingTrainer, Evaluator, *parallel, base), {"__module__": __name__})
