"""Train the members of an ensemble one after the other, each as if it were the only one."""

from __future__ import annotations

import contextlib
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
from recbole_ile.plugin.trainer import watching

BYTES_OF_A_SCORE = 16
"""What a score of one member takes while means over users are formed: itself, and itself in float64 with overhead."""


def check_members(config: Any, resume: Any) -> None:
    """Refuse what members cannot do.

    Raises:
        InputError: for several processes, or a run to be continued.
    """
    if not config["single_spec"]:
        raise InputError(f"{config['model']}: the members of PUFR are trained by one process, without nproc")
    if resume is not None:
        raise InputError(f"{config['model']}: a run of PUFR cannot be continued; its members are trained anew")


def fit_members(
    trainer: Any, data: Any, build: Any, get_trainer: Any, saved: bool, watch: Any = None
) -> tuple[Any, Any]:
    """Train the model and its ``members``, each seeded by its number, and set their uncertainty.

    The first member is trained exactly as the base model would be.

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
    for number, member in enumerate([model, *model.members]):
        with _as_member(config, number):
            twin = build(config, data)
            single = get_trainer(config)(config, twin)
            single.saved_model_file = f"{trainer.saved_model_file}.member{number}"
            single.eval_collector.data_collect(data.train)
            further = {"callback_fn": watching(single, watch)} if watch else {}
            single.fit(data.train, data.valid, saved=saved, show_progress=config["show_progress"], **further)
        epoch = config["epochs"] - 1
        if saved and os.path.exists(single.saved_model_file):
            best = read_checkpoint(single.saved_model_file, config["device"])
            twin.load_state_dict(best["state_dict"])
            twin.load_other_parameter(best.get("other_parameter"))
            epoch = best["epoch"]
            Path(single.saved_model_file).unlink()
        _copy_state(twin, member)
        if number == 0:
            trainer.group_losses, model.group_losses, best_epoch = single.group_losses, twin.group_losses, epoch
    model.eval()
    model.estimate_item_uncertainty(_users(config, data))
    score, result = trainer.best_valid_score, None
    if data.valid:
        score, result = trainer._valid_epoch(data.valid)
    trainer.best_valid_score, trainer.best_valid_result = score, result
    if saved:
        trainer._save_checkpoint(best_epoch, verbose=False)
    return score, result


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
