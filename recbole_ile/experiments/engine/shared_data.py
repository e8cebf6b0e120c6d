"""The prepared data set and its parts, without what belongs to one run, so that trials need not read it again."""

from __future__ import annotations

import copy
import logging
from typing import Any, NamedTuple

import torch

from recbole_ile.plugin.config.config import IleConfig, for_recbole
from recbole_ile.plugin.data.cache import cached_dataset
from recbole_ile.plugin.data.cache_key import settings_without_effect
from recbole_ile.plugin.data.split_data import split_already
from recbole_ile.plugin.runs.preparation import read_dataset
from recbole_ile.plugin.training.seeding import seed_everything

_OF_A_RUN = ("config", "logger", "build")


class SharedData(NamedTuple):
    """RecBole's data set, its three parts and the state of torch's generator when it had been split."""

    dataset: Any
    parts: list[Any]
    generator: torch.Tensor


def data_keys(keys: Any) -> list[str]:
    """Return those of some settings that a data set depends on; the seed shuffles it, models compared share it."""
    without = {*settings_without_effect(), "model"} - {"seed"}
    return sorted(key for key in keys if key.split(".")[0] not in without)


class Size(NamedTuple):
    """How wide a data set is."""

    users: int
    items: int


def size_of(config: IleConfig) -> Size:
    """Return how many users and items a data set has after filtering.

    Raises:
        InputError: if a file is missing or malformed.
    """
    dataset = cached_dataset(for_recbole(config), read_dataset)
    return Size(int(dataset.user_num) - 1, int(dataset.item_num) - 1)  # without padding


def share(config: IleConfig) -> SharedData:
    """Read, filter and split a data set.

    Raises:
        InputError: if a file is missing or malformed.
    """
    seed_everything(config)
    dataset = cached_dataset(for_recbole(config), read_dataset)
    return shared(dataset)


def shared(dataset: Any) -> SharedData:
    """Return a data set, which is split here unless it was before, without what belongs to its run."""
    parts = dataset.build()
    generator = torch.get_rng_state()
    return SharedData(_without_run(dataset), [_without_run(part) for part in parts], generator)


def take(shared: SharedData, config: IleConfig) -> Any:
    """Return the data set as a run of this configuration has it, split already."""
    for dataset in (shared.dataset, *shared.parts):
        dataset.config, dataset.logger = config, logging.getLogger()
    torch.set_rng_state(shared.generator)
    return split_already(shared.dataset, shared.parts)


def _without_run(dataset: Any) -> Any:
    plain = copy.copy(dataset)
    for name in _OF_A_RUN:
        vars(plain).pop(name, None)
    return plain
