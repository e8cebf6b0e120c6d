"""What ILE adds to a training epoch: a model with and without it, in alternation.

python benchmarks/ile_overhead.py --model LightGCN NeuMF MultiVAE SASRec [--dataset=ml-100k] [--rounds=7]

The base model is taken with its group losses observed, as they are in a run, and without. A figure of 1.05 says
that its epochs take 5 % less than those with ILE.
"""

from __future__ import annotations

from typing import Any

from side_by_side import Run, alternate, ours, parser, report, settings
from training import epoch

from recbole_ile.plugin.logs import quiet_recbole
from recbole_ile.plugin.models.sources import stop_listening

SEQUENTIAL = {
    "SASRec": {"train_neg_sample_args": None, "MAX_ITEM_LIST_LENGTH": 10, "hidden_size": 32, "inner_size": 64}
}


def unobserved(name: str, options: dict[str, Any]) -> Run:
    """Return a run of the base model that keeps no group losses."""
    run = ours(name, options)
    vars(run.model).pop("calculate_loss", None)
    run.model.group_losses = None
    for loss in [module for module in run.model.modules() if "reductions" in vars(module)]:
        stop_listening(loss)
    return run


def main() -> None:
    """Print a table for each model."""
    options = parser(__doc__)
    options.add_argument("--model", nargs="+", default=["LightGCN", "NeuMF", "MultiVAE", "SASRec"])
    arguments = options.parse_args()
    given = settings(arguments)
    for name in arguments.model:
        own = {**given, **SEQUENTIAL.get(name, {})}
        tasks = {suffixed: epoch(ours(suffixed, own)) for suffixed in (f"{name}_ILE", name)}
        tasks[f"{name}, not observed"] = epoch(unobserved(name, own))
        report(f"an epoch of {name} on {arguments.dataset}", alternate(tasks, arguments.rounds), f"{name}_ILE")


if __name__ == "__main__":
    with quiet_recbole():
        main()
