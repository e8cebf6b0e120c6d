"""Read a data set as a run would, and the times in its files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from recbole_ile.plugin.config.config import IleConfig
from recbole_ile.plugin.data.atomic_files import check_file, reading_error
from recbole_ile.plugin.data.atomic_parser import read_csv
from recbole_ile.plugin.runs.preparation import split_data
from recbole_ile.plugin.training.seeding import seed_everything


def read_data(config: IleConfig, read: Callable[[IleConfig], Any] | None = None) -> Any:
    """Read, filter and split a data set as a run with the same settings and seed does.

    Args:
        config: of the data set.
        read: returns RecBole's data set instead, before it is split.

    Returns:
        RecBole's data set, whose ``build()`` returns the three parts.

    Raises:
        InputError: if a file is missing or malformed, or the settings do not fit the data.
    """
    seed_everything(config)
    return split_data(config, read)


def read_times(config: IleConfig) -> np.ndarray:
    """Return the times of all rows of a data set's files, also of those that a run leaves out; none without a column.

    RecBole's data set has 32 bits of each, and with ``normalize_all`` a place between 0 and 1.
    """
    found = []
    for path in interaction_files(config):
        column = f"{config['TIME_FIELD']}:float"
        if config["TIME_FIELD"] in check_file(path, (), config):
            try:
                found.append(read_column(path, column, config).dropna().to_numpy(float))
            except (ValueError, KeyError) as error:
                raise reading_error(str(path), error, config) from error
    return np.concatenate(found) if found else np.zeros(0)


def interaction_files(config: IleConfig) -> list[Path]:
    """Return the files of a data set's interactions: one, or that of each part."""
    parts = [f".{part}" for part in config["benchmark_filename"] or ()] or [""]
    return [Path(config["data_path"]) / f"{config['dataset']}{part}.inter" for part in parts]


def read_column(path: Path, column: str, config: IleConfig) -> pd.Series:
    """Return a column of numbers of an atomic file, ``[N]`` float64.

    Args:
        path: of the file.
        column: as the header has it, ``timestamp:float``.
        config: the separator and the encoding.
    """
    return read_csv(
        pd.read_csv,
        str(path),
        delimiter=config["field_separator"],
        usecols=[column],
        dtype={column: np.float64},
        encoding=config["encoding"],
        engine="python",
    )[column]
