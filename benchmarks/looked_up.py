"""What the first batches take of models whose embeddings are only looked up, on wide data, beside stock RecBole.

python benchmarks/looked_up.py [--models NeuMF FM] [--batches=200] [--millions=3 --users=500000 --items=100000]

Stock RecBole and this plugin train the same number of batches in processes of their own, one after the other. What the
plugin does at the end of an epoch, bringing all rows up to date, is a part of its seconds. On a busy machine the time
of processors says more than that of the clock.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
from pathlib import Path
from typing import Any

from children import answer_of
from rich.console import Console
from rich.table import Table
from synthetic import wide_interactions, write

CHILD = """
import itertools, json, resource, sys, time
import torch
from side_by_side import ours, stock

class First:
    def __init__(self, loader, number):
        self.loader, self.number = loader, number
    def __len__(self):
        return min(self.number, len(self.loader))
    def __iter__(self):
        return itertools.islice(iter(self.loader), self.number)
    def __getattr__(self, name):
        return getattr(self.loader, name)

kind, model, options, batches, threads = json.loads(sys.argv[1])
torch.set_num_threads(threads)
run = (stock if kind == "stock" else ours)(model, options)
run.trainer._train_epoch(First(run.train, 2), 0)
started, worked = time.perf_counter(), time.process_time()
loss = run.trainer._train_epoch(First(run.train, batches), 1)
seconds, worked = time.perf_counter() - started, time.process_time() - worked
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
print(json.dumps([seconds, worked, loss / batches, peak]))
"""
OPTIONS: dict[str, Any] = {
    "train_neg_sample_args": {"distribution": "uniform", "sample_num": 1, "alpha": 1.0, "dynamic": False,
                              "candidate_num": 0},
    "eval_args": {"split": {"RS": [0.8, 0.1, 0.1]}, "group_by": None, "order": "RO", "mode": "uni10"},
    "metrics": ["NDCG"], "valid_metric": "NDCG@10", "state": "ERROR",
}  # fmt: skip


def measure(kind: str, model: str, options: dict[str, Any], batches: int, threads: int) -> tuple[float, ...]:
    """Return seconds of batches after two, those of processors, their mean loss and the gigabytes at the peak."""
    folder = Path(__file__).resolve().parent
    return tuple(answer_of(CHILD, [kind, model, options, batches, threads], [folder.parent, folder], threads))


def main() -> None:
    """Print two rows for each model."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--models", nargs="+", default=["NeuMF", "FM"])
    options.add_argument("--batches", type=int, default=200)
    options.add_argument("--millions", type=float, default=3.0)
    options.add_argument("--users", type=int, default=500_000)
    options.add_argument("--items", type=int, default=100_000)
    options.add_argument("--threads", type=int, default=2)
    options.add_argument("--rounds", type=int, default=1)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        pairs = wide_interactions(int(given.millions * 1e6), given.users, given.items)
        write(Path(folder) / "wide" / "wide.inter", *pairs)
        os.environ["RECBOLE_ILE_CACHE"] = str(Path(folder) / "cache")
        os.chdir(folder)
        asked = {**OPTIONS, "dataset": "wide", "data_path": folder, "checkpoint_dir": folder}
        table = Table(title=f"the first {given.batches} batches on wide data, {given.threads} threads")
        for column in (
            "",
            "seconds",
            "ms a batch",
            "of processors",
            "loss",
            "peak GiB",
            "times as fast as stock",
            "by processors",
        ):
            table.add_column(column, justify="right")
        for model in given.models:
            found: dict[str, list[tuple[float, ...]]] = {"stock": [], "ours": []}
            for number in range(given.rounds):
                for kind in found if number % 2 == 0 else reversed(found):
                    found[kind].append(measure(kind, model, asked, given.batches, given.threads))
            stock, stock_work = (statistics.median(each[place] for each in found["stock"]) for place in (0, 1))
            for kind, figures in found.items():
                seconds, work, loss, peak = (statistics.median(column) for column in zip(*figures, strict=True))
                each = (f"{1e3 * part / given.batches:.1f}" for part in (seconds, work))
                ratios = f"{stock / seconds:.1f}", f"{stock_work / work:.1f}"
                row = (f"{seconds:.2f}", *each, f"{loss:.5f}", f"{peak:.2f}", *ratios)
                table.add_row(f"{kind} {model}", *row)
        Console().print(table)


if __name__ == "__main__":
    main()
