"""From a configuration to a trained, evaluated model and what is to be said about it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch
from recbole.utils import get_environment, set_color

from recbole_ile.errors import InputError
from recbole_ile.plugin.checkpoints.files import already_read
from recbole_ile.plugin.checkpoints.parameters import check_progress, load_parameters
from recbole_ile.plugin.config.config import IleConfig
from recbole_ile.plugin.config.named_options import naming_options
from recbole_ile.plugin.data.popularity import TrainingPopularity
from recbole_ile.plugin.evaluation.breakdown import split_by_group
from recbole_ile.plugin.evaluation.by_user import table_of_users
from recbole_ile.plugin.output.interruption import explaining_how_to_resume
from recbole_ile.plugin.output.logs import start_logging
from recbole_ile.plugin.output.run_folder import final_path, has_result, reserve_run, run_folder
from recbole_ile.plugin.processes.group import from_first_process
from recbole_ile.plugin.runs.page_numbers import page_numbers
from recbole_ile.plugin.runs.preparation import PreparedData, build_model, prepare_data
from recbole_ile.plugin.runs.pricing_report import Priced, accuracy_before_and_after, pricing_report
from recbole_ile.plugin.runs.training_data import trained_on
from recbole_ile.plugin.training.ensemble import check_members, fit_members
from recbole_ile.plugin.training.seeding import seed_everything
from recbole_ile.plugin.training.trained_members import Ensemble
from recbole_ile.plugin.training.trainer import BehavingTrainer, get_trainer, watching


def train_and_evaluate(
    config: IleConfig,
    saved: bool = True,
    resume: str | Path | None = None,
    stored: dict[str, Any] | None = None,
    per_user: bool = False,
    refit: dict[str, Any] | None = None,
    report: bool = False,
) -> tuple[dict[str, Any], dict[str, float]]:
    """Train a model and evaluate the best of its epochs on the test part.

    Args:
        config: model, data set and every option.
        saved: whether to write checkpoints.
        resume: checkpoint of an interrupted run of this model on this data set, to be continued.
        stored: its content.
        per_user: whether each user is wanted, too.
        refit: the state of ``Refitting``, where the setting of a checkpoint is trained on everything.
        report: whether what the page of a run shows is wanted, too.

    Returns:
        The result that ``run_recbole_ile`` documents, and the seconds that its parts took.

    Raises:
        InputError: for data that cannot be read, or a checkpoint that does not fit.
    """
    started = time.time()
    seed_everything(config)
    start_logging(config)
    known = None if resume is None or stored is None else trained_on(stored, resume, needs_split=True)
    data = prepare_data(config, known=known)
    net = build_model(config, data)
    trainer = get_trainer(config)(config, net)
    if refit is not None:
        trainer.refitting.load_state_dict(refit)
    if isinstance(net, Ensemble):
        check_members(config)
    if resume is not None and stored is not None:
        _continue_from(trainer, stored, resume)
    elif saved:
        trainer.saved_model_file = from_first_process(lambda: reserve_run(trainer.saved_model_file))
        run_folder(trainer.saved_model_file).mkdir(parents=True, exist_ok=True)  # on every machine
    # A pre-training trainer saves under other names later, the run keeps its folder.
    output_dir = str(run_folder(trainer.saved_model_file)) if saved else None
    prepared = time.time()
    with explaining_how_to_resume(trainer):
        best = train(config, data, net, trainer, saved)
        finished_training = time.time()
        result = evaluate_on_test(config, data, net, trainer, best, saved, per_user, report)
    result["checkpoint"] = str(trainer.saved_model_file) if saved else None
    result["output_dir"] = output_dir
    finished = time.time()
    return result, {
        "started": started,
        "preparation": prepared - started,
        "training": finished_training - prepared,
        "total": finished - started,
    }


@naming_options("training")
def train(
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
    trainer.data_identity = data.identity
    trainer.eval_collector.data_collect(data.train)  # pre-training trainers evaluate without having done it
    if isinstance(net, Ensemble):
        best = fit_members(trainer, data, build_model, saved, watch)
    else:
        further = {"callback_fn": watching(trainer, watch)} if watch else {}
        best = trainer.fit(data.train, data.valid, saved=saved, show_progress=config["show_progress"], **further)
    if saved and not Path(trainer.saved_model_file).exists():
        raise InputError(
            f"option valid_metric={config['valid_metric']!r} was not a number in any validation of "
            f"{config['dataset']}, so that no epoch is the best and nothing was saved"
        )
    return best


def evaluate_on_test(
    config: IleConfig,
    data: PreparedData,
    net: Any,
    trainer: Any,
    valid: tuple[Any, Any],
    load_best_model: bool,
    per_user: bool = False,
    report: bool = False,
) -> dict[str, Any]:
    """Evaluate a trained model on the test part.

    Args:
        config: model, data set and every option.
        data: the loaders.
        net: the model.
        trainer: its trainer.
        valid: best validation score and result.
        load_best_model: whether to read the parameters from the trainer's checkpoint first.
        per_user: whether each user is wanted, too.
        report: whether what the page of a run shows is wanted, too.

    Returns:
        The result that ``run_recbole_ile`` documents, without its paths; ``per_user`` is the table of
        ``table_of_users``, or ``None`` if there are no lists, and ``page`` is that of ``page_numbers``.
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
    details = trainer.eval_collector.last_details
    groups = split_by_group(config, details)
    users = {"per_user": table_of_users(config, details, data.dataset) if details else None} if per_user else {}
    page = {"page": page_numbers(config, details, data)} if report else {}
    return {
        "model": config["model"],
        "dataset": config["dataset"],
        "best_valid_score": _plain(valid[0]),
        "valid_score_bigger": config["valid_metric_bigger"],
        "best_valid_result": _plain(valid[1]),
        "test_result": _plain(test_result or {}),
        **groups,
        "user_group_field": config["user_group_field"],
        "group_names": net.group_losses.names if net.group_losses else [],
        "group_losses": [],
        **(trainer.report(valid[1], test_result) if isinstance(trainer, BehavingTrainer) else {}),
        **_of_prices(config, data, net, trainer, test_result),
        **users,
        **page,
    }


def _of_prices(config: IleConfig, data: PreparedData, net: Any, trainer: Any, result: Any) -> dict[str, Any]:
    """Return ``prices``, what exposure prices that this run found did; nothing without them."""
    if not isinstance(net, Priced) or net.pricing is None:
        return {}
    popularity = TrainingPopularity.of(config, data.train._dataset)
    found = pricing_report(config, data.dataset, net.pricing, popularity)
    after = trainer.eval_collector.last_details
    if not after:
        return {"prices": found}
    with trainer.ranking_as_trained():
        trainer.evaluate(data.test, load_best_model=False)
    trainer.wandblogger.log_eval_metrics(result)  # whose summary has the last evaluation, which was one without prices
    before = trainer.eval_collector.last_details
    return {"prices": {**found, "test": accuracy_before_and_after(config, before, after, data.dataset)}}


def _continue_from(trainer: Any, stored: dict[str, Any], checkpoint: str | Path) -> None:
    check_progress(stored, checkpoint)
    load_parameters(trainer.model, stored, checkpoint)
    try:
        with already_read(checkpoint, stored):
            trainer.resume_checkpoint(checkpoint)
    except (RuntimeError, LookupError, ValueError, TypeError, AttributeError) as error:
        if isinstance(error, InputError):
            raise
        reason = " ".join(str(error).split())
        raise InputError(f"checkpoint {checkpoint} does not fit this model and data set: {reason}") from error
    trainer.saved_model_file = final_path(checkpoint)
    folder = run_folder(trainer.saved_model_file)
    left = trainer.epochs - trainer.start_epoch
    trained = left <= 0 or isinstance(trainer.model, Ensemble)
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
