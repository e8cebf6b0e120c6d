"""Synthetic interactions with a chosen popularity bias, as an atomic file of RecBole.

python benchmarks/synthetic.py <folder>/<name>/<name>.inter [--interactions=1000000] [--exponent=1.0]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

MOST_OF_CATALOGUE = 0.5
"""Share of the catalogue that one user interacts with at most."""


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
    taste_of_item = draw.integers(clusters, size=n_items)
    by_taste = np.lexsort((np.arange(n_items), taste_of_item))
    cumulative = np.cumsum(chances[by_taste])
    bounds = np.concatenate([[0.0], cumulative])[np.searchsorted(taste_of_item[by_taste], np.arange(clusters + 1))]
    wanted = draw.lognormal(sigma=activity, size=n_users)
    limit = MOST_OF_CATALOGUE * n_items
    for _ in range(20):  # what the most active users have too much of goes to the others
        wanted = np.minimum(wanted * (number / wanted.sum()), limit)
    if wanted.sum() < 0.999 * number:
        raise ValueError(f"{n_users} users and {n_items} items are too few for {number} interactions")
    keys = np.empty(0, dtype=np.int64)
    share = wanted / wanted.sum()
    while len(keys) < number:
        missing = number - len(keys)
        users = draw.choice(n_users, size=missing + missing // 4 + 100, p=share)
        tastes = users % clusters
        own = draw.random(len(users)) < taste
        low, high = np.where(own, bounds[tastes], 0.0), np.where(own, bounds[tastes + 1], cumulative[-1])
        places = np.searchsorted(cumulative, low + draw.random(len(users)) * (high - low), side="right")
        drawn = users * np.int64(n_items) + by_taste[np.minimum(places, n_items - 1)]
        keys = np.union1d(keys, drawn)
    keys = draw.permutation(keys)[:number]
    return keys // n_items, keys % n_items


def write(path: Path, users: np.ndarray, items: np.ndarray) -> None:
    """Write ``[N]`` users and items as an ``.inter`` file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    frame = pd.DataFrame({"user_id:token": users, "item_id:token": items})
    frame.to_csv(path, sep="\t", index=False)


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
