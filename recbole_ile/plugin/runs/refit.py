"""Train the setting of a checkpoint on all interactions, for as many epochs as its validation found."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from recbole_ile.errors import InputError
from recbole_ile.plugin.checkpoints.behaviour_states import states_of
from recbole_ile.plugin.config.config import IleConfig
from recbole_ile.plugin.runs.reevaluation import kept_settings, reevaluation_config
from recbole_ile.plugin.training.learned_ranking import LearnedRanking
from recbole_ile.plugin.training.refitting import Refitting

EVERYTHING = {"RS": [1.0, 0.0, 0.0]}
"""The split that leaves everything to training."""


def refit_config(
    checkpoint: str | Path,
    stored: dict[str, Any],
    model: str | None,
    dataset: str | None,
    config_file_list: list[str] | None,
    config_dict: dict[str, Any] | None,
) -> tuple[IleConfig, dict[str, Any]]:
    """Return the configuration of a training on everything, and the state of its ``Refitting``.

    Weights that were chosen on the validation part are the numbers that they were chosen to be.

    Args:
        checkpoint: its path.
        stored: its content.
        model: the same model, with any or none of the mitigations in ranking.
        dataset: the same data set.
        config_file_list: files that win over what is stored.
        config_dict: options that win over the files, those that an evaluation of the checkpoint may change.

    Raises:
        InputError: for a training that one number of epochs does not repeat, and for what an evaluation refuses.
    """
    check_no_refit(checkpoint, stored)
    asked = reevaluation_config(checkpoint, stored["config"], model, dataset, config_file_list, config_dict)
    check_repeatable(checkpoint, asked)
    epochs = int(stored["epoch"]) + 1
    chosen = states_of(stored).get(LearnedRanking.key, {}).get("chosen", {})
    fixed = {option: float(weight) for option, weight in chosen.items() if asked[option] == "auto"}
    own = {**(config_dict or {}), **fixed, "epochs": epochs, "eval_args.split": EVERYTHING}
    kept = kept_settings(checkpoint, stored["config"])
    config = IleConfig(str(asked.name), asked["dataset"], config_file_list, own, kept)
    return config, {"of": str(checkpoint), "epochs": epochs}


def check_no_refit(checkpoint: str | Path, stored: dict[str, Any]) -> None:
    """Refuse to evaluate a model that was trained on everything, or to train it once more.

    Raises:
        InputError: names the checkpoint whose setting it has.
    """
    state = states_of(stored).get(Refitting.key)
    if state:
        raise InputError(
            f"checkpoint {checkpoint} holds a refit of {state['of']} on all interactions, so that nothing is left to "
            "evaluate it on; recommend and export take it"
        )


def check_repeatable(checkpoint: str | Path, config: IleConfig) -> None:
    """Refuse what one number of epochs and the training part alone do not repeat.

    Args:
        checkpoint: its path.
        config: of its training.

    Raises:
        InputError: says why.
    """
    reasons = {
        "ile_target steers by the validation part; train with the ile_lambda that it found": config["ile_target"],
        "the members of PUFR have a number of epochs each": config.name.ensemble,
        "its training has stages": "train_stage" in config,
        "benchmark_filename has split the files already; give the data set one .inter file": config[
            "benchmark_filename"
        ],
    }
    for reason, holds in reasons.items():
        if holds:
            raise InputError(f"option refit: checkpoint {checkpoint} cannot be trained on everything, for {reason}")
