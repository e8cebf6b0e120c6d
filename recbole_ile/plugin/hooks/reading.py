"""What this package plants in RecBole so that no file that RecBole reads runs code."""

from __future__ import annotations

import functools
import pickle
from typing import Any

import recbole.quick_start
from recbole.data import utils
from recbole.quick_start import quick_start
from recbole.trainer import trainer

from recbole_ile.errors import InputError
from recbole_ile.plugin.catalogue.models import get_model
from recbole_ile.plugin.checkpoints.files import read_for_recbole, write_checkpoint
from recbole_ile.plugin.patching import Patches, StandIn
from recbole_ile.plugin.trust import is_trusting

HOOKS = Patches()


@HOOKS.add
def safe_checkpoints() -> None:
    """RecBole reads checkpoints with ``torch.load``, which since torch 2.6 refuses the ``Config`` in them.

    Reading goes through the allow-list of ``plugin.checkpoint``, writing uses the pickle protocol that it
    can read; the model of a checkpoint may be a composed one. RecBole issue 2212; can go when RecBole stores
    its configuration as plain data.
    """
    trainer.torch = StandIn(trainer.torch, load=read_for_recbole, save=write_checkpoint)
    quick_start.get_model = get_model

    @functools.wraps(quick_start.load_data_and_model)
    def load_safely(model_file: str) -> Any:
        from recbole_ile.plugin.runs.restoring import load_model_and_data

        model, config, data = load_model_and_data(model_file)
        return config, model, data.dataset, data.train, data.valid, data.test

    quick_start.load_data_and_model = load_safely
    recbole.quick_start.load_data_and_model = load_safely


@HOOKS.add
def unpickled_data() -> None:
    """RecBole unpickles data sets and loaders, which runs code that is in them, from wherever a file has their name.

    Only those that a path was given for are read, and only if the user trusts files (``trusting_checkpoints``); none
    are written, for the cache of this plugin keeps what they hold.
    RecBole issue 1697; can go when RecBole keeps prepared data as plain data.
    """

    def load_trusted(file: Any) -> Any:
        if not is_trusting():
            raise InputError(
                f"file {file.name} is a pickle, which can run any code when it is read; if you know who wrote it, "
                "--trust_checkpoint reads it"
            )
        return pickle.load(file)

    load_split_dataloaders = utils.load_split_dataloaders

    @functools.wraps(load_split_dataloaders)
    def load_given_dataloaders(config: Any) -> Any:
        return load_split_dataloaders(config) if config["dataloaders_save_path"] else None

    utils.pickle = StandIn(utils.pickle, load=load_trusted)
    utils.load_split_dataloaders = load_given_dataloaders
    utils.save_split_dataloaders = lambda *_, **__: None
