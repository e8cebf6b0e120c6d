"""The loaders of a data set's three parts: ours where they are faster, RecBole's elsewhere."""

from __future__ import annotations

import logging
from typing import Any

from recbole.data import create_samplers, data_preparation, get_dataloader
from recbole.sampler import KGSampler
from recbole.utils import ModelType

from recbole_ile.plugin.data.loaders.evaluation import evaluation_loader
from recbole_ile.plugin.data.loaders.training import TrainingBatches, why_stock_loader


def make_loaders(config: Any, dataset: Any) -> tuple[Any, Any, Any]:
    """Split a data set and return the loaders of its training, validation and test part.

    ``fast_loader: False`` gives RecBole's own, and so does a file of loaders that is to be read.

    Args:
        config: shows the base model's name.
        dataset: RecBole's, filtered but not yet split.

    Raises:
        ValueError: if the data set cannot be split or sampled as the settings want it.
    """
    if not config["fast_loader"] or config["dataloaders_save_path"]:
        return data_preparation(config, dataset)
    parts = dataset.build()
    valid, test = (evaluation_loader(config, phase, parts) for phase in ("valid", "test"))
    reason = why_stock_loader(config)
    train = TrainingBatches(config, dataset, parts) if reason is None else None
    if None not in (train, valid, test):
        return train, valid, test
    samplers = create_samplers(config, dataset, parts)  # loops over all interactions, so only if it has to be
    if train is None:
        logging.getLogger().info(f"RecBole's loader gives the training batches, because {reason}")
        train = _stock_training(config, dataset, parts[0], samplers[0])
    if valid is None:
        valid = get_dataloader(config, "valid")(config, parts[1], samplers[1], shuffle=False)
    if test is None:
        test = get_dataloader(config, "test")(config, parts[2], samplers[2], shuffle=False)
    return train, valid, test


def _stock_training(config: Any, dataset: Any, part: Any, sampler: Any) -> Any:
    loader = get_dataloader(config, "train")
    if config["MODEL_TYPE"] is not ModelType.KNOWLEDGE:
        return loader(config, part, sampler, shuffle=config["shuffle"])
    negatives = config["train_neg_sample_args"]
    return loader(
        config, part, sampler, KGSampler(dataset, negatives["distribution"], negatives["alpha"]), shuffle=True
    )
