"""How much of a sweep's front is lost without the settings that use an option, ILE's weight say.

python benchmarks/share_of_option.py <folder of a sweep> [--option=ile_lambda] [--objectives=ndcg@10,upd@10,ad@10,ee@10]

Of each base model and of all together: the hypervolume on the validation part, measured from the worst of all settings,
and the share of it that only settings with the option above 0 reach; then those of them that are on the front of all.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.table import Table

from recbole_ile.functional.pareto import hypervolume, non_dominated
from recbole_ile.metric import Better, Metric
from recbole_ile.plugin.catalogue.model_names import ModelName


def main() -> None:
    """Print both tables."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("folder", type=Path)
    options.add_argument("--option", default="ile_lambda")
    options.add_argument("--objectives", default="ndcg@10,upd@10,ad@10,ee@10")
    given = options.parse_args()
    metrics = [Metric.parse(name) for name in given.objectives.split(",")]
    better = [each.better for each in metrics]
    trials = pd.read_csv(given.folder / "trials.csv")
    trials = trials[trials["status"] == "done"]
    columns = [f"valid_{metric}" for metric in metrics]
    worst = [
        trials[column].min() if each is Better.HIGHER else trials[column].max()
        for column, each in zip(columns, better, strict=True)
    ]
    uses = trials[given.option].fillna(0.0) > 0
    bases = trials["model"].map(lambda name: ModelName.parse(name).base)

    def volume(rows: pd.DataFrame) -> float:
        return hypervolume(rows[columns].to_numpy(), better, worst)

    console = Console()
    table = Table(title=f"hypervolume of {given.folder.name}, {given.objectives}")
    for column in ("model", "settings", "hypervolume", f"share of {given.option} alone"):
        table.add_column(column, justify="right")
    for name, rows in [*((base, bases == base) for base in bases.unique()), ("all together", bases == bases)]:
        whole = volume(trials[rows])
        lost = 1.0 - volume(trials[rows & ~uses]) / whole if whole else 0.0
        table.add_row(name, str(int(rows.sum())), f"{whole:.3g}", f"{lost:.1%}")
    console.print(table)
    front = trials[non_dominated(trials[columns].to_numpy(), better) & uses]
    keys = list(trials.columns[2 : trials.columns.get_loc(next(iter(trials.filter(like="valid_"))))])
    console.print(front[[*keys, *columns]].to_string(index=False) if len(front) else "none of them is on the front")


if __name__ == "__main__":
    main()
