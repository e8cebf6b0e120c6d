"""``doctor``: what is installed here, and which model works with which mitigation."""

from __future__ import annotations

import argparse
import sys

from rich.console import Console

from recbole_ile.errors import InputError
from recbole_ile.plugin.pipeline import versions
from recbole_ile.plugin.registry import MITIGATIONS, models_by_kind
from recbole_ile.plugin.support import IN_A_STAGE, PACKAGES, why_not
from recbole_ile.report.support import support_markdown, support_table

NAME = "doctor"
HELP = "show the installed versions, or with --models what works on which model"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("--models", action="store_true", help="all models of RecBole and the mitigations")
    parser.add_argument("--markdown", action="store_true", help="the table of --models as in the README")


def main(arguments: argparse.Namespace, rest: list[str]) -> int:
    """Print what is asked for."""
    if rest:
        raise InputError(f"unexpected argument {rest[0]}; doctor takes --models and --markdown")
    if not (arguments.models or arguments.markdown):
        for package, version in versions().items():
            print(f"{package} {version}")
        return 0
    kinds, mitigations = models_by_kind(), list(MITIGATIONS)
    if arguments.markdown:
        print(support_markdown(kinds, mitigations, why_not))
        return 0
    notes = {model: f"needs the package {package}" for model, package in PACKAGES.items()}
    notes |= {model: f"works {where}" for model, where in IN_A_STAGE.items()}
    # A pipe has no width: whole lines, so that grep finds a model with its note.
    Console(width=None if sys.stdout.isatty() else 160).print(support_table(kinds, mitigations, why_not, notes))
    return 0
