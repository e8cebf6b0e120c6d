"""Two processes compute what one computes on the same global batch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from together import SHARED, train_steps

from recbole_ile.functional.distances import DISTANCES
from recbole_ile.plugin.process_group import first_decides, global_sums, n_processes, of_all
from recbole_ile.plugin.processes import run_processes

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


def options(data: Path) -> dict[str, Any]:
    fixed = {"topk": 2, "valid_metric": "NDCG@2", "ile_lambda": 0.5, "epochs": 1, "state": "ERROR"}
    return {"data_path": str(data), "show_progress": False, **fixed}


def test_two_processes_take_the_step_of_one(tiny: Path) -> None:
    alone = train_steps(options(tiny), CASES)[0]
    keywords = {"config_dict": options(tiny), "cases": CASES}
    both = run_processes(train_steps, keywords, nproc=2, **SHARED)
    assert len(both) == 2
    for process in both:
        for (distance, batch), expected, step in zip(CASES, alone, process, strict=True):
            where = f"{distance} of {batch}"
            assert step["losses"] == pytest.approx(expected["losses"], abs=1e-5), where
            assert step["group_losses"] == pytest.approx(expected["group_losses"], abs=1e-6), where
            for gradient, wanted in zip(step["gradients"], expected["gradients"], strict=True):
                torch.testing.assert_close(gradient, wanted, rtol=1e-5, atol=1e-5)
    terms = {distance: step["losses"][1] for (distance, _), step in zip(CASES, alone, strict=True)}
    assert len(terms) == len(DISTANCES)


def test_a_process_alone_asks_nobody() -> None:
    sums, counts = torch.tensor([1.0, 2.0], requires_grad=True), torch.tensor([1.0, 0.0])
    assert n_processes() == 1
    assert global_sums(sums, counts)[0] is sums
    assert of_all("mine") == ["mine"]
    assert first_decides(lambda: 7) == 7
