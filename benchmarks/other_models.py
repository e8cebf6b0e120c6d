"""What ILE does to models other than BPR: accuracy and popularity bias with and without it, over seeds.

python benchmarks/other_models.py --dataset=ml-100k --models LightGCN NeuMF MultiVAE SASRec [--seeds=3]

For each model the weight is chosen on the first seed's validation part alone: the one with the lowest UPD whose
nDCG is within 5 % of the base model's, or the one that loses least if there is none. The test part is then shown
for the base model and for that weight, mean and standard deviation over the seeds.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from typing import Any

import pandas as pd

from recbole_ile import run_recbole_ile

WEIGHTS = {"MultiVAE": (1.0, 3.0, 10.0, 30.0)}
"""Its loss is a sum over a user's items, a hundred times that of the others."""
USUAL = (0.1, 0.3, 1.0)
SHOWN = ["ndcg@10", "upd@10", "ad@10", "ee@10"]
OPTIONS: dict[str, dict[str, Any]] = {
    "LightGCN": {"learning_rate": 0.005},
    "MultiVAE": {"train_batch_size": 256},
    "SASRec": {"train_neg_sample_args": None, "MAX_ITEM_LIST_LENGTH": 10, "hidden_size": 32, "inner_size": 64},
}
"""What trains in minutes on two cores; a base model and its ILE have the same."""


def run(model: str, seed: int, options: dict[str, Any]) -> dict[str, Any]:
    """Train and evaluate a model."""
    settings = {"seed": seed, "show_progress": False, "state": "ERROR", "valid_metric": "NDCG@10"}
    return run_recbole_ile(model, config_dict={**settings, **options})


def within(loss: float, base: dict[str, float], found: dict[float, dict[str, float]]) -> float:
    """Return the weight with the lowest UPD among those whose nDCG is at most ``loss`` below the base model's."""
    least = (1.0 - loss) * base["ndcg@10"]
    good = {weight: result for weight, result in found.items() if result["ndcg@10"] >= least}
    if good:
        return min(good, key=lambda weight: good[weight]["upd@10"])
    return max(found, key=lambda weight: found[weight]["ndcg@10"])


def main() -> None:
    """Train everything and print a row for each model with and without ILE."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", default="ml-100k")
    parser.add_argument("--data_path", default="dataset/")
    parser.add_argument("--models", nargs="+", default=["LightGCN", "NeuMF", "MultiVAE", "SASRec"])
    parser.add_argument("--distance", default="mad")
    parser.add_argument("--weights", nargs="+", type=float)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=300)
    arguments = parser.parse_args()
    common = {"dataset": arguments.dataset, "data_path": os.path.abspath(arguments.data_path)}
    common["epochs"] = arguments.epochs
    os.chdir(tempfile.mkdtemp())
    for model in arguments.models:
        options = {**common, **OPTIONS.get(model, {})}
        bases = [run(model, seed, options) for seed in range(arguments.seeds)]
        weights = arguments.weights or WEIGHTS.get(model, USUAL)
        equalized = {
            weight: {**options, "ile_lambda": weight, "ile_distance": arguments.distance} for weight in weights
        }
        first = {weight: run(f"{model}_ILE", 0, settings) for weight, settings in equalized.items()}
        valid = {weight: result["best_valid_result"] for weight, result in first.items()}
        for weight in weights:
            print(model, weight, "validation", {name: valid[weight][name] for name in SHOWN}, flush=True)
        chosen = within(0.05, bases[0]["best_valid_result"], valid)
        others = [run(f"{model}_ILE", seed, equalized[chosen]) for seed in range(1, arguments.seeds)]
        for name, results in ((model, bases), (f"{model}_ILE {chosen:g}", [first[chosen], *others])):
            table = pd.DataFrame([result["test_result"] for result in results])[SHOWN]
            means, spread = table.mean(), table.std()
            figures = "  ".join(f"{column} {means[column]:.4f} ± {spread[column]:.4f}" for column in SHOWN)
            epochs = [len(result["group_losses"]) for result in results]
            print(f"{arguments.dataset}  {name:18s} {figures}  epochs {epochs}", flush=True)


if __name__ == "__main__":
    main()
