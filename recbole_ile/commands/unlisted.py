"""What ``recommend`` says of users who get no list."""

from __future__ import annotations

from typing import Any

from recbole_ile.errors import InputError
from recbole_ile.texts import printable

NAMED = 3
"""Users without a list that are named."""


def without_lists(lists: Any, dataset: Any, model: str) -> str:
    """Return a line on the users who get no list, empty if all get one.

    Args:
        lists: a ``Recommender``.
        dataset: RecBole's, which knows the original ids.
        model: its name.

    Raises:
        InputError: if nobody gets one.
    """
    skipped = dataset.field2id_token[dataset.uid_field][lists.without_sequence.numpy()]
    named = ", ".join(map(printable, skipped[:NAMED].tolist())) + (" and others" if len(skipped) > NAMED else "")
    if not len(lists.users):
        raise InputError(
            f"option users: {model} needs interactions to be continued, of which there are none for {named}"
        )
    told = f"users without interactions to be continued, who get no list: {len(skipped)} ({named})"
    return told if len(skipped) else ""
