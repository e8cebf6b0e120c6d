"""``data``: say and draw what is in a data set, or write its split as files."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path

from recbole_ile.commands.arguments import add_settings_arguments, parse_options, separate_files
from recbole_ile.errors import InputError
from recbole_ile.experiments.data.description import describe
from recbole_ile.experiments.data.reading import read_data, read_times
from recbole_ile.experiments.data.split_files import split_rows, write_split
from recbole_ile.fetching.sources import PACKAGED, check_name
from recbole_ile.plugin.catalogue.properties import preset_file
from recbole_ile.plugin.config.config import IleConfig
from recbole_ile.plugin.config.known_keys import check_known
from recbole_ile.plugin.output.logs import quiet_recbole
from recbole_ile.report.data.files import write_description
from recbole_ile.report.data.tables import print_description
from recbole_ile.texts import printable

NAME = "data"
HELP = "describe a data set, or write its split as files for other programs"
EXAMPLE = "recbole-ile data describe --dataset=ml-100k"
DESCRIBE, SPLIT = "describe", "split"
DEFAULT_FOLDER = Path("saved") / "data"
MODEL = "BPR"
"""A model that reads and splits data as all do that make nothing special of them."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument(
        "action",
        choices=(DESCRIBE, SPLIT),
        help="describe: tables, and figures in a folder; split: train, valid and test as RecBole's benchmark files",
    )
    add_settings_arguments(parser)
    parser.add_argument(
        "--out", metavar="FOLDER", help="describe: of the files, default saved/data/<dataset>; split: the data_path"
    )
    parser.add_argument("--name", help="split: what the data set of the parts is called; default, as the whole one")
    parser.add_argument("--csv", action="store_true", help="split: write train.csv, valid.csv and test.csv, too")
    parser.add_argument("--force", action="store_true", help="split: replace the files of this name if there are some")
    parser.epilog = (
        "Every key of RecBole's and this plugin's configuration that says how data are read, filtered and split is an\n"
        "option too, --seed and --eval_args among them: the data set is that of run with the same options."
    )


def main(arguments: argparse.Namespace, rest: list[str]) -> int:
    """Read the data set and do what is asked for with it."""
    _check_words(arguments)
    config = _configuration(arguments, rest)
    with quiet_recbole():
        if arguments.action == DESCRIBE:
            _describe(config, arguments)
        else:
            _split(config, arguments)
    return 0


def _check_words(arguments: argparse.Namespace) -> None:
    if arguments.action == SPLIT:
        if not arguments.out:
            raise InputError("split needs --out=<folder>, in which it makes one of the data set's name")
        return
    for option in ("name", "csv", "force"):
        if getattr(arguments, option):
            raise InputError(f"option {option} is one of split; describe takes --out and the options of the data set")


def _configuration(arguments: argparse.Namespace, rest: list[str]) -> IleConfig:
    options = parse_options(rest)
    if "model" in options:
        raise InputError(
            f"option model={options['model']} is not allowed; data takes no model, but the options of the data set"
        )
    check_known(options)
    files = separate_files(arguments.config_files or [])
    if arguments.preset:
        files = [preset_file(arguments.preset, arguments.dataset), *files]
    with quiet_recbole():
        return IleConfig(MODEL, arguments.dataset, files, options)


def _describe(config: IleConfig, arguments: argparse.Namespace) -> None:
    found = describe(config, read_data(config), read_times(config))
    print_description(found, config["dataset"], config["user_group_field"])
    folder = Path(arguments.out) if arguments.out else DEFAULT_FOLDER / config["dataset"]
    written = write_description(folder, found, config["dataset"])
    print(printable(f"{folder}: {', '.join(path.name for path in written)}"))


def _split(config: IleConfig, arguments: argparse.Namespace) -> None:
    name = arguments.name or config["dataset"]
    check_name(name)
    if name == PACKAGED:
        raise InputError(
            f"option name={name}: RecBole reads its own copy under this name, and not these files; --name=<another>"
        )
    folder = Path(arguments.out) / name
    if folder.exists() and not arguments.force:
        raise InputError(
            f"{folder} exists already; --force replaces the files of this name in it, --name makes another"
        )
    split = split_rows(config)
    written = write_split(config, split, folder, arguments.csv)
    sizes = ", ".join(f"{part} {len(rows)}" for part, rows in split.rows.items())
    print(printable(f"{folder}: {', '.join(path.name for path in written)} (rows: {sizes})"))
    print(
        printable(
            f"next: recbole-ile run --model=BPR_ILE --dataset={name} --data_path={shlex.quote(arguments.out)} "
            "--benchmark_filename=[train,valid,test]"
        )
    )
