"""What Item Loss Equalization costs: epochs of a model with and without it, alternating in one process.

python benchmarks/ile_overhead.py --dataset=ml-1m --data_path=<folder> [--model=BPR] [--rounds=5]
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from typing import Any

from recbole.data import create_dataset, data_preparation
from recbole.utils import get_trainer as get_stock_trainer
from recbole.utils import init_seed
from rich.console import Console
from rich.table import Table

from recbole_ile import get_model
from recbole_ile.functional.distances import DISTANCES
from recbole_ile.plugin.config import IleConfig, as_base_model
from recbole_ile.plugin.logs import quiet_recbole
from recbole_ile.plugin.models.group_losses import observe_model
from recbole_ile.plugin.popularity import TrainingPopularity
from recbole_ile.plugin.trainer import get_trainer


def make(model: str, options: dict[str, Any], observed: bool) -> tuple[Any, Any]:
    """Return a trainer and the training data of a model, seeded; without observation, of stock RecBole."""
    config = IleConfig(model, config_dict=options)
    init_seed(config["seed"], True)
    with as_base_model(config):
        train, _, _ = data_preparation(config, create_dataset(config))
    net = get_model(model)(config, train._dataset).to(config["device"])
    if not observed:
        return get_stock_trainer(config["MODEL_TYPE"], model)(config, net), train
    if not hasattr(net, "group_losses"):
        net.group_losses = observe_model(net, TrainingPopularity.of(config, train._dataset), config["ITEM_ID_FIELD"])
    return get_trainer(config)(config, net), train


def epoch_seconds(trainer: Any, train: Any, epoch: int) -> float:
    """Train one epoch and return how long it took."""
    started = time.perf_counter()
    trainer._train_epoch(train, epoch)
    return time.perf_counter() - started


def pair(stock: tuple[Any, Any], variant: tuple[Any, Any], epoch: int) -> tuple[float, float]:
    """Time an epoch of each, the stock model first in every other round."""
    if epoch % 2:
        own = epoch_seconds(*variant, epoch)
        return epoch_seconds(*stock, epoch), own
    return epoch_seconds(*stock, epoch), epoch_seconds(*variant, epoch)


def main() -> None:
    """Print, for each variant, the median over the rounds of its epoch's ratio to stock RecBole's beside it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="BPR")
    parser.add_argument("--dataset", default="ml-100k")
    parser.add_argument("--data_path", default="dataset/")
    parser.add_argument("--distances", nargs="+", default=["std"], choices=sorted(DISTANCES))
    parser.add_argument("--rounds", type=int, default=9)
    arguments = parser.parse_args()
    options = {"dataset": arguments.dataset, "data_path": os.path.abspath(arguments.data_path), "state": "ERROR"}
    os.chdir(tempfile.mkdtemp())  # RecBole writes TensorBoard logs where it stands
    stock = make(arguments.model, options, observed=False)
    variants = {f"{arguments.model}, group losses observed": make(arguments.model, options, observed=True)}
    for distance in arguments.distances:
        name = f"{arguments.model}_ILE"
        variants[f"{name} {distance}"] = make(name, {**options, "ile_distance": distance}, observed=True)
    table = Table(title=f"{arguments.dataset}, {arguments.rounds} rounds of alternating epochs")
    for column in ("variant", "stock, seconds", "variant, seconds", "median ratio", "smallest", "largest"):
        table.add_column(column, justify="left" if column == "variant" else "right")
    for name, variant in variants.items():
        pairs = [pair(stock, variant, epoch) for epoch in range(arguments.rounds + 1)][1:]  # the first warms up
        ratios = [own / base for base, own in pairs]
        medians = [statistics.median(seconds) for seconds in zip(*pairs, strict=True)]
        figures = (*medians, statistics.median(ratios), min(ratios), max(ratios))
        table.add_row(name, *(f"{figure:.3f}" for figure in figures))
    Console().print(table)


if __name__ == "__main__":
    with quiet_recbole():
        main()
