"""``rerank``: give a file of scores, whoever computed them, lists under mitigations in ranking."""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pyarrow.parquet import read_schema

from recbole_ile.commands.arguments import parse_options
from recbole_ile.errors import InputError, near_miss
from recbole_ile.files import write_whole
from recbole_ile.functional.score_tables import Method, rerank_table
from recbole_ile.plugin.catalogue.mitigations import AUTO
from recbole_ile.plugin.catalogue.model_names import ModelName
from recbole_ile.plugin.catalogue.properties import defaults
from recbole_ile.plugin.config.rules import check_types
from recbole_ile.plugin.config.values import read_literal
from recbole_ile.plugin.data.atomic_lines import line_of_row
from recbole_ile.plugin.data.atomic_parser import missing_of, noted, read_csv
from recbole_ile.plugin.data.plain_types import check_plain
from recbole_ile.texts import printable

NAME = "rerank"
HELP = "re-rank scores from a csv or parquet file by any mitigation in ranking of one model's scores"
EXAMPLE = "recbole-ile rerank --scores=scores.csv --train=train.inter --cp_weight=0.97"
COLUMNS = ["user", "item", "score"]
UTF_8 = "utf-8"
METHODS = ("LAP", "EP", "PC", "XQ", "FAIR", "CP")
GROUPING = ("item_group_by", "item_group_split")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("--scores", required=True, help="csv or parquet file with the columns user, item and score")
    parser.add_argument("--train", required=True, help="the training interactions, an atomic .inter file")
    parser.add_argument("--method", default="CP", help=f"{', '.join(METHODS)}, or several in this order; default CP")
    parser.add_argument("--k", type=int, default=10, help="length of the lists")
    parser.add_argument("--out", help="csv or parquet file to write; default, the scores' name with -reranked")
    parser.add_argument("--user_field", default="user_id", help="column of --train")
    parser.add_argument("--item_field", default="item_id", help="column of --train")
    parser.epilog = (
        "The keys of the method and of the item groups are options too: --cp_weight=0.97, --item_group_by=items."
    )


def main(arguments: argparse.Namespace, rest: list[str]) -> int:
    """Read both files, re-rank, write."""
    name = _named(arguments.method)
    settings = _settings(rest, name)
    if arguments.k < 1:
        raise InputError(f"option k={arguments.k} is not allowed; it takes a whole number of at least 1")
    source = Path(arguments.scores)
    target = Path(arguments.out or source.with_name(f"{source.stem}-reranked{source.suffix}"))
    if target.suffix not in (".csv", ".parquet"):
        raise InputError(f"option out={target}: it is written as .csv or .parquet")
    lists = rerank_table(
        _read_scores(source),
        _read_train(Path(arguments.train), arguments.user_field, arguments.item_field),
        arguments.k,
        _method(name, settings),
        settings["item_group_split"],
        settings["item_group_by"],
    )
    _write(lists, target)
    print(f"{lists['user'].nunique()} lists in {printable(target)}")
    return 0


def _named(method: str) -> ModelName:
    """Return the mitigations that a table can be re-ranked by."""
    try:
        name = ModelName("scores").with_mitigations(method.split("_"))
    except InputError:
        name = ModelName("scores")
    if not name.mitigations or not set(name.suffixes) <= set(METHODS) or "_".join(name.suffixes) != method:
        raise InputError(
            f"option method={method} is not allowed{near_miss(method, METHODS)}; it takes {', '.join(METHODS)}, or "
            "several in this order, EP_CP say"
        )
    return name


def _method(name: ModelName, settings: dict[str, Any]) -> Method:
    acting = {key: value for key, value in settings.items() if key in name.keys}
    for key in ("ep_weight", "cp_weight"):
        if acting.get(key) == AUTO:
            raise InputError(f"option {key}={AUTO} is not allowed; without a validation part rerank takes a number")
    if "CP" in name.suffixes:
        given = settings["cp_normalize"]
        others = any(acting.get(key) for key in ("lap_tau", "ep_weight", "pc_alpha"))
        acting["cp_normalize"] = others if given == AUTO else given == "minmax"
    return Method(**acting)


def _settings(rest: list[str], name: ModelName) -> dict[str, Any]:
    overall = defaults("overall.yaml")
    options = {key: value for mitigation in name.mitigations for key, value in mitigation.options.items()}
    options = {key: value for key, value in options.items() if key in Method._fields}  # the others limit memory
    known = {**options, **{key: overall[key] for key in GROUPING}}
    given = {key: read_literal(value) for key, value in parse_options(rest).items()}
    for key in given:
        if key not in known:
            raise InputError(f"unknown option {key}{near_miss(key, known)}; rerank takes {', '.join(known)}")
    settings = {**known, **given}
    check_types(overall, {**overall, "topk": [1], **settings})
    return settings


def _read_scores(path: Path) -> pd.DataFrame:
    table = _read(path, lambda: _read_parquet(path) if path.suffix == ".parquet" else _read_csv(path))
    missing = [name for name in COLUMNS if name not in table]
    if missing:
        raise InputError(f"scores {path} have no column {missing[0]}; they need user, item and score")
    table = table[COLUMNS]
    for name in ("user", "item"):
        _refuse_empty(table[name], name, path, ",")
    table = table.astype({"user": str, "item": str})
    values = pd.to_numeric(table["score"], errors="coerce")
    wrong = values.isna() & table["score"].notna() & ~table["score"].astype(str).isin(missing_of("score:float"))
    if wrong.any():
        row = int(wrong.to_numpy().argmax())
        raise InputError(f"scores {path}: {_place(path, row, ',')}: {table['score'].iloc[row]!r} is not a number")
    table["score"] = values
    doubled = table.duplicated(["user", "item"])
    if doubled.any():
        user, item = table.loc[doubled.idxmax(), ["user", "item"]]
        raise InputError(f"scores {path} name user {user} and item {item} twice")
    return table


def _read_csv(path: Path) -> pd.DataFrame:
    with warnings.catch_warnings():  # of a first line with more fields than the header, of which some would be lost
        warnings.simplefilter("error", pd.errors.ParserWarning)
        return pd.read_csv(path, dtype=str, keep_default_na=False, index_col=False, encoding=UTF_8)


def _read_parquet(path: Path) -> pd.DataFrame:
    check_plain(read_schema(path), f"scores {path}")
    table = pd.read_parquet(path)
    for name in {"user", "item"} & set(table):
        wrong = table[name].map(type).isin([bytes, bytearray])
        if wrong.any():
            raise InputError(f"scores {path}: column {name} holds bytes; write its ids as texts")
    return table


def _read_train(path: Path, user_field: str, item_field: str) -> pd.DataFrame:
    names = _read(path, lambda: _header(path))
    for field in (user_field, item_field):
        if field not in names:
            raise InputError(f"train {path} has no column {field}{near_miss(field, names)}; it has {', '.join(names)}")
    columns = [names[user_field], names[item_field]]
    keywords = {"delimiter": "\t", "usecols": columns, "dtype": dict.fromkeys(columns, str), "engine": "python"}
    with noted() as notes:
        found = _read(path, lambda: read_csv(pd.read_csv, str(path), **keywords))[columns]
    for note in notes:
        print(f"warning: {note}", file=sys.stderr)
    found.columns = pd.Index(["user", "item"])
    for name in found:
        _refuse_empty(found[name], str(name), path, "\t")
    return found.drop_duplicates(ignore_index=True)


def _header(path: Path) -> dict[str, str]:
    with open(path, encoding=UTF_8) as file:
        return {column.partition(":")[0]: column for column in file.readline().rstrip("\n").split("\t")}


def _refuse_empty(column: pd.Series, name: str, path: Path, separator: str) -> None:
    """Refuse a row without a user or an item, which would be nobody's."""
    empty = np.flatnonzero(column.isna() | (column.astype(str) == ""))
    if len(empty):
        place = _place(path, int(empty[0]), separator)
        raise InputError(f"file {path}: {place} has no {name}; an id is a text that is not empty")


def _place(path: Path, row: int, separator: str) -> str:
    if path.suffix == ".parquet":
        return f"row {row + 1}"
    return f"line {line_of_row(str(path), row, separator, UTF_8)}"


def _read(path: Path, reader: Callable[[], Any]) -> Any:
    if not path.is_file():
        siblings = [sibling.name for sibling in path.parent.glob(f"*{path.suffix}")] if path.parent.is_dir() else []
        raise InputError(f"file {path} does not exist{near_miss(path.name, siblings)}")
    try:
        return reader()
    except InputError:
        raise
    except (ValueError, OSError, pd.errors.ParserWarning) as error:
        raise InputError(f"file {path} cannot be read: {' '.join(str(error).split())}") from error


def _write(table: pd.DataFrame, path: Path) -> None:
    if path.suffix == ".parquet":
        write_whole(path, lambda partial: table.to_parquet(partial, index=False))
    else:
        write_whole(path, lambda partial: table.to_csv(partial, index=False, encoding=UTF_8))
