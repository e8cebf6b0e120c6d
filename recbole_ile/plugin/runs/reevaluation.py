"""Evaluate a trained model again, under other settings of what acts when lists are made."""

from __future__ import annotations

import itertools
import time
from pathlib import Path
from typing import Any

from recbole.utils import calculate_valid_score

from recbole_ile.errors import InputError
from recbole_ile.plugin.catalogue.mitigations import Stage, known_mitigations
from recbole_ile.plugin.catalogue.model_names import ModelName
from recbole_ile.plugin.catalogue.models import get_model
from recbole_ile.plugin.config.config import IleConfig
from recbole_ile.plugin.config.stored_settings import stored_settings
from recbole_ile.plugin.output.logs import start_logging
from recbole_ile.plugin.output.run_folder import run_folder
from recbole_ile.plugin.runs.pipeline import evaluate_on_test
from recbole_ile.plugin.runs.restoring import restore

CHANGEABLE_AFTER_TRAINING = frozenset(
    (
        *("metrics", "topk", "valid_metric", "ee_discount", "metric_decimal_place"),
        *("item_group_by", "item_group_split", "item_group_field", "user_group_num", "user_group_field"),
        *("eval_memory", "eval_batch_size", "data_path", "dataset_cache", "checkpoint_dir"),
        *("show_progress", "state", "use_gpu", "gpu_id", "worker", "log_wandb", "wandb_project"),
    )
)
"""Options that may differ from those of the training, in addition to those of the mitigations in ranking."""


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
    name = ModelName.parse(model) if model else stored.name
    get_model(name)
    if name.trained != stored.name.trained:
        allowed = [
            f"_{suffix}"
            for suffix, each in known_mitigations().items()
            if each.stage is Stage.RANKING and not each.ensemble and each.refuses(name.base) is None
        ]
        raise InputError(
            f"option model={name} does not fit checkpoint {checkpoint}, which holds a {stored.name}: without "
            f"training it can be {stored.name.trained}, alone or followed by {' or '.join(allowed)}"
        )
    if dataset not in (None, stored["dataset"]):
        raise InputError(f"option dataset={dataset} is not that of checkpoint {checkpoint}, {stored['dataset']}")
    kept = kept_settings(checkpoint, stored)
    config = IleConfig(str(name), stored["dataset"], config_file_list, config_dict, kept)
    in_ranking = {key for each in known_mitigations().values() for key in each.ranking_keys}
    changed = {key for key, value in config.external_config_dict.items() if key not in kept or kept[key] != value}
    for key in {key.split(".")[0] for key in changed} - CHANGEABLE_AFTER_TRAINING - in_ranking:
        if _trained(key, config[key]) != _trained(key, stored[key]):
            raise InputError(
                f"option {key}={config[key]!r} is not that of checkpoint {checkpoint}, {stored[key]!r}; what a model "
                "was trained with changes by training it anew"
            )
    return config


def kept_settings(checkpoint: str | Path, stored: Any) -> dict[str, Any]:
    """Return what was given to the training of a checkpoint, which holds where nothing else is given."""
    kept = {**stored_settings(stored.external_config_dict, checkpoint), "checkpoint_dir": str(Path(checkpoint).parent)}
    kept.pop("state", None)  # how much a training said is nothing that this one has to hide
    return kept


def reevaluate(
    config: IleConfig,
    stored: dict[str, Any],
    checkpoint: str | Path,
    saved: bool,
    reprice: bool = False,
    per_user: bool = False,
    report: bool = False,
) -> tuple[Any, Any]:
    """Evaluate the parameters of a checkpoint on the validation and the test part.

    Args:
        config: from ``reevaluation_config``.
        stored: the content of the checkpoint.
        checkpoint: its path.
        saved: whether to make a folder for the results, beside the checkpoint.
        reprice: whether what the ranking learned is learned again, from the training interactions of now.
        per_user: whether each user is wanted, too.
        report: whether what the page of a run shows is wanted, too.

    Returns:
        The result that ``run_recbole_ile`` documents, and the seconds that its parts took.

    Raises:
        InputError: if the checkpoint does not fit the model or the data.
    """
    started = time.time()
    start_logging(config)
    run = restore(config, stored, checkpoint, needs_split=True, anew=reprice)
    data, trainer = run.data, run.trainer
    trainer.eval_collector.data_collect(data.train)
    prepared = time.time()
    valid = _validated(trainer, data.valid) if data.valid else (None, None)
    result = evaluate_on_test(config, data, run.model, trainer, valid, False, per_user, report)
    result["checkpoint"] = str(checkpoint)
    result["output_dir"] = str(_new_folder(checkpoint)) if saved else None
    finished = time.time()
    return result, {"started": started, "preparation": prepared - started, "training": 0.0, "total": finished - started}


def _validated(trainer: Any, loader: Any) -> tuple[float, dict[str, float]]:
    """Return the score and the result of the validation part, which here is no epoch that a target would judge."""
    result = trainer.evaluate(loader, load_best_model=False)
    return calculate_valid_score(result, trainer.valid_metric), result


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
