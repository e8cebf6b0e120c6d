"""The loaders of a data set's three parts: fast ones where they cover the settings, RecBole's elsewhere."""

from __future__ import annotations

import logging
from typing import Any

from recbole.data import create_samplers, data_preparation
from recbole.data.utils import get_dataloader
from recbole.sampler import KGSampler
from recbole.utils import ModelType

from recbole_ile.plugin.loaders.evaluation import evaluation_loader
from recbole_ile.plugin.loaders.training import TrainingBatches, why_not


def make_loaders(config: Any, dataset: Any) -> tuple[Any, Any, Any]:
    """Split the data set and return the loaders of its training, validation and test part.

    ``fast_loader: False`` gives RecBole's own, and so do settings that keep loaders in files.

    Args:
        config: shows the base model's name.
        dataset: RecBole's, filtered but not yet split.

    Raises:
        ValueError: if the data set cannot be split or sampled as the settings want it.
    """
    if not config["fast_loader"] or config["save_dataloaders"] or config["dataloaders_save_path"]:
        return data_preparation(config, dataset)
    parts = dataset.build()
    fast = {phase: evaluation_loader(config, phase, parts) for phase in ("valid", "test")}
    train_sampler, *samplers = create_samplers(config, dataset, parts)
    reason = why_not(config)
    if reason is None:
        train = TrainingBatches(config, dataset, parts)
    else:
        logging.getLogger().info(f"RecBole's loader gives the training batches, because {reason}")
        train = _recboles_training(config, dataset, parts[0], train_sampler)
    evaluation = (
        fast[phase] or get_dataloader(config, phase)(config, part, sampler, shuffle=False)
        for phase, part, sampler in zip(("valid", "test"), parts[1:], samplers, strict=True)
    )
    return train, *evaluation


def _recboles_training(config: Any, dataset: Any, part: Any, sampler: Any) -> Any:
    make = get_dataloader(config, "train")
    if config["MODEL_TYPE"] is not ModelType.KNOWLEDGE:
        return make(config, part, sampler, shuffle=config["shuffle"])
    negatives = config["train_neg_sample_args"]
    triples = KGSampler(dataset, negatives["distribution"], negatives["alpha"])
    return make(config, part, sampler, triples, shuffle=True)
