"""``export``: write the vectors of users and items whose dot products rank as a trained model does."""

from __future__ import annotations

import argparse

from recbole_ile.commands.arguments import length_of_lists, out_file, parse_options
from recbole_ile.commands.trained import add_trained_arguments, opened
from recbole_ile.plugin.config.known_keys import check_known
from recbole_ile.plugin.output.logs import quiet_recbole
from recbole_ile.plugin.runs.recommendation import recommender
from recbole_ile.plugin.runs.vectors import find_vectors
from recbole_ile.plugin.trust import trusting_checkpoints
from recbole_ile.report.run.vectors import SUFFIXES, write_vectors
from recbole_ile.texts import printable

NAME = "export"
HELP = "write the vectors of users and items of a trained model, whose dot products give its lists"
EXAMPLE = "recbole-ile export --checkpoint=saved/BPR-<time>.pth --out=vectors.npz"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    add_trained_arguments(parser, "a trained model that scores by a dot product")
    parser.add_argument("--k", default="10", help="length of the lists that are compared before the file is written")
    parser.add_argument("--out", required=True, help="the file to write, .npz or .parquet")
    parser.epilog = (
        "The items' bias, LAP's shift and EP's prices are further columns; the units in which LAP and EP measure a\n"
        "user's scores are in the user's vector. What a user has used is not: leave it out as you search.\n"
        "What a model is re-ranked by and where its data lie are options too: --ep_weight=0.8, --data_path=<folder>."
    )


def main(arguments: argparse.Namespace, rest: list[str]) -> int:
    """Read the checkpoint and the data, find the vectors, compare their lists with the model's, and write the file."""
    options = parse_options(rest)
    check_known(options)
    out, k = out_file(arguments.out, SUFFIXES), length_of_lists(arguments.k)
    with quiet_recbole(), trusting_checkpoints(arguments.trust_checkpoint):
        config, stored = opened(arguments, options)
        lists, dataset = recommender(config, stored, arguments.checkpoint, k, None, arguments.reprice)
        del stored
        vectors = find_vectors(lists, k)
        write_vectors(out, vectors, dataset)
    width = vectors.items.shape[1]
    further = f" ({width - len(vectors.folded)} of the model; {', '.join(vectors.folded)})" if vectors.folded else ""
    if len(lists.without_sequence):
        print(f"users without interactions to be continued, who get no vector: {len(lists.without_sequence)}")
    print(
        f"{len(vectors.users)} users and {len(vectors.items)} items, vectors of {width} numbers{further}, in "
        f"{printable(out)}; their dot products give the lists of {k} of the model to all of {vectors.checked} users"
    )
    return 0
