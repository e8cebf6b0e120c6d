"""What items are called, if the data set tells."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from recbole_ile.errors import InputError
from recbole_ile.plugin.data.atomic_parser import missing_of, read_csv, unreadable

TITLES = ("title", "name")
"""A column whose name holds one of these words says what an item is called."""


def item_titles(config: Any, dataset: Any) -> np.ndarray | None:
    """Return ``[n + 1]`` titles of items by RecBole's id, empty where there is none; ``None`` if no column holds any.

    They are in the ``.item`` file, whichever of its columns a model needs and has loaded.

    Args:
        config: tells where the file is, and how it is written.
        dataset: RecBole's, which knows the original ids.

    Raises:
        InputError: if the file cannot be read.
    """
    path = Path(config["data_path"]) / f"{config['dataset']}.item"
    if not path.is_file():
        return None
    separator, encoding = config["field_separator"], config["encoding"] or "utf-8"
    try:
        with open(path, encoding=encoding) as file:
            header = file.readline().rstrip("\n").split(separator)
        names = {column.partition(":")[0]: column for column in header}
        field = title_field(names)
        if field is None or dataset.iid_field not in names:
            return None
        columns = [names[dataset.iid_field], names[field]]
        keywords = {"delimiter": separator, "encoding": encoding, "usecols": columns, "engine": "python"}
        table = read_csv(pd.read_csv, str(path), dtype=dict.fromkeys(columns, str), **keywords)[columns]
    except (UnicodeDecodeError, LookupError) as error:
        raise unreadable(path, encoding, error) from error
    except InputError:
        raise
    except (ValueError, OSError) as error:
        raise InputError(f"file {path} cannot be read: {' '.join(str(error).split())}") from error
    missing = missing_of(names[field])
    found = table.drop_duplicates(columns[0]).set_index(columns[0])[columns[1]].replace(missing, np.nan)
    tokens = dataset.field2id_token[dataset.iid_field].astype(str)
    return found.reindex(tokens).fillna("").to_numpy(dtype=object).astype(str)


def titles_if_readable(config: Any, dataset: Any) -> np.ndarray | None:
    """Return what ``item_titles`` does, or ``None`` and a warning for a file that no run shall fail for."""
    try:
        return item_titles(config, dataset)
    except InputError as error:
        logging.getLogger().warning(f"items are shown by id: {error}")
        return None


def title_field(names: Iterable[str]) -> str | None:
    """Return the first column that says what an item is called, a title rather than another name."""
    return next((name for word in TITLES for name in names if word in name.lower()), None)
