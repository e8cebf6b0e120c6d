"""What mitigations add to a training epoch: a model with and without each, in alternation.

python benchmarks/mitigation_overhead.py --model LightGCN NeuMF [--mitigation ILE LA] [--dataset=ml-100k] [--rounds=7]

The base model is taken with its group losses observed, as they are in a run, and without. Ratios are times as fast as
the base model observed: 0.95 says that an epoch takes 5 % more.
"""

from __future__ import annotations

from typing import Any

from side_by_side import Run, alternate, ours, parser, report, settings
from training import epoch

from recbole_ile.plugin.losses.observers import stop_listening
from recbole_ile.plugin.output.logs import quiet_recbole

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
    options.add_argument("--mitigation", nargs="+", default=["ILE", "LA"])
    arguments = options.parse_args()
    given = settings(arguments)
    for name in arguments.model:
        own = {**given, **SEQUENTIAL.get(name, {})}
        names = [name, *(f"{name}_{mitigation}" for mitigation in arguments.mitigation)]
        tasks = {suffixed: epoch(ours(suffixed, own)) for suffixed in names}
        tasks[f"{name}, not observed"] = epoch(unobserved(name, own))
        report(f"an epoch of {name} on {arguments.dataset}", alternate(tasks, arguments.rounds), name)


if __name__ == "__main__":
    with quiet_recbole():
        main()
