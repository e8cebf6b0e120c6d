"""What an evaluation takes: stock RecBole beside this plugin, alternating in one process, and the memory of each.

python benchmarks/evaluation.py --dataset=ml-1m --data_path=<folder> [--model=BPR] [--mode=full] [--rounds=7]

Stock RecBole is as it comes: its metrics, its batches, its collector. Ours gives UPD, AD and EE besides.
"""

from __future__ import annotations

import functools

from side_by_side import Run, alternate, ours, parser, report, settings, stock, timed

from recbole_ile.plugin.evaluation.memory import LiveBytes
from recbole_ile.plugin.output.logs import quiet_recbole

STOCK_METRICS = ["Recall", "MRR", "NDCG", "Hit", "Precision"]


def evaluate(run: Run) -> None:
    """Evaluate the validation part once."""
    run.trainer.evaluate(run.valid, load_best_model=False)


def megabytes(run: Run) -> float:
    """Evaluate once and return the most memory that tensors and arrays made in it took at a time."""
    with LiveBytes() as memory:
        evaluate(run)
    return max(memory.trace) / 1e6


def main() -> None:
    """Print the seconds of both, and the memory if asked to."""
    options = parser(__doc__)
    options.add_argument("--model", default="BPR")
    options.add_argument("--mode", default="full")
    options.add_argument("--eval_memory", default="256MB")
    options.add_argument("--memory", action="store_true", help="measure memory too, which is slow for stock RecBole")
    arguments = options.parse_args()
    given = settings(arguments)
    given.update({"eval_args.mode": arguments.mode, "eval_memory": arguments.eval_memory})
    runs = {
        "stock": stock(arguments.model, {**given, "metrics": STOCK_METRICS}),
        "ours": ours(arguments.model, {**given, "metrics": [*STOCK_METRICS, "UPD", "AD", "EE"]}),
    }
    runs["ours"].model.load_state_dict(runs["stock"].model.state_dict())
    tasks = {name: timed(functools.partial(evaluate, run)) for name, run in runs.items()}
    title = f"evaluating {arguments.model} on {arguments.dataset}, {arguments.mode}"
    report(title, alternate(tasks, arguments.rounds), "stock")
    print(f"ours: {runs['ours'].valid.batch_entries} users at once, with eval_memory={arguments.eval_memory}")
    if arguments.memory:
        for name, run in runs.items():
            print(f"{name}: at most {megabytes(run):.1f} MB at a time")


if __name__ == "__main__":
    with quiet_recbole():
        main()
