"""Look at the atomic files before RecBole reads them, so that what is wrong can be said in one line."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import Any

from recbole.utils import FeatureType, ModelType

from recbole_ile.errors import InputError, near_miss
from recbole_ile.plugin.catalogue.properties import defaults
from recbole_ile.plugin.config.needed_columns import FEATURE_COLUMNS, check_needed
from recbole_ile.plugin.data.atomic_parser import misspelt_number, unreadable

OF_GRAPH = ("HEAD_ENTITY_ID_FIELD", "RELATION_ID_FIELD", "TAIL_ENTITY_ID_FIELD")
"""The settings that name the columns of a knowledge graph's file."""
_HEADER = "user_id:token<TAB>item_id:token"


def check_files(config: Any) -> None:
    """Check the atomic files that RecBole will read: that they are there, their headers, and the needed columns.

    The lines below the headers are looked at when they are read, by ``atomic_parser``.

    Raises:
        InputError: names the file, what is wrong and what is expected.
    """
    folder, name = Path(config["data_path"]), config["dataset"]
    parts = config["benchmark_filename"]
    user, item = "USER_ID_FIELD", "ITEM_ID_FIELD"
    for suffix in [""] if parts is None else [f".{part}" for part in parts]:
        path = folder / f"{name}{suffix}.inter"
        if not path.is_file():
            raise InputError(_missing(path, config))
        check_file(path, (user, item), config)
    for kind, key in (("user", user), ("item", item)):
        path = folder / f"{name}.{kind}"
        named = [option for option, of in FEATURE_COLUMNS.items() if of == kind and config[option]]
        if named and not path.is_file():
            raise InputError(f"{named[0]} {config[named[0]]} is a column of {path}, and there is no such file")
        if path.is_file() and kind in (config["load_col"] or (kind,)):
            columns = check_file(path, (key,), config)
            for option in named:
                if config[option] not in columns:
                    raise InputError(
                        f"{option} {config[option]} is no column of {name}.{kind}{near_miss(config[option], columns)}; "
                        f"it has {', '.join(columns)}"
                    )
    if config["MODEL_TYPE"] is ModelType.KNOWLEDGE:
        for kind, needed in (("kg", OF_GRAPH), ("link", (item, "ENTITY_ID_FIELD"))):
            if (folder / f"{name}.{kind}").is_file():
                check_file(folder / f"{name}.{kind}", needed, config)
    check_needed(config)


def check_file(path: Path, required: tuple[str, ...], config: Any) -> list[str]:
    """Check the first lines of an atomic file and return the names of its columns.

    Args:
        path: the file.
        required: the settings that name its needed columns.
        config: those settings, the separator and the encoding.

    Raises:
        InputError: names the file, the line or column, and what is expected.
    """
    encoding = config["encoding"] or "utf-8"
    try:
        with open(path, encoding=encoding) as file:
            header = file.readline().rstrip("\n")
            columns = _check_header(path, header, required, config)
            first = next((line for line in file if line.strip()), None)
    except (UnicodeDecodeError, LookupError, OSError) as error:
        raise unreadable(path, encoding, error) from error
    if first is None:
        raise InputError(f"{path} has a header but no lines below it")
    if first.rstrip("\n") == header:
        raise InputError(f"{path}: the header stands there twice; delete the second")
    return columns


def reading_error(path: str, error: Exception, config: Any) -> InputError:
    """Return what to say of an atomic file that RecBole cannot read: the line and the column where they are known.

    Args:
        path: the file.
        error: that RecBole or pandas raised.
        config: the separators and the encoding.
    """
    if isinstance(error, InputError):
        return error
    try:
        check_file(Path(path), (), config)
        separators = config["field_separator"], config["seq_separator"]
        where = misspelt_number(path, separators[0], config["encoding"] or "utf-8", separators[1])
    except InputError as found:
        return found
    reason = " ".join(str(error).split()) or type(error).__name__
    return InputError(f"{path}: {where}" if where else f"{path} cannot be read: {reason}")


def _check_header(path: Path, header: str, required: tuple[str, ...], config: Any) -> list[str]:
    if header.startswith("\ufeff"):
        raise InputError(f"{path} starts with a byte-order mark; save it as UTF-8 without one")
    columns = header.split(config["field_separator"])
    names = [column.rpartition(":")[0] for column in columns]
    for column, name in zip(columns, names, strict=True):
        kind = column.rpartition(":")[2]
        if not name or kind not in [known.value for known in FeatureType]:
            raise InputError(f"{path}: column {column!r} of the header is not `name:type`, as in {_HEADER}")
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise InputError(f"{path}: the header names column {repeated[0]} {names.count(repeated[0])} times")
    for key in required:
        if config[key] not in names:
            raise InputError(
                f"{path} has no column {config[key]} ({key}){near_miss(config[key], names)}; it has {', '.join(names)}"
            )
    return names


def check_loaded(dataset: Any, path: Path) -> None:
    """Refuse a header that was read as an interaction, further down than ``check_files`` looks.

    Raises:
        InputError: names the file and the value.
    """
    for field in (dataset.uid_field, dataset.iid_field):
        for kind in FeatureType:
            if f"{field}:{kind.value}" in dataset.field2token_id[field]:
                raise InputError(f"{path}: the header is repeated among the interactions ({field}:{kind.value})")


def _missing(path: Path, config: Any) -> str:
    name, root = config["dataset"], Path(config["data_path"]).parent
    present = sorted(entry.name for entry in root.iterdir() if entry.is_dir()) if root.is_dir() else []
    fetched = list(defaults("fetch/sources.yaml"))
    place = "" if root == Path("dataset") else f" --data_path={shlex.quote(str(root))}"
    remedy = (
        f"recbole-ile fetch {name}{place} gets it"
        if name in fetched
        else f"recbole-ile fetch {name} --from=<file>{place} converts a zip, dat, csv, tsv or json.gz file"
    )
    return (
        f"dataset {name} not found{near_miss(name, [*present, *fetched])}: looked for {os.path.abspath(path)}, a text "
        f"file whose first line is {_HEADER}; {remedy}; or say where it lies with --data_path=<the folder that holds "
        f"{name}/>; RecBole-formatted data sets are linked at https://recbole.io/dataset_list.html, ml-100k comes "
        "with RecBole"
    )
