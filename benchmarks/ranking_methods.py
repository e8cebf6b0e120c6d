"""What each mitigation in ranking gives for the same loss of accuracy, its weight chosen on the validation part.

python benchmarks/ranking_methods.py --dataset=ml-1m --data_path=<folder> [--model=EASE] [--seeds=1] [--key=value ...]

A model is trained once a seed and evaluated under every setting that `sweep` tries of each mitigation. Of each, and for
each loss that is allowed, the setting with the best value of a metric on the validation part is taken; the table has
its values on the test part, means over the seeds.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
from recbole.utils import init_seed
from rich.console import Console
from rich.table import Table

from recbole_ile.commands.arguments import parse_options
from recbole_ile.experiments.sweep.space import grid_points, mitigation_space
from recbole_ile.metric import Metric
from recbole_ile.plugin.catalogue.mitigations import Stage, known_mitigations
from recbole_ile.plugin.config.config import IleConfig
from recbole_ile.plugin.output.logs import quiet_recbole
from recbole_ile.plugin.runs.pipeline import train
from recbole_ile.plugin.runs.preparation import build_model, prepare_data
from recbole_ile.plugin.training.trainer import get_trainer

LOSSES = (0.01, 0.02, 0.05)
METRICS = ("ndcg@10", "upd@10", "ad@10", "ee@10")


def methods() -> dict[str, list[dict[str, Any]]]:
    """Return what is tried of each mitigation in ranking, by its suffix."""
    found = {}
    for suffix, each in known_mitigations().items():
        if each.stage is Stage.RANKING and not each.ensemble:
            found[suffix] = grid_points(mitigation_space(each), num_samples=1, seed=0)
    return found


def evaluations(base: str, options: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Train a model and give its metrics on both parts under every setting."""
    tried = methods()
    neutral = {key: value for suffix in tried for key, value in (known_mitigations()[suffix].neutral or {}).items()}
    name = "_".join([base, *tried])

    def configuration(**further: Any) -> IleConfig:
        return IleConfig(name, config_dict={**options, **neutral, "state": "ERROR", "show_progress": False, **further})

    config = configuration()
    init_seed(config["seed"], True)
    data = prepare_data(config)
    model = build_model(config, data)
    trainer = get_trainer(config)(config, model)
    train(config, data, model, trainer, saved=True)
    trainer.evaluate(data.valid, load_best_model=True, show_progress=False)
    with trainer.keeping_scores():
        yield from under_all_settings(trainer, data, tried, configuration)


def under_all_settings(
    trainer: Any, data: Any, tried: dict[str, list[dict[str, Any]]], configuration: Callable[..., IleConfig]
) -> Iterator[dict[str, Any]]:
    """Evaluate a trained model under every setting, and give its metrics on both parts."""
    every: dict[str, list[dict[str, Any]]] = {"": [{}], **tried}
    for suffix, points in every.items():
        for point in points:
            own = configuration(**point)
            trainer.model.set_ranking(own)
            trainer.settle_ranking(own, data.train, data.valid)
            found = {"method": suffix, "point": repr(point)}
            for part in ("valid", "test"):
                metrics = trainer.evaluate(getattr(data, part), load_best_model=False, show_progress=False)
                found.update({f"{part} {metric}": metrics[metric] for metric in METRICS})
            yield found


def main() -> None:
    """Print a table for each metric of fairness."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="EASE")
    parser.add_argument("--dataset", default="ml-100k")
    parser.add_argument("--data_path", default="dataset/")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--out", help="a CSV file of everything that was found")
    arguments, rest = parser.parse_known_args()
    given = {"dataset": arguments.dataset, "data_path": str(Path(arguments.data_path).resolve())}
    rows = []
    for seed in range(2020, 2020 + arguments.seeds):
        with tempfile.TemporaryDirectory() as folder:
            options = {**given, **dict(parse_options(rest)), "seed": seed, "checkpoint_dir": folder}
            rows += list(evaluations(arguments.model, options))
    found = pd.DataFrame(rows).groupby(["method", "point"], sort=False).mean().reset_index()
    if arguments.out:
        found.to_csv(arguments.out, index=False)
    base = found[found["method"] == ""].iloc[0]
    console = Console(width=140)
    console.print(f"{arguments.model}: " + ", ".join(f"{each} {base[f'test {each}']:.4f}" for each in METRICS))
    for metric in METRICS[1:]:
        table = Table(title=f"{metric} on the test part ({arguments.model}, {arguments.dataset}; in brackets nDCG@10)")
        table.add_column("")
        for loss in LOSSES:
            table.add_column(f"{loss:.0%} of nDCG", justify="right")
        for method in [each for each in dict.fromkeys(found["method"]) if each]:
            cells = []
            for loss in LOSSES:
                own = found[found["method"].isin([method, ""])]
                own = own[own["valid ndcg@10"] >= (1 - loss) * base["valid ndcg@10"]]
                gains = Metric.parse(metric).gain(own[f"valid {metric}"].to_numpy())
                best = own.iloc[int(gains.argmax())]
                cells.append(f"{best[f'test {metric}']:.4f} ({best['test ndcg@10']:.4f})")
            table.add_row(method, *cells)
        console.print(table)


if __name__ == "__main__":
    with quiet_recbole():
        main()
