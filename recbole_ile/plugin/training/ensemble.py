"""Train the members of an ensemble one after the other, each as if it were the only one."""

from __future__ import annotations

import copy
import glob
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from recbole.data.interaction import Interaction
from recbole.utils import ModelType

from recbole_ile.errors import InputError
from recbole_ile.plugin.checkpoints.files import read_checkpoint
from recbole_ile.plugin.checkpoints.parameters import load_parameters
from recbole_ile.plugin.config.config import for_recbole, of_member
from recbole_ile.plugin.config.values import memory_bytes
from recbole_ile.plugin.output.run_folder import unfinished_path
from recbole_ile.plugin.training.trainer import get_trainer, watching

BYTES_OF_A_SCORE = 16
"""What a score of one member takes while means over users are formed: itself, and itself in float64 with overhead."""


def check_members(config: Any) -> None:
    """Refuse what members cannot do.

    Raises:
        InputError: for several processes.
    """
    if not config["single_spec"]:
        raise InputError(f"{config['model']}: the members of PUFR are trained by one process, without nproc")


def fit_members(trainer: Any, data: Any, build: Any, saved: bool, watch: Any = None) -> tuple[Any, Any]:
    """Train the model and its ``members``, each seeded by its number, and set their uncertainty.

    The first member is trained exactly as the base model would be. Until the last one has been, those that have are
    in a file beside the checkpoint, from which an interrupted run goes on; the one at work has a checkpoint of its own.

    Args:
        trainer: that of the model with members, which evaluates and saves it.
        data: the loaders of the training and validation parts, as ``train``, ``valid`` and ``dataset``.
        build: makes a model from a configuration and the data.
        saved: whether to write checkpoints.
        watch: is told after each validation the number of the epoch and the result.

    Returns:
        The best validation score and result: those of the model as it ranks with all of its members.
    """
    config, model, there = trainer.config, trainer.model, trainer.members
    resumed = trainer.resuming.begin([loader for loader in (data.train, data.valid) if loader])
    if resumed:
        if there.number is None:
            return trainer.best_valid_score, trainer.best_valid_result
        model.group_losses = model.group_losses if trainer.history.epochs or not there.number else None
    else:
        there.number = 0
        if saved:
            _keep(trainer)
    first = there.number
    for number, member in list(enumerate([model, *model.members]))[first:]:
        own, loaders = of_member(config, number), _of_member(data, of_member(config, number))
        twin = build(own, loaders)
        single = get_trainer(own)(own, twin)
        single.saved_model_file = f"{trainer.saved_model_file}.member{number}"
        single.eval_collector.data_collect(loaders.train)
        if resumed and number == first and os.path.exists(single.saved_model_file):
            single.resume_checkpoint(single.saved_model_file)
        further = {"callback_fn": watching(single, watch)} if watch else {}
        single.fit(loaders.train, loaders.valid, saved=saved, show_progress=config["show_progress"], **further)
        best_epoch = config["epochs"] - 1
        if saved and os.path.exists(single.saved_model_file):
            best = read_checkpoint(single.saved_model_file, config["device"])
            load_parameters(twin, best, single.saved_model_file)
            best_epoch = best["epoch"]
        _copy_state(twin, member)
        if number == 0:
            trainer.history.epochs, model.group_losses = single.history.epochs, twin.group_losses
            there.epoch = best_epoch
        there.number = number + 1
        if saved:
            _keep(trainer)
            Path(single.saved_model_file).unlink(missing_ok=True)
    there.number = None
    model.eval()
    model.estimate_item_uncertainty(_users(config, data))
    trainer.settle_ranking(config, data.train, data.valid, anew=True)
    score, result = trainer.best_valid_score, None
    if data.valid:
        score, result = trainer._valid_epoch(data.valid)
    trainer.best_valid_score, trainer.best_valid_result = score, result
    if saved:
        trainer._save_checkpoint(there.epoch, verbose=False)
        _remove_unfinished(Path(trainer.saved_model_file))
    return score, result


def _keep(trainer: Any) -> None:
    """Write the file of an unfinished run."""
    trainer._save_checkpoint(
        trainer.members.epoch, verbose=False, saved_model_file=unfinished_path(trainer.saved_model_file)
    )


def _remove_unfinished(checkpoint: Path) -> None:
    for path in (Path(unfinished_path(checkpoint)), *checkpoint.parent.glob(f"{glob.escape(checkpoint.name)}.member*")):
        path.unlink(missing_ok=True)


def _of_member(data: Any, config: Any) -> Any:
    """Return the data with loaders that draw as those of a member do."""
    return data._replace(train=_configured(data.train, config), valid=_configured(data.valid, config))


def _configured(loader: Any, config: Any) -> Any:
    if not loader:
        return loader
    own = copy.copy(loader)
    own.config = for_recbole(config)
    return own


def _copy_state(source: Any, target: Any) -> None:
    known = source.state_dict()
    target.load_state_dict({**target.state_dict(), **known})
    target.load_other_parameter(source.other_parameter())


def _users(config: Any, data: Any) -> Iterator[Any]:
    """Give all users in batches: their ids, or the validated sequences of a sequential model."""
    block = max(1, memory_bytes(config["eval_memory"]) // (BYTES_OF_A_SCORE * data.dataset.item_num))
    if config["MODEL_TYPE"] is ModelType.SEQUENTIAL:
        sequences = data.valid._dataset
        for rows in torch.arange(len(sequences)).split(block):
            yield sequences[rows].to(config["device"])
        return
    for users in torch.arange(1, data.dataset.user_num).split(block):
        batch = data.train._dataset.join(Interaction({data.dataset.uid_field: users}))
        yield batch.to(config["device"])
