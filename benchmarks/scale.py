"""Time and memory from 1 to 20 million interactions, and what ILE does at three strengths of popularity bias.

python benchmarks/scale.py [--millions 1 5 10 20] [--stock_millions 1] [--exponents 0.5 1.0 1.5]

Users and items stay the same, so that only the interactions grow. Every size runs in a process of its own, with the
command line's own steps; peak memory is that of the process.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from side_by_side import ours, stock
from synthetic import interactions, write

from recbole_ile import run_recbole_ile
from recbole_ile.plugin.data.popularity import TrainingPopularity
from recbole_ile.plugin.output.logs import quiet_recbole

MILLION = 1_000_000


def measure(kind: str, options: dict[str, Any]) -> dict[str, float]:
    """Prepare the data, train an epoch and evaluate it; return seconds, and gigabytes at the peak."""
    times = [time.perf_counter()]
    run = (stock if kind == "stock" else ours)("BPR" if kind == "stock" else kind, options)
    times.append(time.perf_counter())
    run.trainer._train_epoch(run.train, 0)
    times.append(time.perf_counter())
    run.trainer.evaluate(run.valid, load_best_model=False)
    times.append(time.perf_counter())
    steps = [later - earlier for earlier, later in itertools.pairwise(times)]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return dict(zip(("prepare", "epoch", "evaluate", "GiB"), [*steps, peak], strict=True))


def in_a_process_of_its_own(kind: str, options: dict[str, Any]) -> dict[str, float]:
    """Return what ``measure`` returns in a fresh process."""
    command = [sys.executable, os.path.abspath(__file__), "--child", kind, json.dumps(options)]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    if found.returncode:
        raise SystemExit(f"{kind} {options['dataset']}: ended with {found.returncode}\n{found.stderr[-2000:]}")
    return json.loads(found.stdout.splitlines()[-1])


def growth(folder: Path, millions: list[float], stock_millions: list[float]) -> None:
    """Print time and memory for each size."""
    table = Table(title="40,000 users, 10,000 items, embedding 64, batch 2048")
    for column in ("interactions", "run", "prepare s", "prepare s, cached", "epoch s", "evaluate s", "peak GiB"):
        table.add_column(column, justify="right")
    for size in sorted({*millions, *stock_millions}):
        name = f"synthetic-{size:g}"
        write(folder / name / f"{name}.inter", *interactions(int(size * MILLION)))
        options = {"dataset": name, "data_path": str(folder), "state": "ERROR", "checkpoint_dir": str(folder)}
        kinds = [kind for kind in ("BPR_ILE", "stock") if size in (millions if kind == "BPR_ILE" else stock_millions)]
        for kind in kinds:
            first = in_a_process_of_its_own(kind, options)
            again = "" if kind == "stock" else f"{in_a_process_of_its_own(kind, options)['prepare']:.1f}"
            figures = (f"{first[key]:.1f}" for key in ("epoch", "evaluate", "GiB"))
            table.add_row(f"{size:g} M", kind, f"{first['prepare']:.1f}", again, *figures)
    Console().print(table)


def effect(folder: Path, exponents: list[float], epochs: int) -> None:
    """Print the groups' shares of the catalogue and what ILE does, for each exponent of the popularity's power law."""
    table = Table(title=f"300,000 interactions of 3,000 users with 2,000 items, {epochs} epochs")
    for column in ("exponent", "items in head / mid / tail", "model", "nDCG@10", "UPD@10", "AD@10", "EE@10"):
        table.add_column(column, justify="right")
    for exponent in exponents:
        name = f"synthetic-exponent-{exponent:g}"
        pairs = interactions(300_000, 3_000, 2_000, exponent)
        write(folder / name / f"{name}.inter", *pairs)
        options = {"data_path": str(folder), "state": "ERROR", "epochs": epochs, "checkpoint_dir": str(folder)}
        dataset = ours("BPR", {"dataset": name, **options}).train._dataset
        popularity = TrainingPopularity.of(dataset.config, dataset)
        sizes = [int((popularity.item_groups == group).sum()) for group in range(3)]
        for model in ("BPR", "BPR_ILE"):
            result = run_recbole_ile(model, name, config_dict={**options, "show_progress": False}, saved=False)
            found = (f"{result['test_result'][metric]:.4f}" for metric in ("ndcg@10", "upd@10", "ad@10", "ee@10"))
            table.add_row(f"{exponent:g}", " / ".join(map(str, sizes)), model, *found)
    Console().print(table)


def main() -> None:
    """Print both tables; ``--child`` measures one run for them."""
    if sys.argv[1:2] == ["--child"]:
        os.chdir(tempfile.mkdtemp())
        print(json.dumps(measure(sys.argv[2], json.loads(sys.argv[3]))))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--millions", type=float, nargs="*", default=[1, 5, 10, 20])
    parser.add_argument("--stock_millions", type=float, nargs="*", default=[1])
    parser.add_argument("--exponents", type=float, nargs="*", default=[0.5, 1.0, 1.5])
    parser.add_argument("--epochs", type=int, default=20)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["RECBOLE_ILE_CACHE"] = folder
        os.chdir(folder)
        growth(Path(folder), arguments.millions, arguments.stock_millions)
        effect(Path(folder), arguments.exponents, arguments.epochs)


if __name__ == "__main__":
    with quiet_recbole():
        main()
