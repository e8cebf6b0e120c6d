"""The loaders of a data set's three parts: fast ones where they cover the settings, RecBole's elsewhere."""

from __future__ import annotations

import logging
from typing import Any

from recbole.data import create_samplers, data_preparation, get_dataloader

from recbole_ile.plugin.loaders.training import TrainingBatches, why_not


def make_loaders(config: Any, dataset: Any) -> tuple[Any, Any, Any]:
    """Split the data set and return the loaders of its training, validation and test part.

    ``fast_loader: False`` gives RecBole's own, and so do settings that keep loaders in files.

    Raises:
        ValueError: if the data set cannot be split or sampled as the settings want it.
    """
    if not config["fast_loader"] or config["save_dataloaders"] or config["dataloaders_save_path"]:
        return data_preparation(config, dataset)
    reason = why_not(config)
    if reason is not None:
        logging.getLogger().info(f"RecBole's loader gives the training batches, because {reason}")
        return data_preparation(config, dataset)
    parts = dataset.build()
    samplers = create_samplers(config, dataset, parts)
    train = TrainingBatches(config, dataset, parts)
    valid, test = (
        get_dataloader(config, phase)(config, part, sampler, shuffle=False)
        for phase, part, sampler in zip(("valid", "test"), parts[1:], samplers[1:], strict=True)
    )
    return train, valid, test
