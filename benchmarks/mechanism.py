"""Does a disparity of losses go with a biased list? Both after each epoch of training, over weights of ILE.

python benchmarks/mechanism.py [--models=BPR,LightGCN] [--weights=0,0.1,0.3,1] [--epochs=40] [--out=docs/mechanism.png]

A row is a run: the rank correlation over its epochs of the disparity of the groups' mean losses (`mad`) with UPD@10 on
the validation part, without the first epochs in which nothing is learned yet, and both in the last epoch with nDCG@10.
The last row of a model is the correlation over its weights, in the last epoch.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from rich.console import Console
from rich.table import Table
from scipy.stats import spearmanr
from side_by_side import ours, parser, settings

from recbole_ile.functional.distances import mean_absolute_deviation
from recbole_ile.plugin.output.logs import quiet_recbole
from recbole_ile.report.figures import save_figure

START = 5
"""Epochs that are left out."""


def epochs_of(model: str, weight: float, options: dict[str, Any], epochs: int) -> pd.DataFrame:
    """Train a model and return disparity, UPD and nDCG after each epoch."""
    run = ours(f"{model}_ILE", {**options, "ile_lambda": weight, "ile_distance": "mad"})
    rows = []
    for epoch in range(epochs):
        run.trainer._train_epoch(run.train, epoch)
        found = run.trainer.evaluate(run.valid, load_best_model=False)
        losses = run.trainer.history.epochs[-1]["losses"]
        rows.append({"epoch": epoch, "disparity": disparity(losses), "upd": found["upd@10"], "ndcg": found["ndcg@10"]})
    return pd.DataFrame(rows).assign(model=model, weight=weight)


def disparity(losses: list[float]) -> float:
    """Return the mean absolute deviation of the groups' losses over their mean, so that models can be compared."""
    return float(mean_absolute_deviation(torch.tensor(losses))) / float(np.mean(losses))


def correlation(table: pd.DataFrame) -> str:
    """Return Spearman's correlation of disparity and UPD."""
    return f"{spearmanr(table['disparity'], table['upd']).statistic:+.2f}" if len(table) > 2 else "-"


def draw(table: pd.DataFrame, out: Path, dataset: str) -> None:
    """Draw UPD over disparity, a line for each run."""
    from matplotlib.figure import Figure

    models = list(table["model"].unique())
    figure = Figure(figsize=(4 * len(models), 4), layout="constrained")
    for place, model in enumerate(models, 1):
        axes = figure.add_subplot(1, len(models), place, title=model, xlabel="MAD of group losses / mean loss")
        for weight, run in table[table["model"] == model].groupby("weight"):
            (line,) = axes.plot(run["disparity"], run["upd"], label=f"ile_lambda={weight:g}", linewidth=1)
            axes.plot(run["disparity"].iloc[-1:], run["upd"].iloc[-1:], "o", color=line.get_color())
        axes.legend(fontsize="small")
    figure.axes[0].set_ylabel("UPD@10, validation part")
    figure.suptitle(f"{dataset}, epoch after epoch; a dot is the last one", fontsize="medium")
    save_figure(figure, out)


def main() -> None:
    """Print the table, and draw the figure."""
    arguments = parser(__doc__)
    arguments.add_argument("--models", default="BPR,LightGCN")
    arguments.add_argument("--weights", default="0,0.1,0.3,1")
    arguments.add_argument("--epochs", type=int, default=40)
    arguments.add_argument("--out", default="docs/mechanism.png")
    given = arguments.parse_args()
    out = Path(given.out).resolve()
    options = {**settings(given), "metrics": ["NDCG", "UPD"], "topk": [10], "valid_metric": "NDCG@10"}
    table = Table(title=f"{given.dataset}, {given.epochs} epochs")
    for column in ("model", "ile_lambda", "correlation over epochs", "MAD / mean", "UPD@10", "nDCG@10"):
        table.add_column(column, justify="right")
    every = []
    for model in given.models.split(","):
        further = {"train_neg_sample_args": None} if model.startswith("Multi") else {}
        runs = [epochs_of(model, float(w), {**options, **further}, given.epochs) for w in given.weights.split(",")]
        for run in runs:
            last = run.iloc[-1]
            figures = (f"{last[name]:.4f}" for name in ("disparity", "upd", "ndcg"))
            table.add_row(model, f"{last['weight']:g}", correlation(run[START:]), *figures)
        ends = pd.concat([run.iloc[-1:] for run in runs])
        table.add_row(model, "all, last epoch", correlation(ends), "", "", "")
        every += runs
    Console(width=120).print(table)
    draw(pd.concat(every), out, given.dataset)


if __name__ == "__main__":
    with quiet_recbole():
        main()
