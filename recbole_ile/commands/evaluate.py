"""``evaluate``: measure and compare recommendation lists, whoever made them."""

from __future__ import annotations

import argparse
from pathlib import Path

from recbole_ile.commands.arguments import parse_options
from recbole_ile.errors import InputError
from recbole_ile.experiments.comparison.given_lists import evaluate_lists, list_settings
from recbole_ile.files import check_folder_name
from recbole_ile.plugin.runs.versions import versions
from recbole_ile.report.comparison.files import write_comparison
from recbole_ile.report.comparison.lists import write_lists_report
from recbole_ile.report.comparison.tables import print_comparison
from recbole_ile.report.pages.frame import Made, typed
from recbole_ile.report.tables import print_result
from recbole_ile.report.terminal import Terminal
from recbole_ile.texts import printable

NAME = "evaluate"
HELP = "measure and compare recommendation lists of any program, with tests, tables, figures and a page"
DEFAULT_FOLDER = Path("saved") / "evaluations"
COLUMNS = ("user", "item", "score", "rank")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument(
        "--lists",
        nargs="+",
        required=True,
        metavar="[NAME=]FILE",
        help="csv, tsv or parquet files, or folders of parquet as recommend --all writes, with user, item and, where "
        "there is one, score or rank; the first is the base",
    )
    parser.add_argument("--train", required=True, metavar="FILE", help="the training interactions: user, item")
    parser.add_argument("--test", required=True, metavar="FILE", help="the test interactions: user, item")
    parser.add_argument("--valid", metavar="FILE", help="the validation interactions, neither recommended nor relevant")
    parser.add_argument("--items", metavar="FILE", help="the catalogue, with columns for --item_group_field")
    parser.add_argument("--users", metavar="FILE", help="users, with columns for --user_group_field")
    for column in COLUMNS:
        parser.add_argument(f"--{column}_field", metavar="COLUMN", help=f"what {column} is called in these files")
    parser.add_argument("--name", help="folder below saved/evaluations; default, the name of the first lists")
    parser.epilog = "Settings are options too: --topk=[10,20], --metrics=[NDCG,UPD], --item_group_split=[0.5,0.5]."


def main(arguments: argparse.Namespace, rest: list[str]) -> int:
    """Measure the lists, print the tables and write the report."""
    options = parse_options(rest)
    list_settings(options)
    lists = _named(arguments.lists)
    name = next(iter(lists)) if arguments.name is None else arguments.name
    check_folder_name("name", name)
    columns = {column: getattr(arguments, f"{column}_field") for column in COLUMNS}
    found = evaluate_lists(
        lists,
        arguments.train,
        arguments.test,
        arguments.valid,
        arguments.items,
        arguments.users,
        {column: given for column, given in columns.items() if given is not None},
        options,
    )
    console = Terminal()
    for label, result in found.results.items():
        print_result(result, f"{printable(label)}, test part", console)
    print_comparison(found.comparison, console)
    folder = DEFAULT_FOLDER / name
    write_comparison(folder, found.comparison, Made(typed(arguments.words), _data(arguments), versions()))
    write_lists_report(folder, found.results, found.notes)
    print(f"report {printable(folder / 'report.html')}")
    return 0


def _data(arguments: argparse.Namespace) -> str:
    """Say which files tell what the lists are measured against."""
    files = {kind: getattr(arguments, kind) for kind in ("train", "valid", "test", "items", "users")}
    return ", ".join(f"{kind} {path}" for kind, path in files.items() if path is not None)


def _named(entries: list[str]) -> dict[str, str]:
    """Return the files by name: the one before ``=``, or what the file is called without its suffix.

    Raises:
        InputError: for two of one name.
    """
    found: dict[str, str] = {}
    for entry in entries:
        before, equals, after = entry.partition("=")
        named = bool(equals) and not Path(entry).exists()
        name, path = (before, after) if named else (Path(entry).stem, entry)
        if not name or not path:
            raise InputError(
                f"option lists={entry} is not allowed; it takes <file or folder> or <name>=<file or folder>"
            )
        if name in found:
            raise InputError(f"option lists: two files are called {name}; tell them apart as <name>={path}")
        found[name] = path
    return found
