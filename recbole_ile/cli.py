"""The command line: which command, its options, and what a user sees when something is wrong."""

from __future__ import annotations

import argparse
import errno
import importlib
import io
import sys
from collections.abc import Sequence
from typing import NoReturn

NAMES = ("run", "sweep", "compare", "recommend", "rerank", "fetch", "doctor")
COMMANDS = {name: f"recbole_ile.commands.{name}" for name in NAMES}
DEFAULT = "run"
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES)
"""Full disks and forbidden folders, wherever they are met: the user has to mend them, as any wrong input."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code: 0 done, 1 failed, 2 wrong input, 130 interrupted.

    Args:
        argv: the words after the program's name, ``sys.argv[1:]`` by default.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in words
    words = [word for word in words if word != "--debug"]
    name = words.pop(0) if words and words[0] in COMMANDS else DEFAULT
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a name that the terminal cannot show is no reason to fail
            stream.reconfigure(errors="replace")
    try:
        return _run_command(name, words)
    except KeyboardInterrupt as interruption:
        print(" ".join(["interrupted;", *map(str, interruption.args)]).rstrip(";"), file=sys.stderr)
        return 130
    except Exception as error:
        from recbole_ile.errors import InputError

        if debug:
            raise
        wrong_input = isinstance(error, InputError) or getattr(error, "errno", None) in NO_ROOM
        reason = str(error) if wrong_input else f"{type(error).__name__}: {error} (--debug shows where)"
        print(f"error: {' '.join(reason.split())}", file=sys.stderr)
        return 2 if wrong_input else 1


class OneLineParser(argparse.ArgumentParser):
    """A parser whose errors are one line, as all others are."""

    def error(self, message: str) -> NoReturn:
        """Raise instead of printing the usage."""
        from recbole_ile.errors import InputError

        raise InputError(message)


def _run_command(name: str, words: list[str]) -> int:
    command = importlib.import_module(COMMANDS[name])
    parser = OneLineParser(
        prog=f"recbole-ile {name}",
        description=command.HELP,
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    command.add_arguments(parser)
    arguments, rest = parser.parse_known_args(words)
    return command.main(arguments, rest)
