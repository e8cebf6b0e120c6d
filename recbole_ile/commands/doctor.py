"""``doctor``: what is installed here, and which model works with which mitigation."""

from __future__ import annotations

import argparse
import sys

from recbole_ile.errors import InputError
from recbole_ile.plugin.catalogue.mitigations import known_mitigations
from recbole_ile.plugin.catalogue.models import models_by_kind
from recbole_ile.plugin.catalogue.support import notes_on
from recbole_ile.plugin.runs.versions import versions
from recbole_ile.report.run.support import support_markdown, support_table
from recbole_ile.report.terminal import Terminal

NAME = "doctor"
HELP = "show the installed versions, or with --models what works on which model"
EXAMPLE = "recbole-ile doctor --models"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("--models", action="store_true", help="all models of RecBole and the mitigations")
    parser.add_argument(
        "--markdown", action="store_true", help="the table of --models in Markdown, as in the documentation"
    )


def main(arguments: argparse.Namespace, rest: list[str]) -> int:
    """Print what is asked for."""
    if rest:
        raise InputError(f"unexpected argument {rest[0]}; doctor takes --models and --markdown")
    if not (arguments.models or arguments.markdown):
        for package, version in versions().items():
            print(f"{package} {version}")
        return 0
    kinds, mitigations = models_by_kind(), list(known_mitigations().values())
    if arguments.markdown:
        print(support_markdown(kinds, mitigations))
        return 0
    notes = {model: "; ".join(notes_on(model)) for models in kinds.values() for model in models}
    # A pipe has no width: whole lines, so that grep finds a model with its note.
    Terminal(None if sys.stdout.isatty() else 400).print(support_table(kinds, mitigations, notes))
    return 0
