"""What exposure prices cost: the steps that find them beside scoring and top-k, and at scale.

python benchmarks/prices.py --dataset=ml-1m --data_path=<folder> [--rounds=5] [--users=138000] [--items=27000]

An epoch of training gives the scores a shape; at scale they are drawn. Lists are of 10.
"""

from __future__ import annotations

import time

import numpy as np
import torch
from recbole.data.interaction import Interaction
from rich.console import Console
from side_by_side import alternate, ours, parser, peak_gib, report, settings, timed

from recbole_ile.functional.prices import find_prices
from recbole_ile.plugin.evaluation.training_users import TrainingUsers
from recbole_ile.plugin.mitigations.ep import FEW_ITEMS, ExposurePricing
from recbole_ile.plugin.output.logs import quiet_recbole

WEIGHT, K, BLOCK, SIZE = 0.4, 10, 512, 64


def main() -> None:
    """Print the ratios on a data set, then time and memory for many users and items."""
    options = parser(__doc__)
    options.add_argument("--users", type=int, default=138_000)
    options.add_argument("--items", type=int, default=27_000)
    arguments = options.parse_args()
    run = ours("BPR_EP", settings(arguments))
    run.trainer._train_epoch(run.train, 0)
    model = run.model
    users = TrainingUsers(model, run.trainer.config, run.train._dataset)
    everyone = torch.arange(len(users))
    demand = model._scored(users, len(users))

    def scored() -> None:
        for scores, _ in users.blocks(everyone):
            scores.topk(K)

    tasks = {
        "scoring and top-10": timed(scored),
        "prices, 20 steps": timed(lambda: find_prices(demand, WEIGHT)),
    }
    report(
        f"{len(users)} users, {demand.n_items} items of {arguments.dataset}",
        alternate(tasks, arguments.rounds),
        "scoring and top-10",
    )
    _at_scale(model, arguments.users, arguments.items)


def _at_scale(model: ExposurePricing, n_users: int, n_items: int) -> None:
    """Find prices from drawn scores as the model does, blocks of users being scored one after the other."""
    generator = torch.Generator().manual_seed(0)
    of_users = torch.randn(n_users, SIZE, generator=generator)
    of_items = torch.randn(n_items, SIZE, generator=generator) * torch.rand(n_items, 1, generator=generator)
    model.ep_prices = torch.zeros(n_items + 1)
    model._ep_cold_items = np.zeros(n_items, dtype=bool)
    model.ep_weight = WEIGHT

    class Drawn:
        """Users whose scores are products, given as ``TrainingUsers`` gives them."""

        known: dict[str, object]

        def __init__(self) -> None:
            self.known = {}

        def __len__(self) -> int:
            return n_users

        def blocks(self, positions: torch.Tensor) -> object:
            for block in positions.split(BLOCK):
                scores = torch.full((len(block), n_items + 1), -torch.inf)
                torch.matmul(of_users[block], of_items.T, out=scores[:, 1:])
                yield scores, Interaction({"user_id": block})

    before, started = peak_gib(), time.perf_counter()
    model.learn_ranking(Drawn())  # type: ignore[arg-type]
    seconds, pricing = time.perf_counter() - started, model.pricing
    assert pricing is not None
    kept = "all items" if n_items <= FEW_ITEMS else f"{model.ep_candidates} candidates of each"
    Console().print(
        f"{n_users} users, {n_items} items, {kept}: {seconds:.1f} s with scoring, {peak_gib() - before:.2f} GiB above "
        f"the {before:.2f} GiB before; items shown {int((pricing.exposure_before > 0).sum())} before, "
        f"{int((pricing.exposure_after > 0).sum())} after"
    )


if __name__ == "__main__":
    with quiet_recbole():
        main()
