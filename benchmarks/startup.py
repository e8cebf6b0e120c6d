"""What starting costs beside stock RecBole: importing, coming to the first batch, reading and splitting the data.

python benchmarks/startup.py [--dataset=ml-1m --data_path=<folder>] [--rounds=5]
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

from rich.console import Console
from rich.table import Table

STOCK_NAMES = (
    "import numpy as np; np.float_, np.complex_, np.unicode_ = np.float64, np.complex128, np.str_; "
    "import sys, types; sys.modules['kmeans_pytorch'] = types.SimpleNamespace(kmeans=None); "
)
"""All that stock RecBole lacks on today's libraries to train BPR, as cheap as can be; nothing of ours mends it here."""
STOP = "import os; from recbole.model.general_recommender.bpr import BPR; "
STOP += "BPR.calculate_loss = lambda *_: os._exit(0); "
"""Ends the process when it has come to its first batch."""
OPTIONS = "config_dict={'show_progress': False, 'state': 'ERROR'}"

STOCK_IMPORT = "import recbole.quick_start"
OUR_IMPORT = "import recbole_ile"
STOCK_START = (
    f"{STOCK_NAMES} from recbole.quick_start import run_recbole; {STOP} run_recbole('BPR', 'ml-100k', {OPTIONS})"
)
OUR_START = f"from recbole_ile import run_recbole_ile; {STOP} run_recbole_ile('BPR', 'ml-100k', {OPTIONS})"

READING = """
import logging, sys, time
{imports}
config = {config}
init_seed(config['seed'], True)
started = time.perf_counter()
{read}
print(time.perf_counter() - started)
"""
STOCK_READING = READING.format(
    imports=f"{STOCK_NAMES}\nfrom recbole.config import Config\nfrom recbole.data import create_dataset\n"
    "from recbole.utils import init_seed",
    config="Config('BPR', sys.argv[1], config_dict={'data_path': sys.argv[2]})",
    read="create_dataset(config).build()",
)
OUR_READING = READING.format(
    imports="from recbole_ile.plugin.config import IleConfig\n"
    "from recbole_ile.plugin.pipeline import read_dataset\n"
    "from recbole_ile.plugin.dataset_cache import cached_dataset\n"
    "from recbole.utils import init_seed",
    config="IleConfig('BPR', sys.argv[1], config_dict={'data_path': sys.argv[2]})",
    read="cached_dataset(config, read_dataset).build()",
)


def process(code: str, *arguments: str, cache: str) -> tuple[float, str]:
    """Run code in a fresh process; return its wall-clock seconds and what it printed."""
    environment = {**os.environ, "RECBOLE_ILE_CACHE": cache, "PYTHONWARNINGS": "ignore"}
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env=environment,
        check=True,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    return time.perf_counter() - started, done.stdout


def alternate(ways: dict[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Time each way once a round, the order turned round every other round; the first round warms up."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds + 1):
        for name in ways if number % 2 else reversed(ways):
            seconds[name].append(ways[name]())
    return {name: measured[1:] for name, measured in seconds.items()}


def main() -> None:
    """Print the medians, and for each way of ours the median over the rounds of its ratio to stock beside it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", default="ml-100k")
    parser.add_argument("--data_path", default="dataset/")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    data = arguments.dataset, os.path.abspath(arguments.data_path)
    os.chdir(tempfile.mkdtemp())  # RecBole writes logs where it stands
    kept = tempfile.mkdtemp()

    def reading(code: str, cache: str | None = None) -> float:
        return float(process(code, *data, cache=cache or tempfile.mkdtemp())[1].splitlines()[-1])

    comparisons: dict[str, dict[str, Callable[[], float]]] = {
        "import": {
            "stock": lambda: process(STOCK_IMPORT, cache=kept)[0],
            "ours": lambda: process(OUR_IMPORT, cache=kept)[0],
        },
        "start to first batch, ml-100k": {
            "stock": lambda: process(STOCK_START, cache=kept)[0],
            "ours, first run": lambda: process(OUR_START, cache=tempfile.mkdtemp())[0],
            "ours, cached": lambda: process(OUR_START, cache=kept)[0],
        },
        f"load and split {arguments.dataset}": {
            "stock": lambda: reading(STOCK_READING),
            "ours, first run": lambda: reading(OUR_READING),
            "ours, cached": lambda: reading(OUR_READING, kept),
        },
    }
    table = Table(title=f"{arguments.rounds} rounds of fresh processes, in turn")
    for column in ("what", "way", "seconds", "ratio to stock", "smallest", "largest"):
        table.add_column(column, justify="left" if column in ("what", "way") else "right")
    for what, ways in comparisons.items():
        seconds = alternate(ways, arguments.rounds)
        for way, measured in seconds.items():
            ratios = [own / stock for own, stock in zip(measured, seconds["stock"], strict=True)]
            figures = statistics.median(measured), statistics.median(ratios), min(ratios), max(ratios)
            table.add_row(what, way, *(f"{figure:.3f}" for figure in figures))
    Console().print(table)


if __name__ == "__main__":
    main()
