"""Whether the fast loader trains as well: nDCG@10 of stock RecBole and of this plugin after some epochs, over seeds.

python benchmarks/quality.py --dataset=ml-1m --data_path=<folder> [--model=BPR] [--epochs=20] [--seeds 0 1 2]
"""

from __future__ import annotations

import statistics

from rich.console import Console
from rich.table import Table
from side_by_side import Run, ours, parser, settings, stock

from recbole_ile.plugin.output.logs import quiet_recbole


def ndcg(run: Run, epochs: int) -> float:
    """Train for some epochs and return nDCG@10 on the validation part."""
    for epoch in range(epochs):
        run.trainer._train_epoch(run.train, epoch)
    return float(run.trainer.evaluate(run.valid, load_best_model=False)["ndcg@10"])


def main() -> None:
    """Print nDCG@10 of both for each seed, and the ratio of the means."""
    options = parser(__doc__)
    options.add_argument("--model", default="BPR")
    options.add_argument("--epochs", type=int, default=20)
    options.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    arguments = options.parse_args()
    given = {**settings(arguments), "metric_decimal_place": 6}
    found = [
        (
            ndcg(stock(arguments.model, {**given, "seed": seed}), arguments.epochs),
            ndcg(ours(arguments.model, {**given, "seed": seed}), arguments.epochs),
        )
        for seed in arguments.seeds
    ]
    table = Table(title=f"nDCG@10 of {arguments.model} on {arguments.dataset} after {arguments.epochs} epochs")
    for column in ("seed", "stock", "ours", "ours / stock"):
        table.add_column(column, justify="right")
    means = tuple(statistics.mean(column) for column in zip(*found, strict=True))
    for seed, (base, own) in zip([*map(str, arguments.seeds), "mean"], [*found, means], strict=True):
        table.add_row(seed, f"{base:.5f}", f"{own:.5f}", f"{own / base:.4f}")
    Console().print(table)


if __name__ == "__main__":
    with quiet_recbole():
        main()
