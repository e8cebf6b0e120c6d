"""What a sweep takes: 12 trainings of BPR as trials of one sweep, and as processes of stock RecBole, 2 at a time.

python benchmarks/sweep.py [--dataset=ml-100k] [--epochs=50] [--at_once=2] [--rounds=7]

Every training has the same number of epochs, each validated; all run on one thread. The sweep writes its report and
evaluates its front on the test part besides.
"""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from side_by_side import parser, settings, stock

from recbole_ile.experiments.engine.ledger import Ledger
from recbole_ile.plugin.output.logs import quiet_recbole

GRID = {"learning_rate": (0.0005, 0.001, 0.002, 0.005), "embedding_size": (32, 64, 96)}
ONE_THREAD = {**os.environ, "OMP_NUM_THREADS": "1"}


def train_stock(options: dict[str, Any]) -> None:
    """Train and test one setting, as RecBole's ``run_recbole`` does."""
    with quiet_recbole():
        # RecBole names a checkpoint by the second, and two start in one.
        run = stock("BPR", {**options, "checkpoint_dir": tempfile.mkdtemp(dir=".")})
        run.trainer.fit(run.train, run.valid, saved=True, show_progress=False)
        run.trainer.evaluate(run.valid, load_best_model=True, show_progress=False)


def stock_seconds(common: dict[str, Any], at_once: int) -> float:
    """Return the wall time of all settings as processes of their own."""

    def process(point: tuple[float, int]) -> None:
        options = json.dumps({**common, **dict(zip(GRID, point, strict=True))})
        subprocess.run([sys.executable, __file__, "--stock", options], check=True, env=ONE_THREAD)

    started = time.perf_counter()
    with ThreadPoolExecutor(at_once) as pool:
        list(pool.map(process, itertools.product(*GRID.values())))
    return time.perf_counter() - started


def sweep_seconds(common: dict[str, Any], at_once: int, name: str) -> tuple[float, float]:
    """Return the wall time of the sweep, and how much of it all trials spent in training and evaluation."""
    words = [f"--{key}={value}" for key, value in common.items() if key not in ("data_path", "dataset")]
    grids = [f"--grid={key}={','.join(map(str, values))}" for key, values in GRID.items()]
    place = [f"--dataset={common['dataset']}", f"--data_path={common['data_path']}", f"--name={name}"]
    command = [sys.executable, "-m", "recbole_ile", "sweep", "--model=BPR", *place, *words, *grids]
    started = time.perf_counter()
    done = subprocess.run([*command, f"--max_concurrent={at_once}"], check=False, capture_output=True, text=True)
    taken = time.perf_counter() - started
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)
    outcomes = Ledger(Path("saved") / "sweeps" / name).outcomes().values()
    return taken, sum(entry["seconds"][part] for entry in outcomes for part in ("training", "evaluation"))


def main() -> None:
    """Print the wall times side by side."""
    options = parser(__doc__)
    options.add_argument("--epochs", type=int, default=50)
    options.add_argument("--at_once", type=int, default=2)
    options.add_argument("--stock", help="the options of one training of stock RecBole, as JSON")
    arguments = options.parse_args()
    if arguments.stock:
        train_stock(json.loads(arguments.stock))
        return
    common = {**settings(arguments), "epochs": arguments.epochs, "stopping_step": arguments.epochs}
    if arguments.dataset == "ml-100k":
        common["data_path"] = "dataset/"
    table = Table(
        title=f"12 trainings on {arguments.dataset}, {arguments.epochs} epochs, {arguments.at_once} at a time"
    )
    for column in ("round", "stock, s", "sweep, s", "times as fast", "not in training or evaluation"):
        table.add_column(column, justify="right")
    for number in range(arguments.rounds):
        reference = stock_seconds(common, arguments.at_once)
        taken, working = sweep_seconds(common, arguments.at_once, f"round-{number}")
        rest = 1.0 - working / (arguments.at_once * taken)
        table.add_row(str(number + 1), f"{reference:.1f}", f"{taken:.1f}", f"{reference / taken:.2f}", f"{rest:.0%}")
    Console().print(table)


if __name__ == "__main__":
    main()
