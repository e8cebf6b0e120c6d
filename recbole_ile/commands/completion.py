"""``completion``: the script that lets a shell complete commands and options."""

from __future__ import annotations

import argparse
from types import ModuleType

from recbole_ile.commands.parsers import whole_parser
from recbole_ile.errors import InputError, near_miss
from recbole_ile.plugin.config.explained import documented_options

NAME = "completion"
HELP = "print the script by which bash, zsh or tcsh completes commands and options"
EXAMPLE = "recbole-ile completion bash > recbole-ile-completion.sh"
SHELLS = ("bash", "zsh", "tcsh")
OF_CONFIGURATION = ("run", "sweep", "compare")
"""The commands that take every option of the configuration; the first needs no name before its options."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument("shell", metavar="SHELL", nargs="?", help=", ".join(SHELLS))
    parser.epilog = (
        "bash: source the script in ~/.bashrc. zsh: save it as _recbole-ile in a folder of $fpath. It has the options\n"
        "of today's version and is made anew after an update."
    )


def main(arguments: argparse.Namespace, rest: list[str]) -> int:
    """Print the script."""
    if rest:
        raise InputError(f"unexpected argument {rest[0]}; completion takes {', '.join(SHELLS)}")
    if arguments.shell not in SHELLS:
        miss = near_miss(str(arguments.shell), SHELLS)
        raise InputError(f"completion of the shell {arguments.shell} is not known{miss}; it takes {', '.join(SHELLS)}")
    parser = whole_parser(arguments.commands, OF_CONFIGURATION[0])
    (commands,) = (each for each in parser._actions if isinstance(each, argparse._SubParsersAction))
    for each in (parser, *(commands.choices[name] for name in OF_CONFIGURATION)):
        _add_configuration(each)
    print(_shtab().complete(parser, arguments.shell))
    return 0


def _add_configuration(parser: argparse.ArgumentParser) -> None:
    """Add the options of the configuration."""
    taken = {flag for action in parser._actions for flag in action.option_strings}
    for option in documented_options().values():
        if f"--{option.name}" not in taken:
            meaning = _without_signs(option.meaning)
            parser.add_argument(f"--{option.name}", choices=option.names or None, help=meaning)


def _without_signs(text: str) -> str:
    """Return a text without what argparse or a shell would read as more than text."""
    return "".join(character for character in text if character.isalnum() or character in " .,;_-")


def _shtab() -> ModuleType:
    try:
        import shtab
    except ImportError:
        raise InputError('completion needs the package shtab: pip install "recbole_ile[completion]"') from None
    return shtab
