"""Look at the atomic files before RecBole reads them, so that what is wrong can be said in one line."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from recbole.utils import FeatureType

from recbole_ile.errors import InputError, near_miss

_HEADER = "user_id:token<TAB>item_id:token"


def check_interactions(config: Any) -> None:
    """Check that the interaction files exist, have a usable header, the needed columns and content.

    Raises:
        InputError: names the file, what is wrong and what is expected.
    """
    parts = config["benchmark_filename"]
    suffixes = [""] if parts is None else [f".{part}" for part in parts]
    for suffix in suffixes:
        check_file(Path(config["data_path"]) / f"{config['dataset']}{suffix}.inter", config)


def check_file(path: Path, config: Any) -> None:
    """Check one ``.inter`` file; see ``check_interactions``."""
    if not path.is_file():
        raise InputError(_missing(path, config))
    separator = config["field_separator"]
    try:
        with open(path, encoding=config["encoding"] or "utf-8") as file:
            header, first = file.readline().rstrip("\n"), file.readline()
    except (UnicodeDecodeError, OSError) as error:
        raise InputError(f"{path} cannot be read as text: {error}") from error
    columns = header.split(separator)
    names = [column.rpartition(":")[0] for column in columns]
    for column, name in zip(columns, names, strict=True):
        kind = column.rpartition(":")[2]
        if not name or kind not in [known.value for known in FeatureType]:
            raise InputError(f"{path}: column {column!r} of the header is not `name:type`, as in {_HEADER}")
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise InputError(f"{path}: the header names column {repeated[0]} {names.count(repeated[0])} times")
    for key in ("USER_ID_FIELD", "ITEM_ID_FIELD"):
        if config[key] not in names:
            raise InputError(
                f"{path} has no column {config[key]} ({key}){near_miss(config[key], names)}; it has {', '.join(names)}"
            )
    if first.rstrip("\n") == header:
        raise InputError(f"{path}: the header stands there twice; delete line 2")
    if not first.strip():
        raise InputError(f"{path} has a header but no interactions")


def check_loaded(dataset: Any, path: Path) -> None:
    """Refuse a header that was read as an interaction, further down than ``check_file`` looks.

    Raises:
        InputError: names the file and the value.
    """
    for field in (dataset.uid_field, dataset.iid_field):
        for kind in FeatureType:
            if f"{field}:{kind.value}" in dataset.field2token_id[field]:
                raise InputError(f"{path}: the header is repeated among the interactions ({field}:{kind.value})")


def _missing(path: Path, config: Any) -> str:
    root = Path(config["data_path"]).parent
    present = sorted(entry.name for entry in root.iterdir() if entry.is_dir()) if root.is_dir() else []
    return (
        f"dataset {config['dataset']} not found{near_miss(config['dataset'], present)}: looked for "
        f"{os.path.abspath(path)}, a text file whose first line is {_HEADER}; put it there, or say where it lies "
        f"with --data_path=<the folder that holds {config['dataset']}/>; RecBole-formatted data sets are linked "
        "at https://recbole.io/dataset_list.html, ml-100k comes with RecBole"
    )
