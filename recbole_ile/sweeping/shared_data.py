"""The prepared data set and its parts, without what belongs to one run, so that trials need not read it again."""

from __future__ import annotations

import copy
import functools
import logging
from typing import Any, NamedTuple

import torch

from recbole_ile.plugin.config import IleConfig, as_base_model, as_one_process
from recbole_ile.plugin.dataset_cache import cached_dataset
from recbole_ile.plugin.dataset_key import settings_without_effect
from recbole_ile.plugin.pipeline import read_dataset
from recbole_ile.plugin.seeding import seed_everything

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


def share(config: IleConfig) -> SharedData:
    """Read, filter and split a data set.

    Raises:
        InputError: if a file is missing or malformed.
    """
    seed_everything(config)
    with as_base_model(config), as_one_process(config):
        dataset = cached_dataset(config, read_dataset)
        parts = dataset.build()
    generator = torch.get_rng_state()
    return SharedData(_without_run(dataset), [_without_run(part) for part in parts], generator)


def take(shared: SharedData, config: IleConfig) -> Any:
    """Return the data set as a run of this configuration has it, split already."""
    for dataset in (shared.dataset, *shared.parts):
        dataset.config, dataset.logger = config, logging.getLogger()
    shared.dataset.build = functools.partial(list, shared.parts)
    torch.set_rng_state(shared.generator)
    return shared.dataset


def _without_run(dataset: Any) -> Any:
    plain = copy.copy(dataset)
    for name in _OF_A_RUN:
        vars(plain).pop(name, None)
    return plain
