"""Evaluate a trained model again, under other settings of what acts when lists are made."""

from __future__ import annotations

import itertools
import time
from pathlib import Path
from typing import Any

from recbole_ile.errors import InputError
from recbole_ile.plugin.config import IleConfig
from recbole_ile.plugin.continued_trainer import HISTORY
from recbole_ile.plugin.logs import start_logging
from recbole_ile.plugin.models.pufr import PredictiveUncertainty
from recbole_ile.plugin.pipeline import PreparedData, build_model, prepare_data, tested
from recbole_ile.plugin.registry import get_model, trained_name
from recbole_ile.plugin.run_folder import run_folder
from recbole_ile.plugin.seeding import seed_everything
from recbole_ile.plugin.target_trainer import COURSE
from recbole_ile.plugin.trainer import get_trainer

FREE = frozenset(
    (
        *("cp_weight", "cp_candidates", "cp_normalize", "pufr_weight", "pufr_uncertainty"),
        *("metrics", "topk", "valid_metric", "ee_discount", "metric_decimal_place"),
        *("item_group_by", "item_group_split", "item_group_field", "user_group_num"),
        *("eval_memory", "eval_batch_size", "data_path", "dataset_cache", "checkpoint_dir"),
        *("show_progress", "state", "use_gpu", "gpu_id", "worker", "log_wandb", "wandb_project"),
    )
)
"""The settings that a trained model can be evaluated under whatever it was trained with."""


def reevaluation_config(
    checkpoint: str | Path,
    stored: Any,
    model: str | None,
    dataset: str | None,
    config_file_list: list[str] | None,
    config_dict: dict[str, Any] | None,
) -> IleConfig:
    """Return the configuration of a checkpoint with another model name and options over its own.

    Args:
        checkpoint: its path.
        stored: its configuration.
        model: the same model, with any or none of the mitigations in ranking.
        dataset: the same data set.
        config_file_list: files that win over what is stored.
        config_dict: options that win over the files.

    Raises:
        InputError: for another model, data set or setting of the training.
    """
    name = model or stored["model"]
    get_model(name)
    if trained_name(name) != trained_name(stored["model"]):
        raise InputError(
            f"option model={name} does not fit checkpoint {checkpoint}, which holds a {stored['model']}: without "
            f"training it can be {trained_name(stored['model'])}, alone or followed by _CP"
        )
    if dataset not in (None, stored["dataset"]):
        raise InputError(f"option dataset={dataset} is not that of checkpoint {checkpoint}, {stored['dataset']}")
    config = IleConfig(name, stored["dataset"], config_file_list, config_dict, stored.external_config_dict)
    for key in {key.split(".")[0] for key in config.external_config_dict} - FREE:
        if _trained(key, config[key]) != _trained(key, stored[key]):
            raise InputError(
                f"option {key}={config[key]!r} is not that of checkpoint {checkpoint}, {stored[key]!r}; what a model "
                "was trained with changes by training it anew"
            )
    return config


def reevaluate(config: IleConfig, stored: dict[str, Any], checkpoint: str | Path, saved: bool) -> tuple[Any, Any]:
    """Evaluate the parameters of a checkpoint on the validation and the test part.

    Args:
        config: from ``reevaluation_config``.
        stored: the content of the checkpoint.
        checkpoint: its path.
        saved: whether to make a folder for the results, beside the checkpoint.

    Returns:
        The result that ``run_recbole_ile`` documents, and the seconds that its parts took.

    Raises:
        InputError: if the checkpoint does not fit the model or the data.
    """
    started = time.time()
    data, net, trainer = restored(config, stored, checkpoint)
    further = stored.get("other_parameter") or {}
    trainer.group_losses, trainer.target_course = further.get(HISTORY, []), further.get(COURSE, [])
    trainer.eval_collector.data_collect(data.train)
    prepared = time.time()
    valid = trainer._valid_epoch(data.valid) if data.valid else (None, None)
    result = tested(config, data, net, trainer, valid, load_best_model=False)
    result["checkpoint"] = str(checkpoint)
    result["output_dir"] = str(_new_folder(checkpoint)) if saved else None
    finished = time.time()
    return result, {"started": started, "preparation": prepared - started, "training": 0.0, "total": finished - started}


def restored(config: IleConfig, stored: dict[str, Any], checkpoint: str | Path) -> tuple[PreparedData, Any, Any]:
    """Return the data, the trained model and its trainer, which makes lists of it.

    Args:
        config: from ``reevaluation_config``.
        stored: the content of the checkpoint.
        checkpoint: its path.

    Raises:
        InputError: if the checkpoint does not fit the model or the data.
    """
    seed_everything(config)
    start_logging(config)
    data = prepare_data(config)
    net = build_model(config, data)
    _load(net, stored, checkpoint)
    return data, net, get_trainer(config)(config, net)


def _load(net: Any, stored: dict[str, Any], checkpoint: str | Path) -> None:
    state = stored["state_dict"]
    if not isinstance(net, PredictiveUncertainty):
        state = {name: value for name, value in state.items() if not name.startswith(("members.", "item_uncertainty"))}
    elif "item_uncertainty" not in state:
        raise InputError(f"checkpoint {checkpoint} has no members, which PUFR needs; train a model with _PUFR")
    try:
        net.load_state_dict(state)
    except RuntimeError as error:
        reason = " ".join(str(error).split())
        raise InputError(f"checkpoint {checkpoint} does not fit this model and data set: {reason}") from error
    net.load_other_parameter(stored.get("other_parameter"))


def _new_folder(checkpoint: str | Path) -> Path:
    for number in itertools.count(1):
        folder = run_folder(checkpoint) / f"evaluation-{number}"
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        except OSError as error:
            raise InputError(f"folder {folder} cannot be made: {error.strerror or error}") from error
        return folder
    raise AssertionError


def _trained(key: str, value: Any) -> Any:
    """Return what of a setting acts in training: all but the mode of ``eval_args``."""
    return {name: entry for name, entry in value.items() if name != "mode"} if key == "eval_args" else value
