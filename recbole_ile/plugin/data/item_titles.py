"""What items are called in the ``.item`` file, whether or not a run loads it."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from recbole_ile.errors import InputError
from recbole_ile.plugin.data.atomic_lines import records

TITLES = ("title", "name")
"""A column whose name holds one of these says what an item is called."""


def item_titles(config: Any) -> dict[str, str]:
    """Return titles of items by id, as the ``.item`` file of the data set has them.

    Args:
        config: tells where the file lies and how it is written.

    Returns:
        Only items that have a title; none without such a file or column, and none, with a warning, if the file cannot
        be read, which no run fails for.
    """
    path = Path(config["data_path"]) / f"{config['dataset']}.item"
    if not path.is_file():
        return {}
    try:
        rows = records(str(path), config["field_separator"], config["encoding"] or "utf-8")
        header = [column.rpartition(":")[0] for column in next(rows).fields]
        item = header.index(config["ITEM_ID_FIELD"])
        title = next(place for place, name in enumerate(header) if any(each in name for each in TITLES))
        both = ((row.fields[item], row.fields[title]) for row in rows if len(row.fields) > max(item, title))
        return {name: text for name, text in both if text.strip()}
    except (StopIteration, ValueError):  # an empty file, or one without these columns
        return {}
    except (InputError, OSError, UnicodeError, LookupError) as error:
        logging.getLogger().warning(f"the titles of items in {path} cannot be read: {error}")
        return {}
