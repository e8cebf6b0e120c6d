"""What re-ranking costs: calibrated popularity beside scoring and top-k, beside a loop over users, and at scale; and
what other mitigations in ranking cost beside it, from a user's scores to the scores that lists are made of.

python benchmarks/reranking.py --dataset=ml-1m --data_path=<folder> [--rounds=7] [--users=1000000]

An epoch of training gives the scores a shape; all users are ranked, with 100 candidates and lists of 10.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from recbole.data.interaction import Interaction
from rich.console import Console
from scipy.spatial.distance import jensenshannon
from side_by_side import alternate, ours, parser, peak_gib, report, settings, timed

from recbole_ile.functional.reranking import calibrated_popularity
from recbole_ile.plugin.output.logs import quiet_recbole

K, CANDIDATES, WEIGHT, BATCH, LOOPED = 10, 100, 0.9, 128, 50


def one_by_one(scores: np.ndarray, groups: np.ndarray, profiles: np.ndarray) -> list[list[int]]:
    """Return the lists of calibrated popularity by a loop over users, steps and candidates."""
    lists = []
    for row, members, profile in zip(scores, groups, profiles, strict=True):
        chosen: list[int] = []
        for _ in range(K):
            left = [place for place in range(len(row)) if place not in chosen]
            counts = [np.bincount(members[[*chosen, place]], minlength=len(profile)) for place in left]
            gains = [
                (1 - WEIGHT) * row[place] - WEIGHT * jensenshannon(profile, count) ** 2
                for place, count in zip(left, counts, strict=True)
            ]
            chosen.append(left[int(np.argmax(gains))])
        lists.append(chosen)
    return lists


def main() -> None:
    """Print the ratios on a data set, then time and memory for many users."""
    options = parser(__doc__)
    options.add_argument("--users", type=int, default=1_000_000)
    arguments = options.parse_args()
    given = settings(arguments)
    run = ours("BPR_CP", given)
    run.trainer._train_epoch(run.train, 0)
    model = run.model
    users, items = model.user_embedding.weight.detach()[1:], model.item_embedding.weight.detach()
    profiles = model._cp_tastes.profiles[1:]

    def ranked(k: int) -> list[tuple[torch.Tensor, torch.Tensor]]:
        batches = []
        for batch in users.split(BATCH):
            scores = batch @ items.T
            scores[:, 0] = -torch.inf
            batches.append(scores.topk(k))
        return batches

    found = ranked(CANDIDATES)
    values, places = (torch.cat(parts) for parts in zip(*found, strict=True))
    groups = model._cp_tastes.groups[places]
    tasks = {
        "scoring and top-100": timed(lambda: ranked(CANDIDATES)),
        "scoring and top-10": timed(lambda: ranked(K)),
        "re-ranking": timed(lambda: calibrated_popularity(values, groups, profiles, K, WEIGHT)),
    }
    taken = alternate(tasks, arguments.rounds)
    report(f"all {len(users)} users of {arguments.dataset}", taken, "scoring and top-100")
    few = values[:LOOPED].double().numpy(), groups[:LOOPED].numpy(), profiles[:LOOPED].numpy()
    started = time.perf_counter()
    looped = one_by_one(*few)
    per_user = (time.perf_counter() - started) / len(looped)
    same = calibrated_popularity(values[:LOOPED], groups[:LOOPED], profiles[:LOOPED], K, WEIGHT).tolist() == looped
    ratio = per_user * len(users) / float(np.median(taken["re-ranking"]))
    print(f"{ratio:.0f} times as fast as a loop over users (timed on {len(looped)} of them, same lists: {same})")
    report(
        "from scores to re-ranked scores",
        alternate({name: timed(task) for name, task in _methods(given, users @ items.T).items()}, arguments.rounds),
        "CP",
    )
    _at_scale(arguments.users)


def _methods(options: dict[str, Any], scores: torch.Tensor) -> dict[str, Callable[[], None]]:
    """Return what re-ranks the scores of all users under one mitigation alone."""
    scores[:, 0] = -torch.inf
    ids = torch.arange(1, len(scores) + 1)
    suffixes = ("CP", "XQ", "FAIR", "PC", "LAP")
    models = {suffix: ours(f"BPR_{suffix}", options).model for suffix in suffixes}
    models["FAIR, fair_share=profile"] = ours("BPR_FAIR", {**options, "fair_share": "profile"}).model

    def ranked(model: Any) -> None:
        for values, users in zip(scores.split(BATCH), ids.split(BATCH), strict=True):
            batch = Interaction({"user_id": users})
            model.rerank(values.clone(), batch, torch.arange(len(users)), K)

    return {name: functools.partial(ranked, model) for name, model in models.items()}


def _at_scale(n_users: int) -> None:
    generator = torch.manual_seed(0)
    scores = torch.rand(n_users, 2 * CANDIDATES, generator=generator)
    groups = torch.randint(3, scores.shape, generator=generator, dtype=torch.int64)
    profiles = torch.randint(1, 50, (n_users, 3), generator=generator)
    before, started = peak_gib(), time.perf_counter()
    lists = calibrated_popularity(scores, groups, profiles, K, WEIGHT)
    seconds = time.perf_counter() - started
    Console().print(
        f"{n_users} users, {2 * CANDIDATES} unsorted candidates: {seconds:.1f} s, "
        f"{peak_gib() - before:.2f} GiB above the inputs of {before:.2f} GiB; {len(lists)} lists"
    )


if __name__ == "__main__":
    with quiet_recbole():
        main()
