"""The trained model that a command reads: which file, under which ranking, and with which options."""

from __future__ import annotations

import argparse
from typing import Any

from recbole_ile.plugin.checkpoints.files import read_checkpoint
from recbole_ile.plugin.config.config import IleConfig
from recbole_ile.plugin.runs.reevaluation import reevaluation_config


def add_trained_arguments(parser: argparse.ArgumentParser, which: str = "a trained model") -> None:
    """Add the options that say which trained model is meant.

    Args:
        parser: of a command.
        which: models the command takes.
    """
    parser.add_argument("--checkpoint", required=True, help=which)
    parser.add_argument("--model", "-m", help="the same model under another ranking, BPR_EP for a BPR say")
    parser.add_argument("--reprice", action="store_true", help="find exposure prices anew from the data of now")
    parser.add_argument("--trust_checkpoint", action="store_true", help="allow code in the checkpoint that is read")


def opened(arguments: argparse.Namespace, options: dict[str, Any]) -> tuple[IleConfig, dict[str, Any]]:
    """Return the configuration of the model under the ranking that is asked for, and the content of its checkpoint.

    Args:
        arguments: with those of ``add_trained_arguments``.
        options: of the configuration, which win over what is stored.

    Raises:
        InputError: for a file that is no checkpoint, and for what a trained model cannot change.
    """
    stored = read_checkpoint(arguments.checkpoint, map_location="cpu")
    config = reevaluation_config(arguments.checkpoint, stored["config"], arguments.model, None, None, dict(options))
    return config, stored
