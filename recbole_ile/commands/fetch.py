"""``fetch``: download a data set from its publisher, or take a file of one's own, and make it atomic files."""

from __future__ import annotations

import argparse
import math
import shlex
import sys
from pathlib import Path

from recbole_ile.errors import InputError, near_miss
from recbole_ile.fetching.atomic import write_features, write_interactions
from recbole_ile.fetching.conversion import Conversion, read_interactions
from recbole_ile.fetching.download import checksum_of, download
from recbole_ile.fetching.features import Features, read_features
from recbole_ile.fetching.filtering import filter_interactions
from recbole_ile.fetching.interactions import Interactions
from recbole_ile.fetching.layout import FORMATS, ROLES
from recbole_ile.fetching.safety import DamagedFile
from recbole_ile.fetching.sources import PACKAGED, Source, check_name, find_source, known_sources
from recbole_ile.fetching.staging import staging
from recbole_ile.plugin.data.cache import cache_folder
from recbole_ile.texts import printable

NAME = "fetch"
HELP = "download a data set, or convert a file of your own, to RecBole's format"
EXAMPLE = "recbole-ile fetch books --from=loans.csv --user=reader --item=isbn"
OPTIONS = ("from", "data_path", *ROLES, "format", "k_core", "min_rating", "drop_duplicates", "force")
KINDS = ("inter", "item", "user")
DATA_PATH = "dataset"
"""Where RecBole looks if ``data_path`` is not given."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("name", nargs="?", help=f"{', '.join(known_sources())}, or with --from any other")
    parser.add_argument(
        "--from",
        dest="source",
        metavar="FILE",
        help="convert this zip, dat, csv, tsv, json.gz, parquet or feather file",
    )
    parser.add_argument("--data_path", default=DATA_PATH, metavar="FOLDER", help="where <name>/<name>.inter is put")
    for role in ROLES:
        parser.add_argument(f"--{role}", metavar="COLUMN", help=f"that holds the {role}: a name, or a position from 1")
    parser.add_argument("--format", metavar="FORMAT", help=f"{', '.join(FORMATS)}; default, what the first line is")
    parser.add_argument("--k_core", metavar="K", help="keep users and items with K interactions or more")
    parser.add_argument("--min_rating", metavar="R", help="keep interactions rated R or higher")
    parser.add_argument("--drop_duplicates", action="store_true", help="of a user and an item, keep the last line only")
    parser.add_argument("--force", action="store_true", help="replace the data set of this name if there is one")
    parser.epilog = (
        "A download is kept in the cache folder, $RECBOLE_ILE_CACHE/downloads, once its checksum is found right.\n"
        "Archives are read without unpacking them; a file that unpacks to more than 100 times its size, or to more\n"
        "than 128 GiB, is refused."
    )


def main(arguments: argparse.Namespace, rest: list[str]) -> int:
    """Get the file, convert it, say what came of it."""
    _check_words(arguments, rest)
    k_core, min_rating = _whole(arguments.k_core), _number(arguments.min_rating)
    name, folder = arguments.name, Path(arguments.data_path) / arguments.name
    present = {path.name for path in (folder / f"{name}.{kind}" for kind in KINDS) if path.exists()}
    if present and not arguments.force:
        raise InputError(
            f"{folder} exists already; --force replaces {', '.join(sorted(present))} in it, --data_path=<folder> puts "
            "the new one elsewhere"
        )
    source = known_sources().get(name) if arguments.source else find_source(name)
    columns = {role: getattr(arguments, role) for role in ROLES if getattr(arguments, role) is not None}
    try:
        with staging(folder) as staged:
            if source is None or arguments.source:
                file = _local(arguments.source)
            else:
                file = download(source, cache_folder().parent / "downloads")
            found, features = _read(file, source, arguments, columns, min_rating)
            interactions, notes = filter_interactions(found, min_rating, arguments.drop_duplicates, k_core)
            notes.insert(0, str(found.malformed))
            if not len(interactions.users):
                raise InputError(f"{file}: no interaction is left ({', '.join(notes)})")
            written = _write(interactions, features, staged / name)
            stale = present - {path.name for path in staged.iterdir()}
    except KeyboardInterrupt:
        print(f"interrupted; {folder} is as it was, and the same command starts again", file=sys.stderr)
        return 130
    for origin, malformed in ((file, found.malformed), *((table.file, table.malformed) for table in features)):
        if malformed.count:
            print(printable(f"warning: {origin}: {malformed}; left out"), file=sys.stderr)
    if stale:
        print(printable(f"warning: {', '.join(sorted(stale))} in {folder} is of an earlier data set"), file=sys.stderr)
    counts = [f"{folder / file_name}: {what}" for file_name, what in written.items()]
    counts[0] = ", ".join([counts[0], *notes])
    print("\n".join(map(printable, [*counts, *_epilogue(arguments, source, file)])))
    return 0


def _write(interactions: Interactions, features: list[Features], stem: Path) -> dict[str, str]:
    """Write atomic files of this name and return what is in each, the interactions first."""
    written = {f"{stem.name}.inter": interactions.counts()}
    write_interactions(interactions, stem.with_name(f"{stem.name}.inter"))
    for table in features:
        described = table.of(interactions.ids(table.kind))
        if described.rows:
            path = stem.with_name(f"{stem.name}.{table.kind}")
            write_features(described, path)
            written[path.name] = str(described)
    return written


def _read(
    file: Path, source: Source | None, arguments: argparse.Namespace, columns: dict[str, str], min_rating: float | None
) -> tuple[Conversion, list[Features]]:
    member = source.member if source else None
    try:
        return read_interactions(file, member, arguments.format, columns, min_rating), read_features(file, member)
    except DamagedFile as error:
        if arguments.source:
            raise
        file.unlink(missing_ok=True)  # or it would be taken for the publisher's file ever after
        raise InputError(f"{error}; it is deleted, and the same command downloads it again") from error
    except OSError as error:
        raise InputError(f"file {file} cannot be read: {error.strerror or error}") from error


def _epilogue(arguments: argparse.Namespace, source: Source | None, file: Path) -> list[str]:
    """Say whose data these are, and how to train on them."""
    lines = [f"{source.publisher}: {source.terms}; {_origin(file, source)}"] if source else []
    if arguments.name == PACKAGED:
        return [
            *lines,
            f"RecBole trains on a copy of its own under the name {PACKAGED}, all of it and not these files; for these, "
            f"fetch another name with --from={shlex.quote(str(file))}",
        ]
    place = "" if arguments.data_path == DATA_PATH else f" --data_path={shlex.quote(arguments.data_path)}"
    return [*lines, f"next: recbole-ile --model=BPR_ILE --dataset={arguments.name}{place}"]


def _origin(file: Path, source: Source) -> str:
    """Say whether this is the publisher's file, as far as that can be known."""
    if source.checksum is None:
        return f"{source.unchecked}, so this file is not verified; it has {checksum_of(file)}"
    own = checksum_of(file, source.checksum.partition(":")[0])
    if own == source.checksum:
        return f"checksum {own} as published"
    return f"this file is not {source.url} itself, which has {source.checksum}"


def _check_words(arguments: argparse.Namespace, rest: list[str]) -> None:
    if rest:
        word = rest[0].partition("=")[0].lstrip("-")
        raise InputError(
            f"unexpected argument {rest[0]}{near_miss(word, OPTIONS)}; fetch takes --{', --'.join(OPTIONS)}"
        )
    if arguments.name is None:
        raise InputError(
            f"fetch needs the name of a data set: {', '.join(known_sources())}, or with --from=<file> any other"
        )
    check_name(arguments.name)
    if arguments.format is not None and arguments.format not in FORMATS:
        raise InputError(
            f"option format={arguments.format} is not allowed{near_miss(arguments.format, FORMATS)}; "
            f"there are {', '.join(FORMATS)}"
        )


def _whole(text: str | None) -> int:
    if text is None:
        return 1
    if not text.isdecimal() or int(text) < 1:
        raise InputError(f"option k_core={text} is not allowed; it takes a whole number of at least 1, 5 say")
    return int(text)


def _number(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise InputError(f"option min_rating={text} is not allowed; it takes a number, 4 say")
    return number


def _local(given: str) -> Path:
    path = Path(given)
    if path.is_dir():
        raise InputError(f"file {path} is a folder; give a file in it")
    if not path.is_file():
        siblings = [sibling.name for sibling in path.parent.iterdir()] if path.parent.is_dir() else []
        raise InputError(f"file {path} does not exist{near_miss(path.name, siblings)}")
    return path
