"""Recommending to everybody: the command beside stock RecBole's matrix of scores, and for users by the million.

python benchmarks/recommend.py --dataset=ml-1m --data_path=<folder> [--rounds=3] [--users=1000000] [--items=50000]
python benchmarks/recommend.py --rounds=0 --users=50000 --items=100000 --folder [--address=auto]

Everything runs in a process of its own: seconds are from its start to the file, imports and data included, memory is
its peak. Stock RecBole ranks the users with test interactions by ``full_sort_topk``, and pandas writes its lists.
``--folder`` writes the lists of many users into a folder as well, and says what its rate means for more of them.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import recbole.utils
from recbole.data import create_dataset, data_preparation
from recbole.utils.case_study import full_sort_topk
from rich.console import Console
from rich.table import Table
from side_by_side import ours, parser, settings
from synthetic import write

from recbole_ile.plugin.checkpoints.files import read_checkpoint
from recbole_ile.plugin.config.config import IleConfig
from recbole_ile.plugin.output.logs import quiet_recbole
from recbole_ile.plugin.output.peak_memory import peak_bytes

K, PER_USER, SEED = 10, 3, 0


def stock_lists(options: dict[str, Any], checkpoint: str, out: str) -> None:
    """Rank all users with test interactions as RecBole's case study does, and write their lists."""
    config = IleConfig("BPR", config_dict={**options, "fast_loader": False})
    recbole.utils.init_seed(config["seed"], True)
    train, _, test = data_preparation(config, create_dataset(config))
    model = recbole.utils.get_model("BPR")(config, train._dataset)
    model.load_state_dict(read_checkpoint(checkpoint)["state_dict"])
    users = test.uid_list.numpy()
    scores, items = full_sort_topk(users, model, test, K)
    dataset = train._dataset
    columns = {
        "user_id": np.repeat(dataset.id2token("user_id", users), K),
        "rank": np.tile(np.arange(K) + 1, len(users)),
        "item_id": dataset.id2token("item_id", items.numpy()).ravel(),
        "score": scores.numpy().ravel(),
    }
    pd.DataFrame(columns).to_csv(out, index=False)


def train(options: dict[str, Any], whole: bool) -> str:
    """Train BPR for an epoch, or for a batch, and return the path of its checkpoint."""
    run = ours("BPR", options)
    if whole:
        run.trainer._train_epoch(run.train, 0)
    else:
        loss = run.model.calculate_loss(next(iter(run.train)))
        loss.backward()
        run.trainer.optimizer.step()
    run.trainer._save_checkpoint(0, verbose=False)
    return str(Path(run.trainer.saved_model_file).absolute())


def synthetic(folder: Path, n_users: int, n_items: int) -> str:
    """Write interactions of users with a few items each, popular by a power law, and return the name."""
    draw = np.random.default_rng(SEED)
    items = (n_items * draw.random(PER_USER * n_users) ** 3).astype(np.int64)
    items[:n_items] = np.arange(n_items)  # so that there are as many
    write(folder / "crowd" / "crowd.inter", np.repeat(np.arange(n_users), PER_USER), items)
    return "crowd"


def in_a_process_of_its_own(words: list[str]) -> tuple[float, float, str]:
    """Return seconds, gigabytes at the peak and the last line of a command of Python."""
    started = time.perf_counter()
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - started
    if done.returncode:
        raise SystemExit(f"{' '.join(words)}: ended with {done.returncode}\n{done.stderr[-2000:]}")
    return seconds, float(done.stdout.split()[-4 if "recommend" in words else -1]), done.stdout.splitlines()[-1]


def child(task: str, *arguments: Any) -> list[str]:
    """Return the words of a command that does one of the tasks here."""
    return [os.path.abspath(__file__), "--child", task, json.dumps(arguments)]


def recommend(checkpoint: str, out: str, *words: str) -> list[str]:
    """Return the words of the command for all users."""
    return ["-m", "recbole_ile", "recommend", f"--checkpoint={checkpoint}", "--all", f"--k={K}", f"--out={out}", *words]


def shares_of_equal_lists(out: str, reference: str) -> str:
    """Tell how many of the reference's lists are the same in a file of ours."""
    ours, stock = (
        pd.read_csv(path, dtype=str).groupby("user_id")["item_id"].agg(tuple).to_dict() for path in (out, reference)
    )
    return f"{sum(ours[user] == items for user, items in stock.items())} of {len(stock)} lists of stock are the same"


def on_data(options: dict[str, Any], rounds: int) -> None:
    """Print seconds and memory of both on a data set."""
    checkpoint = in_a_process_of_its_own(child("train", options, True))[2].split()[0]
    commands = {
        "stock, csv": child("stock", options, checkpoint, "stock.csv"),
        "ours, csv": recommend(checkpoint, "ours.csv"),
        "ours, parquet": recommend(checkpoint, "ours.parquet"),
    }
    taken: dict[str, list[Any]] = {name: [] for name in commands}
    for number in range(rounds):
        for name in commands if number % 2 else reversed(commands):
            taken[name].append(in_a_process_of_its_own(commands[name]))
    table = Table(title=f"lists of {K} for all users of {options['dataset']}, {rounds} rounds")
    for column in ("", "seconds, median", "smallest", "peak GB"):
        table.add_column(column, justify="right" if column else "left")
    for name, found in taken.items():
        seconds = [entry[0] for entry in found]
        table.add_row(name, f"{statistics.median(seconds):.1f}", f"{min(seconds):.1f}", f"{found[-1][1]:.2f}")
    Console().print(table)
    print(shares_of_equal_lists("ours.csv", "stock.csv"))


def at_scale(n_users: int, n_items: int, folder: list[str] | None) -> None:
    """Print seconds and memory for many users, in a file and perhaps in a folder with further words."""
    options = {"data_path": os.getcwd(), "state": "ERROR", "dataset": synthetic(Path.cwd(), n_users, n_items)}
    _, peak, line = in_a_process_of_its_own(child("train", options, False))
    seconds, own, printed = in_a_process_of_its_own(recommend(line.split()[0], "crowd.parquet"))
    matrix = 4 * n_users * n_items / 1e9
    print(f"{printed}\n{seconds:.0f} s, {own:.2f} GB; one matrix of scores would have {matrix:.1f} GB; {peak:.2f} GB")
    if folder is None:
        return
    words = ["--shard_users=10000", *folder]
    whole, peak, printed = in_a_process_of_its_own(recommend(line.split()[0], "lists/", *words))
    started = time.perf_counter()
    in_a_process_of_its_own(recommend(line.split()[0], "lists/", *words))  # whose files are all there
    ranking = whole - (time.perf_counter() - started)
    same = pd.read_parquet("lists").equals(pd.read_parquet("crowd.parquet"))
    print(f"{printed}\nthe lists of the folder and of the file are {'' if same else 'NOT '}the same to the bit")
    rate = n_users / ranking
    print(
        f"{whole:.0f} s, of which {ranking:.0f} s rank and write {rate:.0f} users a second, {peak:.2f} GB; at this "
        f"rate 1 M users take {1e6 / rate / 60:.0f} minutes, 100 M {1e8 / rate / 3600:.0f} hours of such a machine"
    )


def main() -> None:
    """Print both parts; ``--child`` does one task for them, and prints its result and peak memory last."""
    if sys.argv[1:2] == ["--child"]:
        task: Any = {"train": train, "stock": stock_lists}[sys.argv[2]]
        print(task(*json.loads(sys.argv[3])), f"{peak_bytes() / 1e9:.2f}")
        return
    options = parser(__doc__)
    options.add_argument("--users", type=int, default=1_000_000)
    options.add_argument("--items", type=int, default=50_000)
    options.add_argument("--folder", action="store_true")
    options.add_argument("--address")
    arguments = options.parse_args()
    given = settings(arguments)
    os.environ["RECBOLE_ILE_CACHE"] = os.getcwd()
    os.environ["OMP_NUM_THREADS"] = str(arguments.threads)
    if arguments.dataset == "ml-100k":
        given["data_path"] = "dataset/"
    if arguments.rounds:
        on_data(given, arguments.rounds)
    further = [f"--address={arguments.address}"] if arguments.address else []
    at_scale(arguments.users, arguments.items, further if arguments.folder else None)


if __name__ == "__main__":
    with quiet_recbole():
        main()
