"""What the files of a sweep or a comparison have to look like, and how they are read: as data, from anybody."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import psutil
import pyarrow as pa
import pyarrow.parquet as pq

from recbole_ile.errors import InputError
from recbole_ile.metric import split_name
from recbole_ile.plugin.config.stored_settings import stored_settings
from recbole_ile.yaml_files import parse_yaml

NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
STATUSES = ("done", "stopped", "failed")
FINISHED = ("done", "stopped")
USER_ROW = {"group", "users", "ndcg", "recall", "upd"}
ITEM_ROW = {"group", "items", "training_share", "recommendation_share", "exposure_share", "recall"}


class Damaged(ValueError):
    """A file that is not what its name says; the message says what is wrong with it."""


def read_json(path: Path) -> Any:
    """Return what a JSON file holds.

    Raises:
        Damaged: if it is none.
    """
    try:
        return json.loads(path.read_bytes().decode("utf-8"))
    except UnicodeDecodeError as error:
        raise Damaged("it is not UTF-8") from error
    except (ValueError, RecursionError) as error:
        raise Damaged(f"it is no JSON: {' '.join(str(error).split())}") from error


def read_yaml(path: Path) -> dict[str, Any]:
    """Return the mapping that a YAML file holds.

    Raises:
        Damaged: if it holds none.
    """
    try:
        content = parse_yaml(path)
    except ValueError as error:
        raise Damaged(f"it {error}") from error
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise Damaged("it holds no `key: value` lines")
    return content


def check_trial(entry: Any) -> None:
    """Check what was asked for: ``id``, ``training`` and ``ranking``.

    Raises:
        Damaged: says what is wrong.
    """
    _check(entry, "it", dict)
    name = _part(entry, "id", str)
    if not NAME.fullmatch(name):
        raise Damaged(f"id is {name[:80]!r}")
    check_settings(_part(entry, "training", dict))
    for ranking in _part(entry, "ranking", list):
        check_settings(ranking)


def check_settings(settings: Any) -> None:
    """Check that settings are some that a file may cause.

    Raises:
        Damaged: names what it may not.
    """
    _check(settings, "a setting", dict)
    free = {key: value for key, value in settings.items() if key != "model"}
    try:
        refused = free.keys() - stored_settings(free, "a stored trial").keys()
    except InputError as error:
        raise Damaged(str(error)) from error
    if refused:
        raise Damaged(f"it sets {', '.join(sorted(refused))}, which a stored file may not")
    if not isinstance(settings.get("model", ""), str):
        raise Damaged(f"model is {settings['model']!r}")


def check_outcome(entry: Any, metrics: Sequence[str]) -> None:
    """Check the outcome of a trial.

    Args:
        entry: what its file holds.
        metrics: which every evaluation must have; with none, only what is there is looked at.

    Raises:
        Damaged: says what is wrong.
    """
    _check(entry, "it", dict)
    check_trial(entry if metrics else {"training": {}, "ranking": [], **entry})
    status = _part(entry, "status", str)
    if status not in STATUSES:
        raise Damaged(f"status is {status[:80]!r}")
    _check_numbers("metrics", _part(entry, "metrics", dict) if metrics else entry.get("metrics", {}))
    for point in _part(entry, "points", list):
        _check(point, "a point", dict)
        check_settings(_part(point, "ranking", dict))
        check_point(point, metrics)
    if status == "done" and metrics:
        _check_metrics(entry["metrics"], metrics)
        if not entry["points"]:
            raise Damaged("points is empty")
    if status == "failed":
        _part(entry, "reason", str)
    _check(entry.get("checkpoint"), "checkpoint", str | None)
    for name in ("validations", "timed"):
        _check(entry.get(name, 0), name, int)
    _check_numbers("seconds", entry.get("seconds", {}))
    names = entry.get("group_names", [])
    _check(names, "group_names", list)
    for epoch in _each(entry, "group_losses", dict):
        _part(epoch, "epoch", int)
        losses = epoch.get("losses")
        _check(losses, "losses", list | None)
        if losses is not None and (len(losses) != len(names) or not all(map(_is_number, losses))):
            raise Damaged("group_losses has not a number for each group")


def check_point(point: Any, metrics: Sequence[str]) -> None:
    """Check an evaluation: ``metrics``, ``by_user_group`` and ``by_item_group``.

    Raises:
        Damaged: says what is wrong.
    """
    _check(point, "a point", dict)
    if metrics:
        _check_metrics(_part(point, "metrics", dict), metrics)
    _check_numbers("metrics", point.get("metrics", {}))
    for part, columns in (("by_user_group", USER_ROW), ("by_item_group", ITEM_ROW)):
        if metrics:
            _part(point, part, list)
        for row in _each(point, part, dict):
            if not columns <= {split_name(str(key))[0] for key in row}:
                raise Damaged(f"a row of {part} lacks a column")
            _part(row, "group", str)
            _check_numbers(part, {key: value for key, value in row.items() if key != "group"})


def read_users(path: Path) -> pd.DataFrame:
    """Return a table of users; of the file, columns of texts and numbers alone are read.

    Raises:
        Damaged: if it is no such table.
    """
    try:
        with pq.ParquetFile(path) as file:
            schema, rows = file.schema_arrow, file.metadata.num_rows
            if not {"user", "user_group"} <= set(schema.names):
                raise Damaged("it has no columns user and user_group")
            if len(set(schema.names)) != len(schema.names):
                raise Damaged("it has a column twice")
            for field in schema:
                if not (_holds_text if field.name == "user" else _holds_numbers)(field.type):
                    raise Damaged(f"column {field.name} holds {field.type}")
            if rows * len(schema.names) * 8 > psutil.virtual_memory().available:
                raise Damaged(f"it has {rows} rows, which do not fit into memory")
            return file.read().to_pandas(ignore_metadata=True)
    except (pa.ArrowException, OSError, ValueError, KeyError) as error:  # of damaged bytes Arrow says any of these
        if isinstance(error, Damaged | PermissionError):
            raise
        raise Damaged(f"it is no Parquet file: {' '.join(str(error).split())[:200]}") from error


def _holds_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)


def _holds_numbers(kind: pa.DataType) -> bool:
    return pa.types.is_integer(kind) or pa.types.is_floating(kind)


def _part(entry: dict[str, Any], key: str, kind: Any) -> Any:
    if key not in entry:
        raise Damaged(f"{key} is missing")
    _check(entry[key], key, kind)
    return entry[key]


def _each(entry: dict[str, Any], key: str, kind: type) -> list[Any]:
    parts = entry.get(key, [])
    _check(parts, key, list)
    for part in parts:
        _check(part, f"an entry of {key}", kind)
    return parts


def _check(value: Any, name: str, kind: Any) -> None:
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise Damaged(f"{name} is {_short(value)}")


def _check_metrics(found: dict[str, Any], metrics: Sequence[str]) -> None:
    for name in metrics:
        if name not in found:
            raise Damaged(f"metric {name} is missing")


def _check_numbers(name: str, entries: Any) -> None:
    _check(entries, name, dict)
    for key, value in entries.items():
        if not (value is None and name != "metrics") and not _is_number(value):
            raise Damaged(f"{key} in {name} is {_short(value)}")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _short(value: Any) -> str:
    """Return a value for a line; a nested one by its kind."""
    return type(value).__name__ if isinstance(value, dict | list) else ascii(value)[:80]
