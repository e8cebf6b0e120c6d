"""How the files of a data set are read: the columns that a setting names are loaded, or missed in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from recbole.utils import InputType, ModelType

from recbole_ile.errors import InputError, near_miss

FEATURE_COLUMNS = {"item_group_field": "item", "cp_field": "item", "ep_field": "item", "user_group_field": "user"}
"""The options that name a column by which items or users are grouped or lists calibrated, and the file it is of."""
_ANYWHERE = ("inter", "user", "item")


class Need(NamedTuple):
    """A column without which a setting does nothing, or fails.

    Attributes:
        field: its name.
        reason: the option that names it and what for.
        tables: where it may stand, by the suffix of the file.
        refused: whether a data set without it is refused here, in one line; others have a check of their own.
    """

    field: str
    reason: str
    tables: tuple[str, ...]
    refused: bool = True


def settle_reading(config: Any) -> None:
    """Settle how a data set is read: as UTF-8 if nothing else is said, with the columns that other settings name.

    Those are added to ``load_col`` for the files that have them. The item lists of a sequential model's parts are
    mapped as items, or their numbers would be those of others.
    """
    config["encoding"] = config["encoding"] or "utf-8"
    item_list = _item_list(config)
    aliases = _names(config["alias_of_item_id"])
    if item_list is not None and item_list not in aliases:
        config["alias_of_item_id"] = [*aliases, item_list]
    loaded = config["load_col"]
    if not isinstance(loaded, dict):
        return
    ids = {"user": config["USER_ID_FIELD"], "item": config["ITEM_ID_FIELD"]}
    for need in needs(config):
        table = next((table for table in need.tables if need.field in _header(config, table)), None)
        if table is None:
            continue
        columns = loaded.get(table) or ([ids[table]] if table in ids else [])
        if isinstance(columns, list | tuple) and need.field not in columns:
            loaded = {**loaded, table: [*columns, need.field]}
    config["load_col"] = loaded


def check_needed(config: Any) -> None:
    """Refuse a data set without a column that a setting names.

    Raises:
        InputError: names the column, the setting and what there is.
    """
    for need in needs(config):
        headers = {table: _header(config, table) for table in need.tables}
        there = [table for table, names in headers.items() if need.field in names]
        left_out = config["unload_col"] or {}
        if there and all(need.field in (left_out.get(table) or ()) for table in there):
            raise InputError(f"option unload_col={left_out!r} leaves out {need.field}, {need.reason}")
        if not there and need.refused:
            known = [name for names in headers.values() for name in names]
            files = " or ".join(path.name for table in need.tables for path in _paths(config, table) if path.is_file())
            raise InputError(
                f"dataset {config['dataset']} in {config['data_path']}: {files} has no column {need.field}"
                f"{near_miss(need.field, known)}, {need.reason}; it has {', '.join(known)}"
            )


def needs(config: Any) -> list[Need]:
    """Return the columns that the settings name."""
    found = []
    time, item_list = config["TIME_FIELD"], _item_list(config)
    if item_list is not None:
        found.append(
            Need(item_list, f"the items before each one, which the parts of {config['model']} need", ("inter",))
        )
    elif config["benchmark_filename"] is None and isinstance(time, str):
        ordered = "TIME_FIELD names the column by which {} puts interactions in order"
        if config["MODEL_TYPE"] is ModelType.SEQUENTIAL:
            found.append(Need(time, ordered.format(config["model"]), ("inter",)))
        elif config["eval_args"]["order"] == "TO":
            found.append(Need(time, ordered.format("eval_args.order=TO"), ("inter",)))
    found += [Need(name, "which threshold names", ("inter",)) for name in _names(config["threshold"])]
    if isinstance(config["LABEL_FIELD"], str) and _is_labeled(config) and not config["threshold"]:
        found.append(Need(config["LABEL_FIELD"], "which LABEL_FIELD names", ("inter",), refused=False))
    if isinstance(config["RATING_FIELD"], str) and config["inter_matrix_type"] == "rating":
        found.append(Need(config["RATING_FIELD"], "which RATING_FIELD and inter_matrix_type name", ("inter",)))
    for option in ("val_interval", "normalize_field", "discretization"):
        found += [Need(name, f"which {option} names", _ANYWHERE) for name in _names(config[option])]
    features = [*_names(config["selected_features"]), *_names([config["item_attribute"]])]
    found += [Need(name, f"a feature of {config['model']}", ("item",), refused=False) for name in features]
    return found


def _names(value: Any) -> list[str]:
    """Return the texts of a list or the keys of a dictionary; what is neither is refused elsewhere."""
    return [name for name in value if isinstance(name, str)] if isinstance(value, dict | list | tuple) else []


def _item_list(config: Any) -> str | None:
    """Return the column of what came before, which only the parts of a sequential model in files of their own need."""
    if config["benchmark_filename"] is None or config["MODEL_TYPE"] is not ModelType.SEQUENTIAL:
        return None
    return f"{config['ITEM_ID_FIELD']}{config['LIST_SUFFIX']}"


def _is_labeled(config: Any) -> bool:
    """Return whether labels of the data set are evaluated, or trained on."""
    evaluated = "labeled" in config["eval_args"]["mode"].values()
    drawn = (config["train_neg_sample_args"] or {}).get("distribution", "none") != "none"
    kinds = (ModelType.CONTEXT, ModelType.DECISIONTREE)
    learned = config["MODEL_TYPE"] in kinds and config["MODEL_INPUT_TYPE"] is InputType.POINTWISE
    return evaluated or (learned and not drawn)


def _paths(config: Any, table: str) -> list[Path]:
    parts = [f"{part}." for part in config["benchmark_filename"] or ()] if table == "inter" else []
    return [Path(config["data_path"]) / f"{config['dataset']}.{part}{table}" for part in parts or [""]]


def _header(config: Any, table: str) -> list[str]:
    """Return the columns that all files of a table have; none where there is no file that can be read."""
    found: list[list[str]] = []
    for path in _paths(config, table):
        try:
            with open(path, encoding=config["encoding"] or "utf-8") as file:
                header = file.readline().rstrip("\n").split(config["field_separator"])
        except (OSError, ValueError, LookupError):  # told when the file is read
            return []
        found.append([column.rpartition(":")[0] for column in header])
    first, *others = found
    return [name for name in first if all(name in names for names in others)]
