"""The split of a data set as files: of RecBole's, which ``run`` reads back, and of any other program's."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from recbole.utils import FeatureSource, FeatureType

from recbole_ile.errors import InputError
from recbole_ile.experiments.data.reading import interaction_files, read_data
from recbole_ile.fetching.staging import staging
from recbole_ile.plugin.config.config import IleConfig
from recbole_ile.plugin.data.atomic_parser import read_csv
from recbole_ile.plugin.data.checksummed_file import file_digest
from recbole_ile.plugin.data.file_rows import remembered
from recbole_ile.plugin.data.split_ids import KINDS, SPLIT
from recbole_ile.plugin.runs.preparation import read_dataset
from recbole_ile.texts import printable

ROW = "recbole_ile row of the file"
PARTS = ("train", "valid", "test")


class Split(NamedTuple):
    """The split of a data set.

    Attributes:
        dataset: the whole of it, RecBole's.
        rows: by part the ``[P]`` rows of the file of interactions, in the order in which RecBole has them.
    """

    dataset: Any
    rows: dict[str, np.ndarray]


def split_rows(config: IleConfig) -> Split:
    """Split a data set as a run with the same settings and seed does, and tell which rows of its file each part has.

    Raises:
        InputError: for data that are split already, or that leave a part empty.
    """
    if config["benchmark_filename"] is not None:
        raise InputError(f"option benchmark_filename={config['benchmark_filename']} names files that are split already")
    dataset = read_data(config, _read_with_rows)
    rows = {name: part.inter_feat[ROW].numpy() for name, part in zip(PARTS, dataset.build(), strict=True)}
    for part, each in rows.items():
        if not len(each):
            raise InputError(
                f"option eval_args={config['eval_args']}: the {part} part of {config['dataset']} is empty, and RecBole "
                "reads no file without rows"
            )
    return Split(dataset, rows)


def _read_with_rows(config: Any) -> Any:
    """Return RecBole's data set with one column more, the rows of its file, which go where the interactions go."""
    with remembered() as kept:
        dataset = read_dataset(config)
    (rows,) = kept
    dataset.inter_feat[ROW] = rows
    dataset.set_field_property(ROW, FeatureType.TOKEN, FeatureSource.INTERACTION, 1)
    return dataset


def write_split(config: IleConfig, split: Split, folder: Path, plain: bool = False) -> list[Path]:
    """Write the parts of a data set as RecBole's benchmark files, with users and items in the order of their ids.

    ``<name>.train.inter`` and its kind hold the rows of the data set's own file with all their columns, as they stand
    there; ``<name>.user`` and ``<name>.item`` a row for each id, with the columns of the files of this name if there
    are such. ``<name>.split.json`` says what was split, how and from which seed, and has digests of the other files.

    Args:
        config: of the data set.
        split: its parts.
        folder: where to, whose name is that of the new data set; all files appear there at once, or none.
        plain: whether each part is written as csv, too, ``train.csv`` say.

    Returns:
        The paths.

    Raises:
        InputError: for a row that an atomic file cannot hold, or a folder that cannot be written.
    """
    name, separator = folder.name, config["field_separator"]
    (source,) = interaction_files(config)
    table = _texts(source, config)
    with staging(folder) as staged:
        for part, rows in split.rows.items():
            own = table.iloc[rows]
            _write(own, staged / f"{name}.{part}.inter", separator, source)
            if plain:
                headings = {column: column.rpartition(":")[0] for column in own}
                own.rename(columns=headings).to_csv(
                    staged / f"{part}.csv", index=False, lineterminator="\n", encoding="utf-8"
                )
        for kind in KINDS:
            path = Path(config["data_path"]) / f"{config['dataset']}.{kind}"
            _write(_features(config, split.dataset, kind, path), staged / f"{name}.{kind}", separator, path)
        written = sorted(path.name for path in staged.iterdir())
        content = {
            "dataset": config["dataset"],
            "seed": config["seed"],
            "eval_args": config["eval_args"],
            "options": {key: str(value) for key, value in config.external_config_dict.items() if key != "data_path"},
            "rows": {part: len(rows) for part, rows in split.rows.items()},
            "with_interactions": {kind: _with_interactions(split.dataset, kind) for kind in KINDS},
            "sha256": {file: file_digest(staged / file).hex() for file in written},
        }
        (staged / f"{name}.{SPLIT}").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return [folder / file for file in (*written, f"{name}.{SPLIT}")]


def _texts(path: Path, config: IleConfig) -> pd.DataFrame:
    """Return an atomic file as the texts in its fields, row by row as RecBole reads it."""
    with open(path, encoding=config["encoding"]) as file:
        columns = file.readline().rstrip("\n").split(config["field_separator"])
    return read_csv(
        pd.read_csv,
        str(path),
        delimiter=config["field_separator"],
        usecols=columns,
        dtype=dict.fromkeys(columns, str),
        encoding=config["encoding"],
        engine="python",
    ).fillna("")


def _features(config: IleConfig, dataset: Any, kind: str, path: Path) -> pd.DataFrame:
    """Return the rows of a data set's users or items in the order of their ids, with the columns of their file."""
    field = _field(dataset, kind)
    heading, ids = f"{field}:token", dataset.field2id_token[field][1:]
    if not path.is_file():
        return pd.DataFrame({heading: ids})
    known = _texts(path, config).drop_duplicates(heading).set_index(heading)
    return known.reindex(ids, fill_value="").rename_axis(heading).reset_index()


def _field(dataset: Any, kind: str) -> str:
    return dataset.uid_field if kind == "user" else dataset.iid_field


def _with_interactions(dataset: Any, kind: str) -> int:
    """Return how many ids have interactions; RecBole numbers them before those that only a file of features has."""
    return int(dataset.inter_feat[_field(dataset, kind)].max())


def _write(table: pd.DataFrame, path: Path, separator: str, source: Path) -> None:
    quoted = [column for column in table if table[column].str.startswith('"').any()]
    try:
        if quoted:
            raise csv.Error(f"column {quoted[0]} has a field that begins with a quote")
        table.to_csv(path, sep=separator, index=False, lineterminator="\n", quoting=csv.QUOTE_NONE, encoding="utf-8")
    except csv.Error as error:
        raise InputError(f"{source} cannot be written again as an atomic file: {printable(error)}") from error
