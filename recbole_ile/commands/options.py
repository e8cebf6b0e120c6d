"""Options of the configuration on the command line: ``--key=value`` and ``--key value``."""

from __future__ import annotations

from recbole_ile.errors import InputError


def parse_options(arguments: list[str]) -> dict[str, str]:
    """Read what is left of a command line as options of the configuration; values stay strings.

    Raises:
        InputError: for a word that is no option, an option without a value, or one given twice with
            different values.
    """
    options: dict[str, str] = {}
    words = iter(arguments)
    for word in words:
        if not word.startswith("--") or word == "--":
            raise InputError(f"unexpected argument {word}; an option is written --key=value or --key value")
        key, equals, value = word[2:].partition("=")
        if not equals:
            following = next(words, None)
            if following is None or following.startswith("--"):
                raise InputError(f"option --{key} has no value; write --{key}=value")
            value = following
        if options.get(key, value) != value:
            raise InputError(f"option --{key} is given twice, as {options[key]} and as {value}")
        options[key] = value
    return options
