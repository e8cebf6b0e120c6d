"""What an evaluation takes: stock RecBole beside this plugin, alternating in one process, and the memory of each.

python benchmarks/evaluation.py --dataset=ml-1m --data_path=<folder> [--model=BPR] [--mode=full] [--rounds=7]

Stock RecBole is as it comes: its metrics, its batches, its collector. Ours gives UPD, AD and EE besides.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from typing import Any

import torch
from recbole.data import create_dataset, data_preparation
from recbole.evaluator import Collector, Evaluator, metrics
from recbole.utils import get_trainer as get_stock_trainer
from recbole.utils import init_seed
from rich.console import Console
from rich.table import Table

from recbole_ile import get_model
from recbole_ile.plugin.config import IleConfig, as_base_model
from recbole_ile.plugin.eval_memory import LiveBytes, memory_bytes
from recbole_ile.plugin.loaders import make_loaders
from recbole_ile.plugin.logs import quiet_recbole
from recbole_ile.plugin.trainer import get_trainer

STOCK_METRICS = ["Recall", "MRR", "NDCG", "Hit", "Precision"]


def stock(model: str, options: dict[str, Any]) -> tuple[Any, Any, Any]:
    """Return a trainer, the validation part and the model of RecBole as it comes."""
    config = IleConfig(model, config_dict={"metrics": STOCK_METRICS, **options})
    init_seed(config["seed"], True)
    with as_base_model(config):
        train, valid, _ = data_preparation(config, create_dataset(config))
    net = get_model(model)(config, train._dataset).to(config["device"])
    trainer = get_stock_trainer(config["MODEL_TYPE"], model)(config, net)
    trainer.eval_collector, trainer.evaluator = Collector(config), Evaluator(config)
    for name in trainer.evaluator.metrics:  # without the faster ones of ours
        known = {metric.lower(): getattr(metrics, metric) for metric in vars(metrics)}
        trainer.evaluator.metric_class[name] = known[name](config)
    trainer.eval_collector.data_collect(train)
    return trainer, valid, net


def ours(model: str, options: dict[str, Any]) -> tuple[Any, Any, Any]:
    """Return a trainer, the validation part and the model of this plugin."""
    config = IleConfig(model, config_dict={"metrics": [*STOCK_METRICS, "UPD", "AD", "EE"], **options})
    init_seed(config["seed"], True)
    with as_base_model(config):
        train, valid, _ = make_loaders(config, create_dataset(config))
    net = get_model(model)(config, train._dataset).to(config["device"])
    trainer = get_trainer(config)(config, net)
    trainer.eval_collector.data_collect(train)
    return trainer, valid, net


def seconds(trainer: Any, valid: Any, _: Any) -> float:
    """Evaluate once and return how long it took."""
    started = time.perf_counter()
    trainer.evaluate(valid, load_best_model=False)
    return time.perf_counter() - started


def megabytes(trainer: Any, valid: Any, _: Any) -> float:
    """Evaluate once and return the most memory that tensors and arrays made in it took at a time."""
    with LiveBytes() as memory:
        trainer.evaluate(valid, load_best_model=False)
    return max(memory.trace) / 1e6


def main() -> None:
    """Print the medians of both, of their ratio in each round, and the memory."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="BPR")
    parser.add_argument("--dataset", default="ml-100k")
    parser.add_argument("--data_path", default="dataset/")
    parser.add_argument("--mode", default="full")
    parser.add_argument("--eval_memory", default="256MB")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--memory", action="store_true", help="measure memory too, which is slow for stock RecBole")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    options = {
        "dataset": arguments.dataset,
        "data_path": os.path.abspath(arguments.data_path),
        "eval_args.mode": arguments.mode,
        "eval_memory": arguments.eval_memory,
        "state": "ERROR",
    }
    os.chdir(tempfile.mkdtemp())  # RecBole writes TensorBoard logs where it stands
    both = stock(arguments.model, options), ours(arguments.model, options)
    both[1][2].load_state_dict(both[0][2].state_dict())
    for parts in both:
        seconds(*parts)  # warms up, and measures how many users fit into memory
    rounds = []
    for number in range(arguments.rounds):
        first, second = both if number % 2 else both[::-1]
        pair = seconds(*first), seconds(*second)
        rounds.append(pair if number % 2 else pair[::-1])
    ratios = [base / own for base, own in rounds]
    table = Table(title=f"{arguments.model} on {arguments.dataset}, {arguments.mode}, {arguments.rounds} rounds")
    for column in ("", "median", "smallest", "largest"):
        table.add_column(column, justify="right")
    rows = {
        "stock, seconds": [base for base, _ in rounds],
        "ours, seconds": [own for _, own in rounds],
        "stock / ours": ratios,
    }
    for name, figures in rows.items():
        table.add_row(name, *(f"{figure:.3f}" for figure in (statistics.median(figures), min(figures), max(figures))))
    Console().print(table)
    step = both[1][1].step
    print(f"{step} users at once, eval_memory {memory_bytes(arguments.eval_memory) / 1e6:.0f} MB")
    if arguments.memory:
        print("most memory at a time: stock {:.1f} MB, ours {:.1f} MB".format(*(megabytes(*parts) for parts in both)))


if __name__ == "__main__":
    with quiet_recbole():
        main()
