"""The command line: which command, its options, and what a user sees when something is wrong."""

from __future__ import annotations

import argparse
import contextlib
import errno
import importlib
import io
import sys
from collections.abc import Iterator, Sequence
from typing import NoReturn

from recbole_ile.signals import follows_from_interruption, interrupting, say
from recbole_ile.texts import one_line

NAMES = ("run", "sweep", "compare", "recommend", "rerank", "evaluate", "fetch", "doctor")
COMMANDS = {name: f"recbole_ile.commands.{name}" for name in NAMES}
DEFAULT = "run"
INTERRUPTED = 130
"""The exit code of a command that Ctrl-C ended."""
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES)
"""Full disks and forbidden folders, wherever they are met: the user has to mend them, as any wrong input."""


@contextlib.contextmanager
def _any_name_shown() -> Iterator[None]:
    """Within this context a name that the terminal cannot show is no reason to fail."""
    streams = [each for each in (sys.stdout, sys.stderr) if isinstance(each, io.TextIOWrapper)]
    before = [each.errors for each in streams]
    for stream in streams:
        stream.reconfigure(errors="replace")
    try:
        yield
    finally:
        for stream, errors in zip(streams, before, strict=True):
            stream.reconfigure(errors=errors)


@_any_name_shown()
def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code: 0 done, 1 failed, 2 wrong input, 128 + signal interrupted.

    SIGTERM and SIGHUP interrupt as Ctrl-C does: 143, 129 and 130.

    Args:
        argv: the words after the program's name, ``sys.argv[1:]`` by default.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in words
    words = [word for word in words if word != "--debug"]
    name = words.pop(0) if words and words[0] in COMMANDS else DEFAULT
    with interrupting() as interruptions:
        try:
            code = _run_command(name, words)
            return interruptions.exit_code if code == INTERRUPTED else code
        except KeyboardInterrupt as interruption:
            say(one_line(" ".join(["interrupted;", *map(str, interruption.args)]).rstrip(";")))
            return interruptions.exit_code
        except Exception as error:
            from recbole_ile.errors import InputError, MachineLost

            if debug:
                raise
            if follows_from_interruption(error):  # of a terminal that was closed, for example
                say("interrupted")
                return interruptions.exit_code
            wrong_input = isinstance(error, InputError) or getattr(error, "errno", None) in NO_ROOM
            told = wrong_input or isinstance(error, MachineLost)
            reason = str(error) if told else f"{type(error).__name__}: {error} (--debug shows where)"
            say(f"error: {one_line(reason)}")
            return 2 if wrong_input else 1


class OneLineParser(argparse.ArgumentParser):
    """A parser whose errors are one line, as all others are."""

    def error(self, message: str) -> NoReturn:
        """Raise instead of printing the usage."""
        from recbole_ile.errors import InputError

        raise InputError(message)


def _run_command(name: str, words: list[str]) -> int:
    from recbole_ile.plugin.runs.guest import leaving_no_trace

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
    with leaving_no_trace():
        return command.main(arguments, rest)
