"""The command line: which command, its options, and what a user sees when something is wrong."""

from __future__ import annotations

import argparse
import contextlib
import errno
import io
import sys
from collections.abc import Iterator, Sequence

from recbole_ile.signals import follows_from_interruption, interrupting, say
from recbole_ile.texts import one_line

NAMES = (
    *("run", "sweep", "compare", "recommend", "export", "rerank", "evaluate", "fetch", "data"),
    *("doctor", "help", "completion"),
)
COMMANDS = {name: f"recbole_ile.commands.{name}" for name in NAMES}
DEFAULT = "run"
INTERRUPTED = 130
"""The exit code of a command that Ctrl-C ended."""
SHOWN_VERSIONS = ("recbole_ile", "recbole", "torch")
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
    with interrupting() as interruptions:
        try:
            code = _print_versions() if words == ["--version"] else _run_command(*_named_command(words))
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


def _run_command(name: str, words: list[str]) -> int:
    from recbole_ile.commands.parsers import load_command, parser_of
    from recbole_ile.plugin.runs.guest import leaving_no_trace

    parser = parser_of(name, COMMANDS)
    arguments, rest = parser.parse_known_args(words, argparse.Namespace(words=[name, *words]))
    with leaving_no_trace():
        return load_command(COMMANDS[name]).main(arguments, rest)


def _named_command(words: list[str]) -> tuple[str, list[str]]:
    """Return the command and what is behind it; without a command, options mean ``run``.

    Raises:
        InputError: for a first word that is neither, once the list of commands is printed.
    """
    from recbole_ile.errors import InputError, near_miss

    if words and words[0] in COMMANDS:
        return words[0], words[1:]
    if not words or words in (["-h"], ["--help"]):
        return "help", []
    if words[0].startswith("-"):
        return DEFAULT, words
    from recbole_ile.commands.help import overview

    print(overview(COMMANDS), flush=True)
    raise InputError(f"unknown command {words[0]}{near_miss(words[0], COMMANDS)}; there are {', '.join(COMMANDS)}")


def _print_versions() -> int:
    from recbole_ile.plugin.runs.versions import versions

    found = versions()
    print("\n".join(f"{package} {found[package]}" for package in SHOWN_VERSIONS if package in found))
    return 0
