"""``rerank``: give a file of scores, whoever computed them, the lists of calibrated popularity."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import pandas as pd

from recbole_ile.commands.options import parse_options
from recbole_ile.errors import InputError, near_miss
from recbole_ile.files import write_whole
from recbole_ile.functional.score_tables import rerank_table
from recbole_ile.plugin.checks import check_types
from recbole_ile.plugin.config import read_literal
from recbole_ile.plugin.properties import defaults

NAME = "rerank"
HELP = "re-rank scores from a csv or parquet file by calibrated popularity"
COLUMNS = ["user", "item", "score"]
GROUPING = ("item_group_by", "item_group_split")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("--scores", required=True, help="csv or parquet file with the columns user, item and score")
    parser.add_argument("--train", required=True, help="the training interactions, an atomic .inter file")
    parser.add_argument("--k", type=int, default=10, help="length of the lists")
    parser.add_argument("--out", help="csv or parquet file to write; default, the scores' name with -reranked")
    parser.add_argument("--user_field", default="user_id", help="column of --train")
    parser.add_argument("--item_field", default="item_id", help="column of --train")
    parser.epilog = "The keys of CP and of the item groups are options too: --cp_weight=0.97, --item_group_by=items."


def main(arguments: argparse.Namespace, rest: list[str]) -> int:
    """Read both files, re-rank, write."""
    settings = _settings(rest)
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
        settings["cp_weight"],
        settings["cp_candidates"],
        settings["item_group_split"],
        settings["item_group_by"],
        settings["cp_normalize"] == "minmax",
    )
    _write(lists, target)
    print(f"{lists['user'].nunique()} lists in {target}")
    return 0


def _settings(rest: list[str]) -> dict[str, Any]:
    overall = defaults("overall.yaml")
    known = {**defaults("mitigation/CP.yaml"), **{key: overall[key] for key in GROUPING}}
    given = {key: read_literal(value) for key, value in parse_options(rest).items()}
    for key in given:
        if key not in known:
            raise InputError(f"unknown option {key}{near_miss(key, known)}; rerank takes {', '.join(known)}")
    settings = {**known, **given}
    check_types(overall, {**overall, "topk": [1], **settings})
    return settings


def _read_scores(path: Path) -> pd.DataFrame:
    table = _read(path, lambda: pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path, dtype=str))
    missing = [name for name in COLUMNS if name not in table]
    if missing:
        raise InputError(f"scores {path} have no column {missing[0]}; they need user, item and score")
    table = table[COLUMNS].astype({"user": str, "item": str})
    values = pd.to_numeric(table["score"], errors="coerce")
    wrong = values.isna() & table["score"].notna() & (table["score"].astype(str).str.lower() != "nan")
    if wrong.any():
        raise InputError(f"scores {path}: {table['score'][wrong].iloc[0]!r} is not a number")
    table["score"] = values
    doubled = table.duplicated(["user", "item"])
    if doubled.any():
        user, item = table.loc[doubled.idxmax(), ["user", "item"]]
        raise InputError(f"scores {path} name user {user} and item {item} twice")
    return table


def _read_train(path: Path, user_field: str, item_field: str) -> pd.DataFrame:
    table = _read(path, lambda: pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False))
    names = {column.partition(":")[0]: column for column in table}
    for field in (user_field, item_field):
        if field not in names:
            raise InputError(f"train {path} has no column {field}{near_miss(field, names)}; it has {', '.join(names)}")
    found = table[[names[user_field], names[item_field]]]
    found.columns = pd.Index(["user", "item"])
    return found.drop_duplicates(ignore_index=True)


def _read(path: Path, reader: Any) -> pd.DataFrame:
    if not path.is_file():
        siblings = [sibling.name for sibling in path.parent.glob(f"*{path.suffix}")] if path.parent.is_dir() else []
        raise InputError(f"file {path} does not exist{near_miss(path.name, siblings)}")
    try:
        return reader()
    except (ValueError, OSError, UnicodeDecodeError, pd.errors.ParserError) as error:
        raise InputError(f"file {path} cannot be read: {' '.join(str(error).split())}") from error


def _write(table: pd.DataFrame, path: Path) -> None:
    if path.suffix == ".parquet":
        write_whole(path, lambda partial: table.to_parquet(partial, index=False))
    else:
        write_whole(path, lambda partial: table.to_csv(partial, index=False))
