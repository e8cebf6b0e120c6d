"""What an epoch costs on wide data: many users and items with few interactions each, beside another checkout of this.

python benchmarks/wide.py [--millions=3 --users=500000 --items=100000] [--against=<folder of another checkout>]
python benchmarks/wide.py --dataset=gowalla --data_path=<folder> [--stock]
python benchmarks/wide.py --millions=100 --users=1000000 --items=100000 --evaluate=10000 --epochs=1

Every row is a process of its own; its figure is the median of the epochs after the first, which warms up. Without
--dataset the data are drawn.
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
import json, resource, sys, time
import torch
from side_by_side import ours, stock
kind, options, epochs, users, threads = json.loads(sys.argv[1])
torch.set_num_threads(threads)
started, used = time.perf_counter(), time.process_time()
run = (stock if kind == "stock" else ours)("BPR" if kind == "stock" else kind, options)
prepared, used, seconds = time.perf_counter() - started, time.process_time() - used, []
for epoch in range(epochs):
    started = time.perf_counter()
    run.trainer._train_epoch(run.train, epoch)
    seconds.append(time.perf_counter() - started)
started = time.perf_counter()
if users:
    run.valid.entries = run.valid.entries[:users]
    run.trainer.evaluate(run.valid, load_best_model=False)
evaluated = time.perf_counter() - started
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
print(json.dumps([prepared, used, seconds, evaluated, peak, len(run.train._dataset)]))
"""


def measure(checkout: Path, asked: list[Any], threads: int) -> tuple[Any, ...]:
    """Measure one way in a process of its own.

    Args:
        checkout: of this repository.
        asked: ``BPR_ILE`` or ``stock``, options, epochs, and users that are evaluated.
        threads: of the process.

    Returns:
        Seconds to prepare, the processor's, those of each epoch and of the evaluation, peak GiB, training interactions.
    """
    return tuple(answer_of(CHILD, [*asked, threads], [checkout, checkout / "benchmarks"], threads))


def main() -> None:
    """Print a row for each way."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--dataset", help="of RecBole's form, instead of drawn data")
    options.add_argument("--data_path", default="dataset/")
    options.add_argument("--millions", type=float, default=3.0)
    options.add_argument("--users", type=int, default=500_000)
    options.add_argument("--items", type=int, default=100_000)
    options.add_argument("--epochs", type=int, default=3)
    options.add_argument("--evaluate", type=int, default=0, metavar="N", help="evaluate N users of this version, too")
    options.add_argument("--threads", type=int, default=2)
    options.add_argument("--against", type=Path, help="another checkout, whose epoch is measured once")
    options.add_argument("--stock", action="store_true", help="measure an epoch of stock RecBole's BPR")
    given = options.parse_args()
    here = Path(__file__).resolve().parent.parent
    with tempfile.TemporaryDirectory() as folder:
        data_path, name = os.path.abspath(given.data_path), given.dataset
        if name is None:
            data_path, name = folder, "wide"
            pairs = wide_interactions(int(given.millions * 1e6), given.users, given.items)
            write(Path(folder) / name / f"{name}.inter", *pairs)
        os.environ["RECBOLE_ILE_CACHE"] = str(Path(folder) / "cache")
        against = given.against and given.against.resolve()
        os.chdir(folder)
        table = Table(title=f"an epoch of BPR_ILE on {name}, {given.threads} threads")
        for column in (
            "",
            "interactions",
            "prepare s",
            "of processor",
            "epoch s",
            "µs an interaction",
            "evaluate s",
            "peak GiB",
        ):
            table.add_column(column, justify="right")
        asked = {"dataset": name, "data_path": data_path, "state": "ERROR", "checkpoint_dir": folder}
        ways: list[tuple[str, Path, list[Any]]] = [
            ("this version", here, ["BPR_ILE", asked, given.epochs, given.evaluate])
        ]
        if against:
            ways.append((against.name, against, ["BPR_ILE", asked, 1, 0]))
        if given.stock:
            ways.append(("stock BPR", here, ["stock", asked, 1, 0]))
        for label, checkout, way in ways:
            prepared, used, seconds, evaluated, peak, number = measure(checkout, way, given.threads)
            epoch = statistics.median(seconds[1:] or seconds)
            figures = (f"{prepared:.1f}", f"{used:.1f}", f"{epoch:.2f}", f"{1e6 * epoch / number:.2f}")
            table.add_row(label, f"{number:,}", *figures, f"{evaluated:.1f}", f"{peak:.2f}")
        Console().print(table)


if __name__ == "__main__":
    main()
