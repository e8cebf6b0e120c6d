"""``data``: say and draw what is in a data set."""

from __future__ import annotations

import argparse
from pathlib import Path

from recbole_ile.commands.arguments import add_settings_arguments, parse_options, separate_files
from recbole_ile.errors import InputError
from recbole_ile.experiments.data.description import describe
from recbole_ile.experiments.data.reading import read_data, read_times
from recbole_ile.plugin.catalogue.properties import preset_file
from recbole_ile.plugin.config.config import IleConfig
from recbole_ile.plugin.config.known_keys import check_known
from recbole_ile.plugin.output.logs import quiet_recbole
from recbole_ile.report.data.files import write_description
from recbole_ile.report.data.tables import print_description
from recbole_ile.texts import printable

NAME = "data"
HELP = "describe a data set: popularity, groups, profiles, k-cores, duplicates, time"
EXAMPLE = "recbole-ile data describe --dataset=ml-100k"
DESCRIBE = "describe"
DEFAULT_FOLDER = Path("saved") / "data"
MODEL = "BPR"
"""A model that reads and splits data as all do that make nothing special of them."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("action", choices=(DESCRIBE,), help="describe: tables, and figures in a folder")
    add_settings_arguments(parser)
    parser.add_argument("--out", metavar="FOLDER", help="where files are written; default saved/data/<dataset>")
    parser.epilog = (
        "Every key of RecBole's and this plugin's configuration that says how data are read, filtered and split is an\n"
        "option too: the data set is that of run with the same options."
    )


def main(arguments: argparse.Namespace, rest: list[str]) -> int:
    """Read the data set and do what is asked for with it."""
    config = _configuration(arguments, rest)
    with quiet_recbole():
        _describe(config, arguments)
    return 0


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
    data = read_data(config)
    found = describe(config, data.dataset, data.train._dataset, read_times(config))
    print_description(found, config["dataset"], config["user_group_field"])
    folder = Path(arguments.out) if arguments.out else DEFAULT_FOLDER / config["dataset"]
    written = write_description(folder, found, config["dataset"])
    print(printable(f"{folder}: {', '.join(path.name for path in written)}"))
