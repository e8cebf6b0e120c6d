"""Turn a checkpoint back into a model that recommends."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from recbole_ile.errors import InputError
from recbole_ile.plugin.checkpoint import read_checkpoint, trusting_checkpoints
from recbole_ile.plugin.config import IleConfig
from recbole_ile.plugin.logs import quiet_recbole
from recbole_ile.plugin.pipeline import PreparedData, prepare_data
from recbole_ile.plugin.registry import get_model
from recbole_ile.plugin.seeding import seed_everything


def load_model(
    checkpoint: str | Path, config_dict: dict[str, Any] | None = None, trust_checkpoint: bool = False
) -> Any:
    """Return the model of a checkpoint, in evaluation mode; see ``load_model_and_data``."""
    return load_model_and_data(checkpoint, config_dict, trust_checkpoint)[0]


def load_model_and_data(
    checkpoint: str | Path, config_dict: dict[str, Any] | None = None, trust_checkpoint: bool = False
) -> tuple[Any, IleConfig, PreparedData]:
    """Restore a model, its configuration and the data set and splits that it was trained on.

    Args:
        checkpoint: a ``.pth`` file of this plugin or of stock RecBole.
        config_dict: options that differ from those it was trained with, ``data_path`` for instance.
        trust_checkpoint: whether the file may contain code that is run when it is read.

    Returns:
        The model, in evaluation mode, its configuration, and the data.

    Raises:
        InputError: if the file cannot be read safely, or does not fit the data set.
    """
    with quiet_recbole():
        with trusting_checkpoints(trust_checkpoint):
            stored = read_checkpoint(checkpoint, map_location="cpu")
        trained = stored["config"]
        options = {**trained.external_config_dict, **(config_dict or {})}
        config = IleConfig(trained["model"], trained["dataset"], config_dict=options)
        seed_everything(config)
        data = prepare_data(config)
        seed_everything(config)
        model = get_model(config["model"])(config, data.train._dataset)
        try:
            model.load_state_dict(stored["state_dict"])
        except RuntimeError as error:
            reason = " ".join(str(error).split())
            raise InputError(f"checkpoint {checkpoint} does not fit dataset {config['dataset']}: {reason}") from error
        model.load_other_parameter(stored.get("other_parameter"))
        return model.to(torch.device(config["device"])).eval(), config, data
