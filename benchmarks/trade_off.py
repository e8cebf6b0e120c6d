"""The picture in the README: accuracy against popularity bias for BPR and for BPR_ILE over its weight.

python benchmarks/trade_off.py [--dataset=ml-100k] [--data_path=<folder>] [--seeds=3] [--out=docs/trade-off.png]
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

import pandas as pd

from recbole_ile import run_recbole_ile
from recbole_ile.report.figures import save_figure, trade_off_figure

WEIGHTS = {"std": (0.1, 0.25, 0.5), "mad": (0.1, 0.3, 0.6), "ent": (0.01, 0.02, 0.04)}
FAIRNESS = {"upd@10": "UPD@10 (lower is better)", "ad@10": "AD@10 (higher)", "ee@10": "EE@10 (higher)"}


def main() -> None:
    """Train every setting with every seed, and draw and write the means over the seeds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", default="ml-100k")
    parser.add_argument("--data_path", default="dataset/")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", default="docs/trade-off.png")
    arguments = parser.parse_args()
    out, data_path = Path(arguments.out).resolve(), os.path.abspath(arguments.data_path)
    os.chdir(tempfile.mkdtemp())
    settings = [("BPR", 0.0), *((name, weight) for name, weights in WEIGHTS.items() for weight in weights)]
    rows = []
    for name, weight in settings:
        for seed in range(arguments.seeds):
            options = {"data_path": data_path, "seed": seed, "show_progress": False, "state": "ERROR"}
            model = "BPR"
            if weight:
                model, options = "BPR_ILE", {**options, "ile_distance": name, "ile_lambda": weight}
            result = run_recbole_ile(model, arguments.dataset, config_dict=options)
            rows.append({"method": name, "ile_lambda": weight, "seed": seed, **result["test_result"]})
            print(rows[-1], flush=True)
    means = pd.DataFrame(rows).drop(columns="seed").groupby(["method", "ile_lambda"], sort=False).mean()
    means.round(4).to_csv(out.with_suffix(".csv"))
    base = means.loc["BPR"].to_dict("records")
    lines = {f"ILE {name}": base + means.loc[name].to_dict("records") for name in WEIGHTS}
    title = f"BPR and BPR_ILE on {arguments.dataset}, mean of {arguments.seeds} seeds; λ grows away from BPR"
    save_figure(trade_off_figure({**lines, "BPR": base}, "ndcg@10", FAIRNESS, title), out)


if __name__ == "__main__":
    main()
