"""From a configuration to a trained, evaluated model and what is to be said about it."""

from __future__ import annotations

import contextlib
import logging
import platform
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from recbole.data import create_dataset
from recbole.data.transform import construct_transform
from recbole.utils import get_environment, get_flops, set_color

from recbole_ile.errors import InputError
from recbole_ile.plugin.breakdown import split_by_group
from recbole_ile.plugin.checks import check_catalogue
from recbole_ile.plugin.compat import safe_loading
from recbole_ile.plugin.config import IleConfig, as_base_model, as_one_process
from recbole_ile.plugin.data_files import check_files, check_loaded
from recbole_ile.plugin.dataset_cache import cached_dataset
from recbole_ile.plugin.interruption import naming_checkpoint
from recbole_ile.plugin.loaders import make_loaders
from recbole_ile.plugin.logs import start_logging
from recbole_ile.plugin.members import check_members, fit_members
from recbole_ile.plugin.model_needs import check_item_embeddings, check_labels
from recbole_ile.plugin.models.group_losses import observe_model
from recbole_ile.plugin.popularity import TrainingPopularity
from recbole_ile.plugin.process_group import first_decides
from recbole_ile.plugin.registry import get_model, parse_model_name
from recbole_ile.plugin.run_folder import finished, has_result, reserve_run, run_folder
from recbole_ile.plugin.seeding import seed_everything
from recbole_ile.plugin.trainer import get_trainer, watching

PACKAGES = ("recbole", "torch", "numpy", "pandas", "scipy")


class PreparedData(NamedTuple):
    """The whole data set of RecBole and the loaders of its three parts."""

    dataset: Any
    train: Any
    valid: Any
    test: Any


def train_and_evaluate(
    config: IleConfig, saved: bool = True, resume: str | Path | None = None
) -> tuple[dict[str, Any], dict[str, float]]:
    """Train a model and evaluate the best of its epochs on the test part.

    Args:
        config: model, data set and every option.
        saved: whether to write checkpoints.
        resume: checkpoint of an interrupted run of this model on this data set, to be continued.

    Returns:
        The result that ``run_recbole_ile`` documents, and the seconds that its parts took.

    Raises:
        InputError: for data that cannot be read, or a checkpoint that does not fit.
    """
    started = time.time()
    seed_everything(config)
    start_logging(config)
    data = prepare_data(config)
    net = build_model(config, data)
    trainer = get_trainer(config)(config, net)
    if hasattr(net, "members"):
        check_members(config)
    if resume is not None:
        _continue_from(trainer, resume)
    elif saved:
        trainer.saved_model_file = first_decides(lambda: reserve_run(trainer.saved_model_file))
        run_folder(trainer.saved_model_file).mkdir(parents=True, exist_ok=True)  # on every machine
    # A pre-training trainer saves under other names later, the run keeps its folder.
    output_dir = str(run_folder(trainer.saved_model_file)) if saved else None
    prepared = time.time()
    with naming_checkpoint(trainer):
        best = trained(config, data, net, trainer, saved)
        finished_training = time.time()
        result = tested(config, data, net, trainer, best, load_best_model=saved)
    result["checkpoint"] = str(trainer.saved_model_file) if saved else None
    result["output_dir"] = output_dir
    finished = time.time()
    return result, {
        "started": started,
        "preparation": prepared - started,
        "training": finished_training - prepared,
        "total": finished - started,
    }


def trained(
    config: IleConfig,
    data: PreparedData,
    net: Any,
    trainer: Any,
    saved: bool = True,
    watch: Callable[[int, dict[str, float]], None] | None = None,
) -> tuple[Any, Any]:
    """Train a model, and all members of an ensemble.

    Args:
        config: model, data set and every option.
        data: the loaders.
        net: the model.
        trainer: its trainer.
        saved: whether to write checkpoints.
        watch: is told after each validation the number of the epoch and the result, where RecBole's trainer can.

    Returns:
        The best validation score and result.

    Raises:
        InputError: if no epoch was the best, so that nothing was saved.
    """
    trainer.eval_collector.data_collect(data.train)  # pre-training trainers evaluate without having done it
    if hasattr(net, "members"):
        best = fit_members(trainer, data, build_model, get_trainer, saved, watch)
    else:
        further = {"callback_fn": watching(trainer, watch)} if watch else {}
        best = trainer.fit(data.train, data.valid, saved=saved, show_progress=config["show_progress"], **further)
    if saved and not Path(trainer.saved_model_file).exists():
        raise InputError(
            f"option valid_metric={config['valid_metric']!r} was not a number in any validation of "
            f"{config['dataset']}, so that no epoch is the best and nothing was saved"
        )
    return best


def tested(
    config: IleConfig, data: PreparedData, net: Any, trainer: Any, valid: tuple[Any, Any], load_best_model: bool
) -> dict[str, Any]:
    """Evaluate a trained model on the test part.

    Args:
        config: model, data set and every option.
        data: the loaders.
        net: the model.
        trainer: its trainer.
        valid: best validation score and result.
        load_best_model: whether to read the parameters from the trainer's checkpoint first.

    Returns:
        The result that ``run_recbole_ile`` documents, without its paths.
    """
    trainer.eval_collector.details = True
    with ThreadPoolExecutor(1) as beside:  # RecBole watches the processor for a second, in which we evaluate
        environment = beside.submit(get_environment, config)
        test_result = trainer.evaluate(
            data.test, load_best_model=load_best_model, show_progress=config["show_progress"]
        )
    logger = logging.getLogger()
    logger.info("The running environment of this training is as follows:\n" + environment.result().draw())
    logger.info(set_color("best valid ", "yellow") + f": {valid[1]}")
    logger.info(set_color("test result", "yellow") + f": {test_result}")
    return {
        "model": config["model"],
        "dataset": config["dataset"],
        "best_valid_score": _plain(valid[0]),
        "valid_score_bigger": config["valid_metric_bigger"],
        "best_valid_result": _plain(valid[1]),
        "test_result": _plain(test_result or {}),
        **split_by_group(config, trainer.eval_collector.last_details),
        "group_names": net.group_losses.names if net.group_losses else [],
        "group_losses": getattr(trainer, "group_losses", []),
        **(trainer.target_report(valid[1], test_result) if hasattr(trainer, "target_report") else {}),
    }


def prepare_data(config: IleConfig, read: Callable[[Any], Any] | None = None) -> PreparedData:
    """Read, filter and split the data set.

    Args:
        config: data set and every option.
        read: returns RecBole's data set instead, filtered and perhaps split already.

    Raises:
        InputError: if a file is missing or malformed, or the settings do not fit the data.
    """
    path = Path(config["data_path"])
    try:
        with as_base_model(config), as_one_process(config):
            dataset = read(config) if read else cached_dataset(config, read_dataset)
            check_catalogue(config["topk"], dataset.item_num - 1, dataset.user_num - 1, config["dataset"])
            return PreparedData(dataset, *make_loaders(config, dataset))
    except InputError:
        raise
    except Exception as error:  # RecBole raises whatever a malformed file or setting leads to
        reason = " ".join(str(error).split()) or "no reason given"
        raise InputError(f"dataset {config['dataset']} in {path}: {type(error).__name__}: {reason}") from error


def read_dataset(config: Any) -> Any:
    """Check the atomic files of a data set, and read and filter it, without splitting it.

    Raises:
        InputError: if a file is missing or malformed.
    """
    check_files(config)
    dataset = create_dataset(config)
    check_loaded(dataset, Path(config["data_path"]))
    return dataset


def build_model(config: IleConfig, data: PreparedData) -> Any:
    """Make the model, seeded, on its device, with its group losses observed.

    Several processes have the same seed: what a model draws for itself, a dropped part of its graph say, is
    then the same for the whole global batch, and the negatives are those that one process would draw.

    Raises:
        InputError: if the model cannot be made for these settings and data.
    """
    check_item_embeddings(config, data.train._dataset)
    seed_everything(config)
    with safe_loading():
        net = get_model(config["model"])(config, data.train._dataset).to(config["device"])
    check_labels(config, net, data.train._dataset)
    logger = logging.getLogger()
    logger.info(net)
    flops = get_flops(net, data.dataset, config["device"], logger, construct_transform(config))
    logger.info(set_color("FLOPs", "blue") + f": {flops}")
    if not hasattr(net, "group_losses"):
        popularity = TrainingPopularity.of(config, data.train._dataset)
        net.group_losses = observe_model(net, parse_model_name(config["model"]).base, popularity, config)
    return net


def versions() -> dict[str, str]:
    """Return the versions of Python, this plugin and what it stands on."""
    found = {"python": platform.python_version()}
    for package in ("recbole_ile", *PACKAGES):
        with contextlib.suppress(PackageNotFoundError):
            found[package] = version(package)
    return found


def _continue_from(trainer: Any, checkpoint: str | Path) -> None:
    try:
        trainer.resume_checkpoint(checkpoint)
    except (RuntimeError, KeyError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        reason = " ".join(str(error).split())
        raise InputError(f"checkpoint {checkpoint} does not fit this model and data set: {reason}") from error
    trainer.saved_model_file = finished(checkpoint)
    folder = run_folder(trainer.saved_model_file)
    left = trainer.epochs - trainer.start_epoch
    trained = left <= 0 or hasattr(trainer.model, "members")
    if left < 0 or (trained and has_result(trainer.saved_model_file, trainer.epochs)):
        raise InputError(
            f"checkpoint {checkpoint} has {trainer.start_epoch} epochs behind it, whose result is in {folder} if the "
            f"run ended; with epochs={trainer.epochs} there is nothing to continue"
        )
    folder.mkdir(exist_ok=True)


def _plain(value: Any) -> Any:
    """Return numbers of Python instead of NumPy and torch, in nested dictionaries too."""
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, np.generic) or (isinstance(value, torch.Tensor) and value.ndim == 0):
        return value.item()
    return value
