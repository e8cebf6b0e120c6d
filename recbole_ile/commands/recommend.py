"""``recommend``: write the lists of a trained model for some or all users to a file."""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path
from typing import Any

from recbole_ile.commands import shards
from recbole_ile.commands.arguments import length_of_lists, out_file, parse_options
from recbole_ile.commands.trained import add_trained_arguments, opened
from recbole_ile.commands.unlisted import NO_SEQUENCE, of_no_sequence, some, without_lists
from recbole_ile.errors import InputError
from recbole_ile.plugin.config.known_keys import check_known
from recbole_ile.plugin.data.titles import TITLES, item_titles
from recbole_ile.plugin.output.logs import quiet_recbole
from recbole_ile.plugin.output.peak_memory import peak_bytes
from recbole_ile.plugin.runs.recommendation import recommender
from recbole_ile.plugin.runs.unseen_users import recommender_of_histories
from recbole_ile.plugin.trust import trusting_checkpoints
from recbole_ile.report.run.lists import SUFFIXES, ListFiles
from recbole_ile.texts import printable

NAME = "recommend"
HELP = "write the recommendation lists of a trained model to a csv or parquet file"
EXAMPLE = "recbole-ile recommend --checkpoint=saved/BPR-<time>.pth --all --k=10 --out=recs.csv"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    add_trained_arguments(parser)
    parser.add_argument("--users", help="original ids, separated by commas, or a file with one in a line")
    parser.add_argument("--all", action="store_true", help="all users of the data set")
    parser.add_argument(
        "--history", metavar="FILE", help="users whom the model has never seen: a csv or parquet table of user and item"
    )
    parser.add_argument(
        "--k", default="10", help="length of the lists, 10 by default; a user with fewer items left gets fewer"
    )
    parser.add_argument(
        "--out", required=True, help="the file to write, .csv or .parquet, or with --all a folder of them, lists/ say"
    )
    parser.add_argument("--names", action="store_true", help="add the titles of the .item file, as a column title")
    shards.add_arguments(parser)
    parser.epilog = (
        "Lists are those of the test evaluation: without what a user has in training or validation. What a model is\n"
        "re-ranked by and where its data lie are options too: --cp_weight=0.97, --data_path=<folder>."
    )


def main(arguments: argparse.Namespace, rest: list[str]) -> int:
    """Read the checkpoint and the data, and stream the lists into the file."""
    started = time.perf_counter()
    options = parse_options(rest)
    check_known(options)
    _check_who(arguments)
    k, users, folder = length_of_lists(arguments.k), _users(arguments.users), shards.is_folder(arguments.out)
    shards.check(arguments)
    out = out_file(arguments.out, SUFFIXES, folder=folder)
    if folder:
        return shards.main(arguments, options, out, k)
    with quiet_recbole(), trusting_checkpoints(arguments.trust_checkpoint):
        config, stored = opened(arguments, options)
        if arguments.history is None:
            lists, dataset = recommender(config, stored, arguments.checkpoint, k, users, arguments.reprice)
            skipped, lack = of_no_sequence(lists, dataset), NO_SEQUENCE
        else:
            lists, dataset, histories = recommender_of_histories(
                config, stored, arguments.checkpoint, k, arguments.history, arguments.reprice
            )
            if histories.unknown:
                print(f"items that the model does not know, left out: {some(histories.unknown)}")
            skipped, lack = histories.without, "items that the model knows"
        del stored
        told = without_lists(skipped, lack, bool(len(lists.users)), str(config["model"]))
        n_lists, n_rows = ListFiles(dataset, _titles(config, dataset) if arguments.names else None).write(out, lists)
    if told:
        print(told)
    seen = "without what they have used" if lists.leaves_history_out else "with what they have used, as in evaluation"
    print(
        f"{len(lists.users)} users, {n_lists} lists of {k}, {seen}, {n_rows} rows in {printable(out)}; "
        f"{time.perf_counter() - started:.1f} s, at most {peak_bytes() / 1e9:.2f} GB of memory"
    )
    return 0


def _titles(config: Any, dataset: Any) -> Any:
    found = item_titles(config, dataset)
    if found is None:
        raise InputError(
            f"option names: {config['dataset']}.item in {config['data_path']} is not there or has no column whose name "
            f"holds {' or '.join(TITLES)}"
        )
    return found


def _check_who(arguments: argparse.Namespace) -> None:
    """Refuse a call that does not say for whom, or says it twice."""
    named = {"users": arguments.users, "history": arguments.history}
    given = [f"--{name}={value}" for name, value in named.items() if value is not None] + ["--all"] * arguments.all
    if len(given) != 1:
        got = " and ".join(given) or "neither --users nor --all"
        raise InputError(f"options users, all and history: got {got}; give one of them")


def _users(text: str | None) -> list[str] | None:
    """Return the original ids that are asked for, ``None`` for those of all users."""
    if text is None:
        return None
    if os.path.isfile(text):
        try:
            words = Path(text).read_text(encoding="utf-8-sig").split("\n")  # ids may hold what else ends a line
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"option users={text}: the file cannot be read: {error}") from error
    else:
        words = text.split(",")
    users = [word for word in words if word.strip()]
    if not users:
        raise InputError(f"option users={text!r} names nobody; it takes original ids, or a file with one in a line")
    return users
