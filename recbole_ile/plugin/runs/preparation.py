"""From a configuration to its data and its model."""

from __future__ import annotations

import contextlib
import copy
import functools
import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow
from recbole.data import create_dataset
from recbole.data.transform import construct_transform
from recbole.utils import get_flops, set_color

from recbole_ile.errors import InputError
from recbole_ile.plugin.catalogue.models import get_model
from recbole_ile.plugin.checkpoints.pretrained_models import safe_loading
from recbole_ile.plugin.config.config import IleConfig, adopt, for_recbole
from recbole_ile.plugin.config.eval_rules import ENTRIES
from recbole_ile.plugin.config.named_options import naming_options, options_given
from recbole_ile.plugin.config.option_rules import DATA
from recbole_ile.plugin.config.rules import check_catalogue
from recbole_ile.plugin.data.atomic_files import check_files, check_loaded
from recbole_ile.plugin.data.cache import cached_dataset
from recbole_ile.plugin.data.identity import DataIdentity
from recbole_ile.plugin.data.loaders import make_loaders
from recbole_ile.plugin.data.popularity import TrainingPopularity
from recbole_ile.plugin.data.requirements import check_item_columns, check_item_embeddings, check_labels, check_sizes
from recbole_ile.plugin.data.split_data import split_already
from recbole_ile.plugin.data.split_ids import ids_of_split
from recbole_ile.plugin.losses.group_losses import KeepsGroupLosses, observe_model
from recbole_ile.plugin.runs.training_data import TrainedOn, match
from recbole_ile.plugin.training.seeding import seed_everything

NOWHERE = os.path.join(os.devnull, "no data set")
"""A path at which there is never a file: RecBole unpickles what lies at its own default one."""


class PreparedData(NamedTuple):
    """The whole data set of RecBole and the loaders of its three parts.

    ``identity`` returns the ``DataIdentity`` of it, computed when it is first asked for.
    """

    dataset: Any
    train: Any
    valid: Any
    test: Any
    identity: Callable[[], DataIdentity]


def prepare_data(
    config: IleConfig, read: Callable[[Any], Any] | None = None, known: TrainedOn | None = None
) -> PreparedData:
    """Read, filter and split the data set.

    Args:
        config: data set and every option.
        read: returns RecBole's data set instead, filtered and perhaps split already.
        known: what a checkpoint says of its data, which the ids and the split are those of.

    Raises:
        InputError: if a file is missing or malformed, the settings do not fit the data, or the data the checkpoint.
    """
    _tell_of_cache(config)
    with _naming_data(config):
        asked = for_recbole(config)
        dataset = read(asked) if read else cached_dataset(asked, read_dataset)
        if known is not None:
            dataset = match(known, asked, dataset, read_dataset)
        check_catalogue(config, dataset)
        check_sizes(config, dataset)
        parts = dataset.build()
        dataset.build = functools.partial(list, parts)
        loaders = make_loaders(asked, dataset)
        adopt(config, asked)
        return PreparedData(dataset, *loaders, functools.cache(lambda: DataIdentity.of(dataset, parts)))


def split_data(config: IleConfig, read: Callable[[Any], Any] | None = None) -> Any:
    """Read, filter and split the data set as ``prepare_data`` does, without what only a training asks of it.

    Args:
        config: data set and every option.
        read: returns RecBole's data set instead, before it is split.

    Returns:
        RecBole's data set, whose ``build()`` returns the three parts.

    Raises:
        InputError: if a file is missing or malformed, or the settings do not fit the data.
    """
    with _naming_data(config):
        asked = for_recbole(config)
        dataset = read(asked) if read else cached_dataset(asked, read_dataset)
        return split_already(dataset, dataset.build())


@contextlib.contextmanager
def _naming_data(config: IleConfig) -> Iterator[None]:
    """Within this context every error names the data set and the options that say how it is read."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:  # RecBole raises whatever a malformed file or setting leads to
        path, reason = Path(config["data_path"]), " ".join(str(error).split()) or "no reason given"
        given = options_given(config, (*DATA, *ENTRIES))
        raise InputError(f"dataset {config['dataset']} in {path}: {type(error).__name__}: {reason}{given}") from error


def read_dataset(config: Any) -> Any:
    """Check the atomic files of a data set, and read and filter it, without splitting it.

    Raises:
        InputError: if a file is missing or malformed.
    """
    check_files(config)
    asked = copy.copy(config)
    asked.final_config_dict = {**config.final_config_dict, **_kept_data(config)}
    if getattr(asked, "training_ids", None) is None:
        asked.training_ids = ids_of_split(config)
    dataset = create_dataset(asked)
    # Arrow keeps what it read the files with for the next ones: 35 bytes an interaction, and there are none.
    pyarrow.default_memory_pool().release_unused()
    dataset.config = config
    check_loaded(dataset, Path(config["data_path"]))
    return dataset


def _kept_data(config: Any) -> dict[str, Any]:
    """Return the settings under which RecBole itself keeps no data set, and reads only the one that was asked for."""
    given = config["dataset_save_path"]
    return {"save_dataset": False, "dataset_save_path": given if given and os.path.exists(given) else NOWHERE}


def _tell_of_cache(config: Any) -> None:
    asked = [key for key in ("save_dataset", "save_dataloaders") if config[key]]
    if asked:
        logging.getLogger().info(
            f"option {' and '.join(asked)}: the cache does it, and notices when a file or an option changes (option "
            "dataset_cache); nothing is written to checkpoint_dir"
        )


@naming_options("making")
def build_model(config: IleConfig, data: PreparedData) -> Any:
    """Make the model, seeded, on its device, with its group losses observed.

    Several processes have the same seed: what a model draws for itself, a dropped part of its graph say, is
    then the same for the whole global batch, and the negatives are those that one process would draw.

    Raises:
        InputError: if the model cannot be made for these settings and data.
    """
    net = make_model(config, data)
    logger = logging.getLogger()
    logger.info(net)
    flops = get_flops(net, data.dataset, config["device"], logger, construct_transform(config))
    logger.info(set_color("FLOPs", "blue") + f": {flops}")
    if not isinstance(net, KeepsGroupLosses):
        popularity = TrainingPopularity.of(config, data.train._dataset)
        net.group_losses = observe_model(net, config.name.base, popularity, config)
    return net


@naming_options("making")
def make_model(config: IleConfig, data: PreparedData) -> Any:
    """Make the model, seeded, on its device.

    Raises:
        InputError: if the model cannot be made for these settings and data.
    """
    check_item_embeddings(config, data.train._dataset)
    check_item_columns(config, data.train._dataset)
    seed_everything(config)
    with safe_loading():
        net = get_model(config.name)(config, data.train._dataset).to(config["device"])
    check_labels(config, net, data.dataset)
    return net
