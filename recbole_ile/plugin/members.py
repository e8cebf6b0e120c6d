"""Train the members of an ensemble one after the other, each as if it were the only one."""

from __future__ import annotations

import contextlib
import glob
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from recbole.data.interaction import Interaction
from recbole.utils import ModelType

from recbole_ile.errors import InputError
from recbole_ile.plugin.checkpoint import read_checkpoint
from recbole_ile.plugin.eval_memory import memory_bytes
from recbole_ile.plugin.registry import trained_name
from recbole_ile.plugin.run_folder import unfinished
from recbole_ile.plugin.trainer import watching

TRAINED = "trained_members"
"""The entry of an unfinished run's ``other_parameter`` that holds how many members it has and the best epoch."""
BYTES_OF_A_SCORE = 16
"""What a score of one member takes while means over users are formed: itself, and itself in float64 with overhead."""


def check_members(config: Any) -> None:
    """Refuse what members cannot do.

    Raises:
        InputError: for several processes.
    """
    if not config["single_spec"]:
        raise InputError(f"{config['model']}: the members of PUFR are trained by one process, without nproc")


def fit_members(
    trainer: Any, data: Any, build: Any, get_trainer: Any, saved: bool, watch: Any = None
) -> tuple[Any, Any]:
    """Train the model and its ``members``, each seeded by its number, and set their uncertainty.

    The first member is trained exactly as the base model would be. Until the last one has been, those that have are
    in a file beside the checkpoint, from which an interrupted run goes on; the one at work has a checkpoint of its own.

    Args:
        trainer: that of the model with members, which evaluates and saves it.
        data: the loaders of the training and validation parts, as ``train``, ``valid`` and ``dataset``.
        build: makes a model from a configuration and the data.
        get_trainer: returns the trainer's class.
        saved: whether to write checkpoints.
        watch: is told after each validation the number of the epoch and the result.

    Returns:
        The best validation score and result: those of the model as it ranks with all of its members.
    """
    config, model = trainer.config, trainer.model
    there, epoch = 0, -1
    resumed = trainer.go_back(data.train, data.valid)
    if resumed:
        if TRAINED not in vars(model):
            return trainer.best_valid_score, trainer.best_valid_result
        there, epoch = vars(model).pop(TRAINED)
        model.group_losses = model.group_losses if trainer.group_losses or not there else None
    elif saved:
        _keep(trainer, 0, epoch)
    for number, member in list(enumerate([model, *model.members]))[there:]:
        with _as_member(config, number):
            twin = build(config, data)
            single = get_trainer(config)(config, twin)
            single.saved_model_file = f"{trainer.saved_model_file}.member{number}"
            single.eval_collector.data_collect(data.train)
            if resumed and number == there and os.path.exists(single.saved_model_file):
                single.resume_checkpoint(single.saved_model_file)
            further = {"callback_fn": watching(single, watch)} if watch else {}
            single.fit(data.train, data.valid, saved=saved, show_progress=config["show_progress"], **further)
        best_epoch = config["epochs"] - 1
        if saved and os.path.exists(single.saved_model_file):
            best = read_checkpoint(single.saved_model_file, config["device"])
            twin.load_state_dict(best["state_dict"])
            twin.load_other_parameter(best.get("other_parameter"))
            best_epoch = best["epoch"]
        _copy_state(twin, member)
        if number == 0:
            trainer.group_losses, model.group_losses, epoch = single.group_losses, twin.group_losses, best_epoch
        if saved:
            _keep(trainer, number + 1, epoch)
            Path(single.saved_model_file).unlink(missing_ok=True)
    model.eval()
    model.estimate_item_uncertainty(_users(config, data))
    score, result = trainer.best_valid_score, None
    if data.valid:
        score, result = trainer._valid_epoch(data.valid)
    trainer.best_valid_score, trainer.best_valid_result = score, result
    if saved:
        trainer._save_checkpoint(epoch, verbose=False)
        _remove_unfinished(Path(trainer.saved_model_file))
    return score, result


def _keep(trainer: Any, number: int, epoch: int) -> None:
    """Write the file of an unfinished run: ``number`` members are trained, ``epoch`` is the best of the first."""
    path = unfinished(trainer.saved_model_file)
    trainer._save_checkpoint(epoch, verbose=False, further={TRAINED: (number, epoch)}, saved_model_file=path)


def _remove_unfinished(checkpoint: Path) -> None:
    for path in (Path(unfinished(checkpoint)), *checkpoint.parent.glob(f"{glob.escape(checkpoint.name)}.member*")):
        path.unlink(missing_ok=True)


@contextlib.contextmanager
def _as_member(config: Any, number: int) -> Iterator[None]:
    """Show the base model's name and the member's seed within this context."""
    name, seed = config["model"], config["seed"]
    config["model"], config["seed"] = trained_name(name), seed + number
    try:
        yield
    finally:
        config["model"], config["seed"] = name, seed


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
