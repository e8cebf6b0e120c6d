"""What ``recommend`` says of users who get no list, and of items that are left out."""

from __future__ import annotations

from typing import Any

from recbole_ile.errors import InputError
from recbole_ile.texts import printable

NAMED = 3
"""Ids that are named."""
NO_SEQUENCE = "interactions to be continued"


def of_no_sequence(lists: Any, dataset: Any) -> list[str]:
    """Return the original ids of the users whom a sequential model has nothing of to continue.

    Args:
        lists: a ``Recommender``.
        dataset: RecBole's, which knows the original ids.
    """
    return dataset.field2id_token[dataset.uid_field][lists.without_sequence.numpy()].tolist()


def without_lists(skipped: list[str], lack: str, anybody: bool, model: str) -> str:
    """Return a line on the users who get no list, empty if all get one.

    Args:
        skipped: their original ids.
        lack: what they have none of.
        anybody: whether others get one.
        model: its name.

    Raises:
        InputError: if nobody gets one.
    """
    if not anybody:
        raise InputError(f"option users: {model} needs {lack}, of which there are none for {_named(skipped)}")
    return f"users without {lack}, who get no list: {some(skipped)}" if skipped else ""


def some(ids: list[str]) -> str:
    """Return how many ids there are, and the first of them."""
    return f"{len(ids)} ({_named(ids)})"


def _named(ids: list[str]) -> str:
    return ", ".join(map(printable, ids[:NAMED])) + (" and others" if len(ids) > NAMED else "")
