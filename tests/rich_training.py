"""A training on the rich data set that is ready to begin."""

from __future__ import annotations

from typing import Any

import torch
from recbole.utils import init_seed

from recbole_ile.plugin.config.config import IleConfig
from recbole_ile.plugin.runs.preparation import build_model, prepare_data
from recbole_ile.plugin.training.trainer import get_trainer


def prepare(name: str, options: dict[str, Any]) -> tuple[Any, Any]:
    """Return a model's trainer and its training data, always drawn alike."""
    config = IleConfig(name, "rich", config_dict=options)
    init_seed(config["seed"], True)
    data = prepare_data(config)
    model = build_model(config, data)
    generator = torch.Generator().manual_seed(1)
    for parameter in model.parameters():  # far apart, so that rounding decides nothing
        parameter.data.normal_(0.0, 0.5, generator=generator)
    init_seed(config["seed"], True)
    return get_trainer(config)(config, model), data.train
