"""Tables that a caller has in memory as a data set of atomic files, in a folder named by what they hold."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from recbole_ile.errors import InputError
from recbole_ile.fetching.atomic import FIELDS, write_interactions
from recbole_ile.fetching.conversion import read_frame
from recbole_ile.fetching.feature_frames import features_text
from recbole_ile.fetching.interactions import Interactions
from recbole_ile.fetching.sources import PACKAGED, check_name
from recbole_ile.fetching.staging import staging
from recbole_ile.plugin.data.tables import arrow_table
from recbole_ile.texts import printable

NAME = "frames"
"""What the data set is called if nobody says another name."""


def keep_frames(
    folder: Path, name: str, interactions: Any, users: Any = None, items: Any = None, fields: Mapping[str, str] = FIELDS
) -> Path:
    """Write tables as the atomic files of a data set, and return the folder that holds it.

    The folder is named by a digest of what the files hold: the same tables have the same one, whoever writes them, and
    other tables never replace them. Interactions are what ``fetch`` makes of the same rows in a file; rows that are
    none are left out, counted, and told by their number in a warning.

    Args:
        folder: where the new one is made.
        name: of the data set.
        interactions: a table as for ``arrow_table``, with users, items and perhaps ratings and timestamps, in columns
            called as in ``fields`` or as ``fetch`` finds them.
        users: a table of users with their features, or ``None``.
        items: a table of items, or ``None``.
        fields: by role, what the columns of the files are called.

    Raises:
        InputError: for a name that is not allowed, a table that cannot be read, or one without interactions.
    """
    check_name(name)
    if name == PACKAGED:
        raise InputError(f"option dataset={name}: RecBole reads its own copy under this name; give the frames another")
    table = arrow_table(interactions, "option interactions")
    names = {column.partition(":")[0] for column in table.column_names}
    columns = {role: field for role, field in fields.items() if field in names}
    found = read_frame(table, columns, "option interactions")
    if not len(found.interactions.users):
        raise InputError(f"option interactions: no interaction is left ({found.malformed})")
    if found.malformed.count:
        logging.getLogger().warning(printable(f"option interactions: {found.malformed}; left out"))
    texts = {
        kind: features_text(arrow_table(given, f"option {kind}s"), kind, fields[kind], f"option {kind}s")
        for kind, given in (("user", users), ("item", items))
        if given is not None
    }
    place = folder / _digest(found.interactions, fields, texts)
    with staging(place / name) as staged:
        write_interactions(found.interactions, staged / f"{name}.inter", fields)
        for kind, text in texts.items():
            (staged / f"{name}.{kind}").write_text(text, encoding="utf-8", newline="\n")
    return place


def _digest(interactions: Interactions, fields: Mapping[str, str], texts: Mapping[str, str]) -> str:
    """Return what names the content of the files: equal digests, equal files."""
    digest = hashlib.sha256(json.dumps([dict(fields), dict(texts), list(interactions.values)]).encode())
    sides = ((interactions.users, interactions.user_ids), (interactions.items, interactions.item_ids))
    for numbers, names in sides:
        met, order = pd.factorize(numbers)  # the numbers of categories are in another order than those of texts
        digest.update(json.dumps([names[number] for number in order]).encode())
        digest.update(met.data)
    for column in interactions.values.values():
        digest.update(np.ascontiguousarray(column).data)
    return digest.hexdigest()[:32]
