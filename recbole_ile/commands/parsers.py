"""The parser of each command, and all of them as one for whoever speaks of the whole command line."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Mapping
from types import ModuleType
from typing import NoReturn

from recbole_ile.errors import InputError

PROGRAM = "recbole-ile"


class OneLineParser(argparse.ArgumentParser):
    """A parser whose errors are one line, as all others are."""

    def error(self, message: str) -> NoReturn:
        """Raise instead of printing the usage."""
        raise InputError(message)


def load_command(path: str) -> ModuleType:
    """Import the module of a command, which says ``HELP`` and may say ``EXAMPLE``.

    Args:
        path: its dotted name.
    """
    return importlib.import_module(path)


def parser_of(name: str, commands: Mapping[str, str]) -> argparse.ArgumentParser:
    """Return the parser of one command.

    What it parses has ``words``, the command and, if the command line put it there, what was typed behind it.

    Args:
        name: of the command.
        commands: the module of every command by its name.
    """
    parser = OneLineParser(prog=f"{PROGRAM} {name}", allow_abbrev=False)
    _fill(parser, load_command(commands[name]))
    parser.set_defaults(commands=commands, words=[name])
    return parser


def whole_parser(commands: Mapping[str, str], default: str) -> argparse.ArgumentParser:
    """Return one parser with every command below it.

    Args:
        commands: the module of every command by its name.
        default: the command whose options need no command before them.
    """
    parser = OneLineParser(prog=PROGRAM, allow_abbrev=False)
    parser.add_argument("--version", action="store_true", help="show the versions")
    _fill(parser, load_command(commands[default]))
    below = parser.add_subparsers(dest="command")
    for name, path in commands.items():
        command = load_command(path)
        _fill(below.add_parser(name, help=command.HELP, allow_abbrev=False), command)
    return parser


def _fill(parser: argparse.ArgumentParser, command: ModuleType) -> None:
    parser.description = command.HELP
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    command.add_arguments(parser)
