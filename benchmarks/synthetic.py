"""Synthetic interactions with a chosen popularity bias, as an atomic file of RecBole.

python benchmarks/synthetic.py <folder>/<name>/<name>.inter [--interactions=1000000] [--exponent=1.0]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv

from recbole_ile.functional.arrays import distinct

MOST_OF_CATALOGUE = 0.5
"""Share of the catalogue that one user interacts with at most."""
CELLS = 4_000_000
"""Pairs of users and items that are looked at together."""


def interactions(
    number: int,
    n_users: int = 40_000,
    n_items: int = 10_000,
    exponent: float = 1.0,
    activity: float = 1.0,
    clusters: int = 20,
    taste: float = 0.5,
    seed: int = 0,
) -> tuple[np.ndarray, np.ndarray]:
    """Draw interactions whose items are popular by a power law.

    Args:
        number: interactions ``N``, each pair of a user and an item at most once.
        n_users: users; each is of one of ``clusters`` tastes.
        n_items: items ``n``, each of one of the tastes; that of rank ``r`` has the chance ``r ** -exponent``.
        exponent: 0 for no popularity bias, 1 for Zipf's law.
        activity: standard deviation of the logarithm of users' numbers of interactions; 0 for the same for all.
        clusters: number of tastes.
        taste: share of a user's interactions that are with items of the own taste.
        seed: source of all randomness.

    Returns:
        ``[N]`` users and ``[N]`` items, in random order.

    Raises:
        ValueError: if there are not so many pairs.
    """
    draw = np.random.default_rng(seed)
    chances = np.arange(1, n_items + 1.0) ** -exponent
    of_taste = draw.integers(clusters, size=n_items) == np.arange(clusters)[:, None]
    own = of_taste * chances
    own_sums = own.sum(axis=1, keepdims=True)
    weights = (1 - taste) * chances / chances.sum() + taste * own / np.where(own_sums > 0, own_sums, 1.0)
    sizes = _sizes(draw.lognormal(sigma=activity, size=n_users), number, int(MOST_OF_CATALOGUE * n_items))
    users, items = [], []
    for chunk in np.array_split(np.argsort(sizes), max(n_users * n_items // CELLS, 1)):
        # The k smallest of exponential numbers over weights are k draws without putting back.
        arrival = draw.standard_exponential((len(chunk), n_items), dtype=np.float32) / weights[chunk % clusters]
        most = int(sizes[chunk].max(initial=0))
        first = np.argpartition(arrival, min(most, n_items - 1), axis=1)[:, :most]
        order = np.argsort(np.take_along_axis(arrival, first, axis=1), axis=1)
        wanted = np.arange(most) < sizes[chunk, None]
        users.append(np.repeat(chunk, sizes[chunk]))
        items.append(np.take_along_axis(first, order, axis=1)[wanted])
    shuffled = draw.permutation(number)
    return np.concatenate(users)[shuffled], np.concatenate(items)[shuffled]


def _sizes(wanted: np.ndarray, number: int, limit: int) -> np.ndarray:
    """Return ``[U]`` whole numbers in proportion to ``wanted``, at most ``limit`` each and ``number`` in all."""
    if limit * len(wanted) < number:
        raise ValueError(f"{len(wanted)} users with at most {limit} items each are too few for {number} interactions")
    while True:
        free = wanted < limit
        wanted = np.where(free, wanted * (number - limit * (~free).sum()) / wanted[free].sum(), limit)
        if (wanted <= limit).all():
            break
        wanted = np.minimum(wanted, limit)
    return np.diff(np.round(np.cumsum(wanted)).astype(np.int64), prepend=0)


def wide_interactions(
    number: int, n_users: int, n_items: int, exponent: float = 0.9, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Draw interactions without a look at every pair, for catalogues that are too large for it.

    Returns:
        ``[number]`` users and ``[number]`` items, each pair once; users are about as active as items are popular.
    """
    generator = np.random.default_rng(seed)

    def chances(size: int) -> np.ndarray:
        weights = (np.arange(size) + 10.0) ** -exponent
        return generator.permutation(weights / weights.sum())

    def draw(drawn: int, of_each: np.ndarray) -> np.ndarray:
        """Return so many independent draws, in ascending order: how often each comes is all that there is to draw."""
        return np.repeat(np.arange(len(of_each)), generator.multinomial(drawn, of_each))

    of_users, of_items = chances(n_users), chances(n_items)
    pairs = np.empty(0, dtype=np.int64)
    share_of_new = 1.0
    while len(pairs) < number:
        drawn = int(1.1 * (number - len(pairs)) / share_of_new) + 1
        users, items = draw(drawn, of_users), generator.permutation(draw(drawn, of_items))
        before = len(pairs)
        pairs = distinct(np.concatenate([pairs, users * n_items + items]))
        share_of_new = max((len(pairs) - before) / drawn, 0.05)
    chosen = generator.permutation(pairs)[:number]
    return chosen // n_items, chosen % n_items


def write(path: Path, users: np.ndarray, items: np.ndarray) -> None:
    """Write ``[N]`` users and items as an ``.inter`` file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(b"user_id:token\titem_id:token\n")
        table = pa.table({"user_id": users, "item_id": items})
        pacsv.write_csv(table, file, pacsv.WriteOptions(include_header=False, delimiter="\t"))


def main() -> None:
    """Write a file, and say how popular its items are."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", type=Path)
    parser.add_argument("--interactions", type=int, default=1_000_000)
    for name, kind, default in (
        ("n_users", int, 40_000),
        ("n_items", int, 10_000),
        ("exponent", float, 1.0),
        ("activity", float, 1.0),
        ("seed", int, 0),
    ):
        parser.add_argument(f"--{name}", type=kind, default=default)
    given = vars(parser.parse_args())
    path, number = given.pop("path"), given.pop("interactions")
    users, items = interactions(number, **given)
    write(path, users, items)
    counts = np.sort(np.bincount(items, minlength=given["n_items"]))[::-1]
    head = int(np.searchsorted(np.cumsum(counts), 0.2 * number)) + 1
    print(f"{number} interactions; {head} of {given['n_items']} items have 20 % of them; written to {path}")


if __name__ == "__main__":
    main()
