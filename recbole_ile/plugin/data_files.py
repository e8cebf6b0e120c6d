"""Look at the atomic files before RecBole reads them, so that what is wrong can be said in one line."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import Any

from recbole.utils import FeatureType

from recbole_ile.errors import InputError, near_miss
from recbole_ile.plugin.properties import defaults

_HEADER = "user_id:token<TAB>item_id:token"


def check_files(config: Any) -> None:
    """Check the atomic files that RecBole will read: headers, needed columns, and as many fields in every line.

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
        if (folder / f"{name}.{kind}").is_file() and kind in (config["load_col"] or (kind,)):
            columns = check_file(folder / f"{name}.{kind}", (key,), config)
            group_field = config["item_group_field"]
            if kind == "item" and group_field and group_field not in columns:
                raise InputError(
                    f"item_group_field {group_field} is no column of {name}.item{near_miss(group_field, columns)}; "
                    f"it has {', '.join(columns)}"
                )


def check_file(path: Path, required: tuple[str, ...], config: Any) -> list[str]:
    """Check one atomic file and return the names of its columns.

    Args:
        path: the file.
        required: the settings that name its needed columns.
        config: those settings, the separator and the encoding.

    Raises:
        InputError: names the file, the line or column, and what is expected.
    """
    separator = config["field_separator"]
    try:
        with open(path, encoding=config["encoding"] or "utf-8") as file:
            header = file.readline().rstrip("\n")
            columns = _check_header(path, header, required, config)
            first, wrong, unclosed = None, [], []
            for number, line in enumerate(file, start=2):
                if line == "\n":
                    continue
                first = first or line
                if line.count(separator) != len(columns) - 1:
                    wrong.append(number)
                if '"' in line and any(map(_is_unclosed, line.rstrip("\n").split(separator))):
                    unclosed.append(number)
    except (UnicodeDecodeError, LookupError, OSError) as error:
        raise InputError(f"{path} cannot be read as text (option encoding={config['encoding']!r}): {error}") from error
    if wrong and len(separator) == 1:
        lines = _first_of(wrong)
        raise InputError(f"{path}: {len(wrong)} lines have not the {len(columns)} fields of the header: {lines}")
    if unclosed:
        lines = _first_of(unclosed)
        raise InputError(f"{path}: {len(unclosed)} lines have a field whose quotation mark does not close: {lines}")
    if first is None:
        raise InputError(f"{path} has a header but no lines below it")
    if first.rstrip("\n") == header:
        raise InputError(f"{path}: the header stands there twice; delete the second")
    return columns


def _is_unclosed(field: str) -> bool:
    """Tell whether a field begins with a quotation mark that would swallow what follows, lines and all."""
    return field.startswith('"') and not (len(field) > 1 and field.endswith('"') and field.count('"') % 2 == 0)


def _first_of(numbers: list[int]) -> str:
    return ", ".join(map(str, numbers[:5])) + (", ..." if len(numbers) > 5 else "")


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
