"""What starting costs beside stock RecBole: importing, coming to the first batch, reading and splitting the data.

python benchmarks/startup.py [--dataset=ml-1m --data_path=<folder>] [--rounds=5]
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

from side_by_side import alternate, parser, report

STOCK_NAMES = (
    "import numpy as np; np.float_, np.complex_, np.unicode_ = np.float64, np.complex128, np.str_; "
    "import sys, types; sys.modules['kmeans_pytorch'] = types.SimpleNamespace(kmeans=None); "
)
"""All that stock RecBole lacks on today's libraries to train BPR, as cheap as can be; nothing of ours mends it here."""
STOP = "import os; from {module} import BPR; BPR.calculate_loss = lambda *_: os._exit(0); "
"""Ends the process when it has come to its first batch."""
OPTIONS = "config_dict={'show_progress': False, 'state': 'ERROR'}"

STOCK_IMPORT = "import recbole.quick_start"
OUR_IMPORT = "import recbole_ile"
STOCK_STOP = STOP.format(module="recbole.model.general_recommender.bpr")
STOCK_START = (
    f"{STOCK_NAMES} from recbole.quick_start import run_recbole; {STOCK_STOP} run_recbole('BPR', 'ml-100k', {OPTIONS})"
)
OUR_STOP = STOP.format(module="recbole_ile.plugin.models.bpr")
OUR_START = f"from recbole_ile import run_recbole_ile; {OUR_STOP} run_recbole_ile('BPR', 'ml-100k', {OPTIONS})"

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
    imports="from recbole_ile.plugin.config.config import IleConfig\n"
    "from recbole_ile.plugin.runs.preparation import read_dataset\n"
    "from recbole_ile.plugin.data.cache import cached_dataset\n"
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
        text=True,
        capture_output=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    return time.perf_counter() - started, done.stdout


def main() -> None:
    """Print a table for each of the three."""
    arguments = parser(__doc__).parse_args()
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
    for what, ways in comparisons.items():
        report(what, alternate(ways, arguments.rounds), "stock")


if __name__ == "__main__":
    main()
