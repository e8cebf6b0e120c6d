"""What a value may be, and the words for it: the rules that tables of options are made of."""

from __future__ import annotations

import math
import reprlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from recbole_ile.errors import InputError, near_miss

LARGEST = 3.4e38
"""About the largest number of 32 bits, in which models calculate."""
HEAVY = 1e9
"""The largest weight of one part of a score or loss: next to it, single precision keeps nothing of the other part."""


class Rule(NamedTuple):
    """What an option takes.

    Attributes:
        allows: tells whether it takes a value.
        takes: says what it takes, as the object of a sentence.
        names: the texts that it takes, where these are all; the one nearest to a wrong one is named.
    """

    allows: Callable[[Any], bool]
    takes: str
    names: tuple[str, ...] = ()


def check(rule: Rule, option: str, value: Any) -> None:
    """Compare a value with a rule.

    Raises:
        InputError: names the option, the value, what is allowed and the near miss.
    """
    if not rule.allows(value):
        miss = near_miss(str(value), rule.names) if rule.names else ""
        raise InputError(f"option {option}={shown(value)} is not allowed{miss}; it takes {rule.takes}")


def shown(value: Any) -> str:
    """Return a value as Python writes it, cut to the length of a line."""
    return _SHORT.repr(value)


_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = _SHORT.maxlong = 80
_SHORT.maxlist = _SHORT.maxtuple = _SHORT.maxdict = 12


def number(lowest: float = -LARGEST, highest: float = LARGEST, *, inclusive: bool = True, below: bool = False) -> Rule:
    """A number in a range, whose ends belong to it unless ``inclusive`` is false (the lowest) or ``below`` is true."""

    def allows(value: Any) -> bool:
        if not _is_number(value):
            return False
        return (value >= lowest if inclusive else value > lowest) and (value < highest if below else value <= highest)

    return Rule(allows, f"a number{_range(lowest, highest, inclusive, below)}")


def whole(lowest: int | None = None, highest: int | None = None) -> Rule:
    """A whole number in a range, the ends included."""
    low, high = -math.inf if lowest is None else lowest, math.inf if highest is None else highest
    return Rule(
        lambda value: isinstance(value, int) and not isinstance(value, bool) and low <= value <= high,
        f"a whole number{_range(low, high, True, False)}",
    )


def truth() -> Rule:
    """True or False, or 1 or 0, which RecBole takes for them."""
    return Rule(lambda value: isinstance(value, int) and value in (0, 1), "True or False")


def text() -> Rule:
    """A text that is not empty."""
    return Rule(lambda value: isinstance(value, str) and bool(value), "a text")


def one_of(*names: str, exactly: bool = True) -> Rule:
    """One of a few texts, in any case of letters unless ``exactly``."""
    known = names if exactly else tuple(name.lower() for name in names)

    def allows(value: Any) -> bool:
        return isinstance(value, str) and (value if exactly else value.lower()) in known

    return Rule(allows, ", ".join(names), names)


def or_none(rule: Rule) -> Rule:
    """What the rule takes, or nothing."""
    return Rule(lambda value: value is None or rule.allows(value), f"{rule.takes}, or None", rule.names)


def either(*rules: Rule) -> Rule:
    """What any of the rules takes."""
    return Rule(
        lambda value: any(rule.allows(value) for rule in rules),
        " or ".join(rule.takes for rule in rules),
        tuple(name for rule in rules for name in rule.names),
    )


def list_of(rule: Rule, *, length: int | None = None, empty: bool = False) -> Rule:
    """A list of what the rule takes."""

    def allows(value: Any) -> bool:
        if not isinstance(value, list | tuple) or not (value or empty):
            return False
        return (length is None or len(value) == length) and all(map(rule.allows, value))

    many = f" of {length}, each" if length else (", which may be empty, each entry" if empty else ", each entry")
    return Rule(allows, f"a list{many} {rule.takes}")


def table_of(rule: Rule, entry: str = "column") -> Rule:
    """A dictionary from texts to what the rule takes."""

    def allows(value: Any) -> bool:
        return isinstance(value, dict) and all(
            isinstance(key, str) and rule.allows(each) for key, each in value.items()
        )

    return Rule(allows, f"a dictionary of the form {{{entry}: value}}, each value {rule.takes}")


def existing_file() -> Rule:
    """The path of a file that is there."""
    return Rule(lambda value: isinstance(value, str) and Path(value).is_file(), "the path of a file that exists")


def of_kind(default: Any) -> Rule | None:
    """Return the rule that follows from the type of a default, ``None`` for a default that tells nothing.

    A whole number as the default takes fractions too: RecBole writes ``1`` where it means ``1.0``.
    """
    if isinstance(default, bool):
        return truth()
    if isinstance(default, int | float):
        return number()
    if isinstance(default, str):
        return Rule(lambda value: isinstance(value, str), f"a text such as {default!r}")
    if isinstance(default, list | tuple):
        return _list_like(default)
    if isinstance(default, dict):
        return Rule(lambda value: isinstance(value, dict), f"a dictionary such as {shown(default)}")
    return None


def _list_like(default: list[Any] | tuple[Any, ...]) -> Rule:
    rule = of_kind(default[0]) if default else None
    like = f"a list such as {shown(list(default))}"
    return Rule(lambda value: isinstance(value, list | tuple) and (rule is None or all(map(rule.allows, value))), like)


def _is_number(value: Any) -> bool:
    """Tell whether a value is a number that is finite; whole ones may be of any size."""
    if isinstance(value, bool):
        return False
    return isinstance(value, int) or (isinstance(value, float) and math.isfinite(value))


def _range(lowest: float, highest: float, inclusive: bool, below: bool) -> str:
    bounds = []
    if math.isfinite(lowest):
        bounds.append(f"{'at least' if inclusive else 'above'} {lowest:.10g}")
    if math.isfinite(highest):
        bounds.append(f"{'below' if below else 'at most'} {highest:.10g}")
    text = " and ".join(bounds)
    return f" {'of ' if text.startswith('at') else ''}{text}" if text else ""
