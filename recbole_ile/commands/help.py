"""``help``: all commands with a line and an example each, or what is known of a topic."""

from __future__ import annotations

import argparse
from collections.abc import Mapping

from recbole_ile.commands.parsers import PROGRAM, load_command
from recbole_ile.commands.topics import explain
from recbole_ile.texts import printable_lines

NAME = "help"
HELP = "list all commands, or explain a command, mitigation, metric, distance, model or option"
EXAMPLE = "recbole-ile help LA ile_lambda UPD"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument("topics", nargs="*", metavar="TOPIC", help="LA, UPD, ile_lambda or sweep, for instance")


def main(arguments: argparse.Namespace, rest: list[str]) -> int:
    """Print the text of each topic, or the list of commands."""
    topics = [*arguments.topics, *rest]  # an option may be written with its dashes
    if not topics:
        print(overview(arguments.commands))
        return 0
    texts = [explain(topic, arguments.commands) for topic in topics]
    print(printable_lines("\n\n".join(texts)))
    return 0


def overview(commands: Mapping[str, str]) -> str:
    """Return all commands with a line and an example each.

    Args:
        commands: the module of every command by its name.
    """
    lines = [f"usage: {PROGRAM} [COMMAND] [OPTIONS]", ""]
    width = max(map(len, commands))
    for name, path in commands.items():
        command = load_command(path)
        example = getattr(command, "EXAMPLE", f"{PROGRAM} {name} --help")
        lines += [f"  {name:{width}}  {command.HELP}", f"  {'':{width}}  $ {example}"]
    lines += [
        "",
        f"Without a command, {PROGRAM} --model=BPR_ILE --dataset=ml-100k is run. {PROGRAM} COMMAND --help has the",
        f"options of a command, {PROGRAM} help TOPIC what is known of a mitigation, metric, model or option, and",
        f"{PROGRAM} --version the versions.",
    ]
    return "\n".join(lines)
