"""The loaders of the three parts of a data set: ours where they are faster, RecBole's elsewhere."""

from __future__ import annotations

from typing import Any

from recbole.data import create_samplers, data_preparation
from recbole.data.utils import get_dataloader
from recbole.sampler import KGSampler
from recbole.utils import ModelType

from recbole_ile.plugin.loaders.evaluation import evaluation_loader


def make_loaders(config: Any, dataset: Any) -> tuple[Any, Any, Any]:
    """Split a data set and return the loaders of its training, validation and test part.

    Args:
        config: shows the base model's name.
        dataset: RecBole's, filtered but not yet split.
    """
    if not config["fast_loader"] or config["save_dataloaders"] or config["dataloaders_save_path"]:
        return data_preparation(config, dataset)
    parts = dataset.build()
    fast = {phase: evaluation_loader(config, phase, parts) for phase in ("valid", "test")}
    train_sampler, *samplers = create_samplers(config, dataset, parts)
    arguments: tuple[Any, ...] = (config, parts[0], train_sampler)
    if config["MODEL_TYPE"] is ModelType.KNOWLEDGE:
        negatives = config["train_neg_sample_args"]
        train = get_dataloader(config, "train")(
            *arguments, KGSampler(dataset, negatives["distribution"], negatives["alpha"]), shuffle=True
        )
    else:
        train = get_dataloader(config, "train")(*arguments, shuffle=config["shuffle"])
    evaluation = (
        fast[phase] or get_dataloader(config, phase)(config, part, sampler, shuffle=False)
        for phase, part, sampler in zip(("valid", "test"), parts[1:], samplers, strict=True)
    )
    return train, *evaluation
