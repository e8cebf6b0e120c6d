"""Two processes compute what one computes on the same global batch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from atomic import write_atomic
from together import SHARED, compute, losses_together

from recbole_ile.functional.distances import DISTANCES
from recbole_ile.plugin.evaluation.metrics import METRICS
from recbole_ile.plugin.processes.group import from_first_process, gather_all, global_sums, n_processes
from recbole_ile.plugin.processes.launch import run_processes

# The rows of a batch belong to the first and to the second process by turns.
BATCHES = {
    "all groups in both": [0, 1, 1, 2, 2, 0, 1, 1],
    "other counts in each": [0, 0, 0, 1, 2, 2, 0, 2],
    "a group in one only": [0, 1, 0, 1, 2, 1, 2, 1],
    "another group in each": [0, 2, 0, 2, 0, 2, 0, 2],
    "a group nowhere": [0, 1, 1, 1, 0, 0, 1, 1],
    "one group alone": [1, 1, 1, 1, 1, 1, 1, 1],
}
CASES = [(distance, batch) for distance in sorted(DISTANCES) for batch in BATCHES.values()]
OURS = [metric.__name__ for metric in METRICS]
RANKING = ["NDCG", "GAUC", "AveragePopularity", "ItemCoverage", "GiniIndex", "ShannonEntropy", *OURS]
RATED = {"load_col": {"inter": ["user_id", "item_id", "rating"]}, "threshold": {"rating": 2}}
EVALUATIONS = [
    ("BPR", {"dataset": "tiny", "metrics": RANKING, "eval_batch_size": 9}),  # a user in each batch
    ("BPR", {"dataset": "tiny", "metrics": RANKING, "eval_batch_size": 9, "fast_loader": False}),
    ("BPR", {"dataset": "tiny", "metrics": RANKING}),  # all users in one batch
    ("BPR", {"dataset": "tiny", "metrics": RANKING, "eval_args.mode": "uni2", "eval_batch_size": 1}),
    ("FM", {"dataset": "rated", "metrics": ["AUC", "LogLoss"], "valid_metric": "AUC", "eval_batch_size": 3, **RATED}),
]


def options(data: Path) -> dict[str, Any]:
    fixed = {"topk": 2, "valid_metric": "NDCG@2", "ile_lambda": 0.5, "epochs": 1, "state": "ERROR"}
    return {"data_path": str(data), "show_progress": False, **fixed}


@pytest.mark.trains
def test_two_processes_compute_what_one_does(tiny: Path) -> None:
    rows = [f"{user} {item} {(user * item) % 5}" for user in range(6) for item in range(8)]
    write_atomic(tiny, "rated", ["user_id:token item_id:token rating:float", *rows])
    work = {"config_dict": options(tiny), "steps": CASES, "evaluations": EVALUATIONS}
    (steps,), (evaluations,) = compute(**work)
    both_steps, both_evaluations = run_processes(compute, work, nproc=2, **SHARED)
    assert len(both_steps) == len(both_evaluations) == 2
    for process in both_steps:
        for (distance, batch), expected, step in zip(CASES, steps, process, strict=True):
            where = f"{distance} of {batch}"
            assert step["losses"] == pytest.approx(expected["losses"], abs=1e-5), where
            assert step["group_losses"] == pytest.approx(expected["group_losses"], abs=1e-6), where
            for gradient, wanted in zip(step["gradients"], expected["gradients"], strict=True):
                torch.testing.assert_close(gradient, wanted, rtol=1e-5, atol=1e-5)
    for process in both_evaluations:
        for (_, changed), expected, result in zip(
            [case for case in EVALUATIONS for _ in range(2)], evaluations, process, strict=True
        ):
            assert repr(result) == repr(expected), changed
    assert steps[0]["losses"][1] > 0
    assert {"gauc", "giniindex@2", "upd@2", "popreo@2", "poprsp@2", "test_by_user_group"} <= set(evaluations[0])


@pytest.mark.trains
def test_losses_of_the_global_batch_are_those_of_two_processes(tiny: Path) -> None:
    names = ("BPR_GDRO", "BPR_PCC", "BPR_PD_ILE_PCC_IPS_GDRO", "BPR_IPS")
    further = {"dataset": "tiny", "gdro_step": 0.5, "pcc_weight": 0.3, "ips_normalize": True, "ips_power": 0.5}
    work = {
        "config_dict": {**options(tiny), "learning_rate": 0.1, "learner": "sgd"},
        "models": [(name, further) for name in names],
        "batches": [batch for batch in BATCHES.values() if len(set(batch)) > 1],
    }
    (alone,) = losses_together(**work)
    both = run_processes(losses_together, work, nproc=2, **SHARED)
    assert len(both) == 2
    for name, expected, *found in zip(names, alone, *both, strict=True):
        assert found[0]["shares"] == found[1]["shares"]
        for each in found:
            assert each["losses"] == pytest.approx(expected["losses"], abs=1e-4), name
            assert each["shares"] == pytest.approx(expected["shares"], abs=1e-6), name
            for gradient, wanted in zip(each["gradients"], expected["gradients"], strict=True):
                torch.testing.assert_close(gradient, wanted, rtol=1e-4, atol=1e-5)


def test_a_process_alone_asks_nobody() -> None:
    sums, counts = torch.tensor([1.0, 2.0], requires_grad=True), torch.tensor([1.0, 0.0])
    assert n_processes() == 1
    assert global_sums(sums, counts)[0] is sums
    assert gather_all("mine") == ["mine"]
    assert from_first_process(lambda: 7) == 7
