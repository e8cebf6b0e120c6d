"""The order of users and items of a split that was written as files, which the files of its parts do not show."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from recbole_ile.errors import InputError
from recbole_ile.plugin.data.atomic_parser import read_csv
from recbole_ile.plugin.data.checksummed_file import file_digest

SPLIT = "split.json"
"""Ends the name of the file that describes a split."""
KINDS = ("user", "item")


def ids_of_split(config: Any) -> dict[str, np.ndarray] | None:
    """Return the ids of users and items in the order of the data set that was split, for parts in files of their own.

    RecBole numbers ids in the order in which files have them. Where counts or scores are equal, groups and lists go by
    that number, so that another order gives other metrics.

    Args:
        config: the data set and how it is read.

    Returns:
        By the field of users and that of items their ids; ``None`` where no description of a split lies beside the
        files, or one of them was changed since, which is told.

    Raises:
        InputError: for a description that cannot be read.
    """
    parts, folder, name = config["benchmark_filename"], Path(config["data_path"]), config["dataset"]
    path = folder / f"{name}.{SPLIT}"
    if parts is None or not path.is_file():
        return None
    try:
        described = json.loads(path.read_text(encoding="utf-8"))
        digests = {str(file): str(digest) for file, digest in described["sha256"].items()}
        numbers = {kind: int(described["with_interactions"][kind]) for kind in KINDS}
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(
            f"{path} is damaged: {error!r}; without it, users and items are numbered in the order of the other files"
        ) from error
    needed = [f"{name}.{part}.inter" for part in parts] + [f"{name}.{kind}" for kind in KINDS]
    changed = [file for file in needed if not _is(folder / file, digests.get(file))]
    if changed:
        logging.getLogger().warning(
            f"{', '.join(changed)} in {folder} is not as {path.name} describes it, so that users and items are "
            "numbered in the order of the files; where counts or scores are equal, results differ from those of the "
            "data set that was split"
        )
        return None
    found = {}
    for kind in KINDS:
        field = config[f"{kind.upper()}_ID_FIELD"]
        ids = _ids(folder / f"{name}.{kind}", f"{field}:token", config)
        loaded = config["load_col"] is None or kind in config["load_col"]
        found[field] = ids if loaded else ids[: numbers[kind]]
    return found


def _is(path: Path, digest: str | None) -> bool:
    return digest is not None and path.is_file() and file_digest(path).hex() == digest


def _ids(path: Path, column: str, config: Any) -> np.ndarray:
    """Return ``[n]`` ids of a file of users or items."""
    table = read_csv(
        pd.read_csv,
        str(path),
        delimiter=config["field_separator"],
        usecols=[column],
        dtype={column: str},
        encoding=config["encoding"],
        engine="python",
    )
    return table[column].to_numpy(dtype=object)
