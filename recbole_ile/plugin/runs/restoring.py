"""The one road from a checkpoint to a model that recommends."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recbole_ile.errors import InputError
from recbole_ile.plugin.checkpoints.behaviour_states import KEY, states_of
from recbole_ile.plugin.checkpoints.files import read_checkpoint
from recbole_ile.plugin.checkpoints.parameters import first_member, load_parameters
from recbole_ile.plugin.config.config import IleConfig
from recbole_ile.plugin.config.stored_settings import stored_settings
from recbole_ile.plugin.evaluation.training_users import TrainingUsers
from recbole_ile.plugin.output.logs import quiet_recbole
from recbole_ile.plugin.runs.preparation import PreparedData, build_model, make_model, prepare_data
from recbole_ile.plugin.runs.training_data import trained_on
from recbole_ile.plugin.training.learned_ranking import LearnedRanking, learns_ranking
from recbole_ile.plugin.training.seeding import seed_everything
from recbole_ile.plugin.training.trained_members import Ensemble
from recbole_ile.plugin.training.trainer import BehavingTrainer, get_trainer
from recbole_ile.plugin.trust import trusting_checkpoints


@dataclass
class Run:
    """A trained model with the data that it was trained on."""

    config: IleConfig
    data: PreparedData
    model: Any
    states: dict[str, Any]
    """What the checkpoint says of the training."""

    @functools.cached_property
    def trainer(self) -> Any:
        """The trainer of the model, which evaluates it and makes lists of it, with what the checkpoint says of it."""
        trainer = get_trainer(self.config)(self.config, self.model)
        if isinstance(trainer, BehavingTrainer):
            trainer.load_states({"other_parameter": self.states})
        return trainer


def load_model(
    checkpoint: str | Path, config_dict: dict[str, Any] | None = None, trust_checkpoint: bool = False
) -> Any:
    """Return the model of a checkpoint, in evaluation mode; see ``load_model_and_data``."""
    return load_model_and_data(checkpoint, config_dict, trust_checkpoint)[0]


def load_model_and_data(
    checkpoint: str | Path, config_dict: dict[str, Any] | None = None, trust_checkpoint: bool = False
) -> tuple[Any, IleConfig, PreparedData]:
    """Restore a model, its configuration and the data set and splits that it was trained on.

    Users and items have the ids of the training, whatever the order of the files is now.

    Args:
        checkpoint: a ``.pth`` file of this plugin or of stock RecBole.
        config_dict: options that differ from those it was trained with, ``data_path`` for instance.
        trust_checkpoint: whether the file may contain code that is run when it is read.

    Returns:
        The model, in evaluation mode, its configuration, and the data.

    Raises:
        InputError: if the file cannot be read safely, or does not fit the data set.
    """
    with quiet_recbole(), trusting_checkpoints(trust_checkpoint):
        stored = read_checkpoint(checkpoint, map_location="cpu")
        trained = stored["config"]
        settings = stored_settings(trained.external_config_dict, checkpoint)
        config = IleConfig(trained["model"], trained["dataset"], config_dict=config_dict, stored_config_dict=settings)
        found = restore(config, stored, checkpoint, needs_split=False, build=make_model)
        return found.model.eval(), config, found.data


def restore(
    config: IleConfig,
    stored: dict[str, Any],
    checkpoint: str | Path,
    needs_split: bool,
    read: Callable[[Any], Any] | None = None,
    build: Callable[[IleConfig, PreparedData], Any] = build_model,
    anew: bool = False,
) -> Run:
    """Return a trained model and the data that it was trained on.

    Args:
        config: of the model; its mitigations in ranking may be others than those of the checkpoint.
        stored: the content of the checkpoint.
        checkpoint: its path.
        needs_split: whether the model is evaluated, which means nothing on another split than that of its training.
        read: returns RecBole's data set instead of its files, as for ``prepare_data``.
        build: makes the model.
        anew: whether what the ranking learned is learned again, even if it was under these settings.

    Raises:
        DamagedCheckpoint: if the checkpoint does not fit the model.
        InputError: if it does not fit the data.
    """
    seed_everything(config)
    data = prepare_data(config, read, trained_on(stored, checkpoint, needs_split))
    model = build(config, data)
    load_parameters(model, _of_model(config, model, stored, checkpoint), checkpoint)
    run = Run(config, data, model, stored.get("other_parameter") or {})
    if learns_ranking(model, config):
        _settle_ranking(run, stored, anew)
    return run


def with_ranking(stored: dict[str, Any], run: Run) -> dict[str, Any]:
    """Return the content of a checkpoint with what the ranking of its run has learned, so that nobody learns it again.

    Args:
        stored: the content that the run was restored from.
        run: of ``restore``.
    """
    if not learns_ranking(run.model, run.config):
        return stored
    states = {**states_of(stored), LearnedRanking.key: run.trainer.ranking.state_dict()}
    other = {**(stored.get("other_parameter") or {}), KEY: states}
    return {**stored, "state_dict": run.model.state_dict(), "other_parameter": other}


def _settle_ranking(run: Run, stored: dict[str, Any], anew: bool) -> None:
    """Have a model learn its ranking, unless the checkpoint holds what it learned under these settings."""
    ranking, state = LearnedRanking(run.model), states_of(stored).get(LearnedRanking.key)
    if state is not None:
        ranking.load_state_dict(state)
    if not anew and ranking.is_current(run.config):
        ranking.check_rows(TrainingUsers(run.model, run.config, run.data.train._dataset).digest)
        return
    run.trainer.eval_collector.data_collect(run.data.train)  # the weights of auto are chosen by an evaluation
    run.trainer.settle_ranking(run.config, run.data.train, run.data.valid, anew=True)


def _of_model(config: IleConfig, model: Any, stored: dict[str, Any], checkpoint: str | Path) -> dict[str, Any]:
    """Return what of a checkpoint belongs to a model, whose mitigations in ranking may be others than those stored."""
    state, fresh = stored["state_dict"], model.state_dict()
    if isinstance(model, Ensemble):
        if "item_uncertainty" not in state:
            raise InputError(f"checkpoint {checkpoint} has no members, which PUFR needs; train a model with _PUFR")
    else:
        state = first_member(state)
    learned = stored["config"].name.learned
    state = {name: value for name, value in state.items() if name in fresh or name not in learned}
    missing = {name: fresh[name] for name in config.name.learned if name not in state}
    return {**stored, "state_dict": {**state, **missing}}
